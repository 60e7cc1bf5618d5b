package thing_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/comity-iot/comity/iot/control"
	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/thing"
	"github.com/comity-iot/comity/xep/entitytime"
	"github.com/comity-iot/comity/xep/version"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// XEP-0115: the hash in presence is that of what the thing tells.
func TestCapabilities(t *testing.T) {
	lamp := &bulb{}
	live(t, lit(lamp), func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		caps, ok := disco.ParseCaps(w.broker.Presence().Child(disco.NSCaps, "c"))
		if !ok {
			w.Fatalf("presence %v", w.broker.Presence())
		}
		for _, node := range []string{"", caps.InfoNode()} {
			info, err := disco.GetInfo(w.ctx, w.owner, jid.JID{}, node)
			w.ok(err)
			if err := caps.Verify(info); err != nil {
				w.Errorf("node %q: %v", node, err)
			}
			for _, f := range []string{sensordata.Family.NS(1), control.Family.NS(4), "urn:xmpp:ping"} {
				if !slices.Contains(info.Features, f) {
					w.Errorf("no feature %s", f)
				}
			}
			if !info.Is("client", "bot") {
				w.Errorf("identities %v", info.Identities)
			}
		}
		if _, err := disco.GetInfo(w.ctx, w.owner, jid.JID{}, "another"); !errors.Is(err, stanza.ItemNotFound) {
			w.Errorf("another node: %v; want item-not-found", err)
		}
		items, err := disco.GetItems(w.ctx, w.owner, jid.JID{}, "")
		if err != nil || len(items.Items) > 0 {
			w.Errorf("items %v, %v", items, err)
		}
	})
}

// A thing without parameters does not pretend to be controlled.
func TestCapabilitiesOfASensor(t *testing.T) {
	live(t, func(w *world) { w.thing.Field(temperature(20)) }, func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		info, err := disco.GetInfo(w.ctx, w.owner, jid.JID{}, "")
		w.ok(err)
		for _, space := range control.Family.All() {
			if info.Has(space) {
				w.Errorf("feature %s", space)
			}
		}
	})
}

// XEP-0030#security: who may not know the thing does not learn what it is.
func TestStrangersLearnNothing(t *testing.T) {
	live(t, lit(&bulb{}), func(w *world) {
		for name, ask := range map[string]func(context.Context, stanza.Requester) error{
			"info": func(ctx context.Context, r stanza.Requester) error {
				_, err := disco.GetInfo(ctx, r, jid.JID{}, "")
				return err
			},
			"items": func(ctx context.Context, r stanza.Requester) error {
				_, err := disco.GetItems(ctx, r, jid.JID{}, "")
				return err
			},
			"version": func(ctx context.Context, r stanza.Requester) error {
				_, err := version.Get(ctx, r, jid.JID{})
				return err
			},
			"time": func(ctx context.Context, r stanza.Requester) error {
				_, err := entitytime.Get(ctx, r, jid.JID{})
				return err
			},
		} {
			if err := ask(w.ctx, w.mallory); !errors.Is(err, stanza.ServiceUnavailable) {
				w.Errorf("%s: %v; want service-unavailable", name, err)
			}
			if err := ask(w.ctx, w.broker.Person("discovery.broker.example")); err != nil {
				w.Errorf("%s for the broker: %v", name, err)
			}
		}
	})
}

func TestVersion(t *testing.T) {
	live(t, nil, func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		got, err := version.Get(w.ctx, w.owner, jid.JID{})
		if want := (version.Software{Name: about.Model, Version: about.Version}); err != nil || got != want {
			w.Errorf("%v, %v; want %v", got, err, want)
		}
	})
}

// Mistakes of the maker are errors of Run, all of them at once.
func TestMistakes(t *testing.T) {
	read := func(context.Context) (thing.Value, error) { return thing.IntValue(1), nil }
	set := func(context.Context, int64) error { return nil }
	for name, declare := range map[string]func(*thing.Thing){
		"field without a name": func(t *thing.Thing) { t.Field(thing.Field{Read: read}) },
		"field without Read":   func(t *thing.Thing) { t.Field(thing.Field{Name: "x"}) },
		"two fields": func(t *thing.Thing) {
			t.Field(thing.Field{Name: "x", Read: read})
			t.Field(thing.Field{Name: "x", Read: read})
		},
		"a line break":          func(t *thing.Thing) { t.Field(thing.Field{Name: "a\nb", Read: read}) },
		"parameter without Set": func(t *thing.Thing) { t.Parameter(thing.Integer{Name: "x"}) },
		"two parameters": func(t *thing.Thing) {
			t.Parameter(thing.Integer{Name: "x", Set: set})
			t.Parameter(thing.Integer{Name: "x", Set: set})
		},
		"upside down": func(t *thing.Thing) { t.Parameter(thing.Integer{Name: "x", Min: 3, Max: 1, Set: set}) },
		"no options": func(t *thing.Thing) {
			t.Parameter(thing.Choice{Name: "x", Set: func(context.Context, string) error { return nil }})
		},
	} {
		th := thing.New(about)
		declare(th)
		err := th.Run(t.Context(), thing.Config{Broker: "broker.example", State: t.TempDir()})
		if !errors.Is(err, thing.ErrConfig) {
			t.Errorf("%s: Run = %v; want ErrConfig", name, err)
		}
	}
}

// A field in its own words takes the place of the one that its parameter brings, whichever is declared first.
func TestFieldOfAParameter(t *testing.T) {
	field := thing.Field{Name: "Light", Read: func(context.Context) (thing.Value, error) { return thing.TextValue("glowing"), nil }}
	for _, first := range []bool{true, false} {
		lamp := &bulb{}
		live(t, func(w *world) {
			if first {
				w.thing.Field(field)
			}
			w.thing.Parameter(thing.Bool{Name: "Light", Get: lamp.get, Set: lamp.set})
			if !first {
				w.thing.Field(field)
			}
		}, func(w *world) {
			w.ok(w.broker.Claim(w.ctx, w.owner))
			report, err := w.owner.Read(w.ctx, sensordata.Request{})
			w.ok(err)
			got, _ := report.Latest("Light")
			if got.Value != "glowing" || !got.Writable || report.Len() != 1 {
				w.Errorf("first %v: %+v", first, report)
			}
		})
	}
}
