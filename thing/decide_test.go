package thing_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/thing"
	"github.com/comity-iot/comity/xep/roster"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// station has several fields and categories.
func station(w *world) {
	w.thing.Field(temperature(21.46))
	for name, c := range map[string]iot.Categories{"Humidity": iot.Momentary, "Temperature, Max": iot.Peak, "Runtime": iot.Status} {
		w.thing.Field(thing.Field{Name: name, Categories: c, Read: func(context.Context) (thing.Value, error) {
			return thing.IntValue(42), nil
		}})
	}
}

// fields returns the names that were told.
func fields(r sensordata.Report) map[string]bool {
	names := map[string]bool{}
	for s := range r.Samples() {
		names[s.Name] = true
	}
	return names
}

// Without a rule a stranger is refused; when the owner has said yes they are let in. XEP-0324#friendshiprequestaccepted
func TestFriendship(t *testing.T) {
	live(t, station, func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		if ok, err := w.alice.Befriend(w.ctx); ok || err != nil {
			w.Fatalf("a stranger was let in: %v", err)
		}
		if _, err := w.alice.Read(w.ctx, sensordata.Request{}); !errors.Is(err, stanza.Forbidden) {
			w.Errorf("a stranger reads: %v; want forbidden", err)
		}
		w.broker.SetRules(allow)
		w.ok(w.broker.ClearCache(w.ctx))
		w.broker.Advise(provisioning.Friend{JID: w.alice.JID.Bare()})
		for _, want := range []stanza.Type{stanza.Subscribed, stanza.Subscribe} { // RFC 6121 §3.4
			if said, err := w.alice.Presence(w.ctx); said != want || err != nil {
				w.Errorf("on the advice the thing said %q, %v; want %q", said, err, want)
			}
		}
		w.friend(w.alice)
		want := []thing.Friend{{JID: w.alice.JID.Bare()}, {JID: w.owner.JID.Bare()}}
		if got := w.thing.Friends(); len(got) != len(want) {
			w.Errorf("friends %v; want %v", got, want)
		}
		w.must(w.alice.Read(w.ctx, sensordata.Request{}))
	})
}

// XEP-0324#cache: what was answered is not asked again, until the service says so.
func TestAnswersAreRemembered(t *testing.T) {
	live(t, station, func(w *world) {
		w.broker.SetRules(allow)
		w.friend(w.alice)
		count := func() int { return len(w.broker.Asked()) }
		read := func(req sensordata.Request) {
			w.Helper()
			w.must(w.alice.Read(w.ctx, req))
		}
		read(sensordata.Request{Fields: []string{"Humidity", "Temperature"}})
		n := count()
		read(sensordata.Request{Fields: []string{"Temperature", "Humidity"}}) // the same, in another order
		read(sensordata.Request{Generation: iot.NF, Fields: []string{"Humidity", "Temperature", "Nonsense"}})
		if count() != n {
			w.Errorf("asked again: %v", w.broker.Asked()[n:])
		}
		read(sensordata.Request{Fields: []string{"Humidity"}})
		if count() != n+1 {
			w.Errorf("not asked about another request: %v", w.broker.Asked()[n:])
		}
		w.ok(w.broker.ClearCache(w.ctx))
		read(sensordata.Request{Fields: []string{"Humidity"}})
		if count() != n+2 {
			w.Errorf("not asked after clearCache: %v", w.broker.Asked()[n:])
		}
		want := thing.Question{Op: thing.Read, From: w.alice.JID.Bare(), Names: []string{"Humidity"}, Categories: iot.AllCategories}
		if got := w.broker.Asked()[n+1]; !reflect.DeepEqual(got, want) {
			w.Errorf("asked %+v; want exactly what was requested, %+v", got, want)
		}
	})
}

// A clearCache about a node is not about this thing.
func TestClearCacheOfANode(t *testing.T) {
	live(t, station, func(w *world) {
		w.broker.SetRules(allow)
		w.friend(w.alice)
		w.must(w.alice.Read(w.ctx, sensordata.Request{}))
		n := len(w.broker.Asked())
		w.must(w.broker.Push(w.ctx, provisioning.ClearCache{Node: iot.Node{ID: "plc1"}}.Element(iot.NF)))
		w.must(w.alice.Read(w.ctx, sensordata.Request{}))
		if asked := w.broker.Asked(); len(asked) != n {
			w.Errorf("asked again: %v", asked[n:])
		}
	})
}

// Smack waits for an element, everybody else for nothing. XEP-0324#clearcache
func TestClearCacheAnswer(t *testing.T) {
	live(t, nil, func(w *world) {
		for g := range provisioning.DeviceSpace.All() {
			answer, err := w.broker.Push(w.ctx, provisioning.ClearCache{}.Element(g))
			if err != nil || (answer != nil) != (g == iot.XSF) {
				w.Errorf("%v: answered %v, %v", g, answer, err)
			}
		}
	})
}

// Only the service can make the thing forget, befriend and unfriend. XEP-0324#security
func TestForgedAdvice(t *testing.T) {
	live(t, station, func(w *world) {
		w.broker.SetRules(allow)
		w.friend(w.alice)
		w.must(w.alice.Read(w.ctx, sensordata.Request{}))
		n := len(w.broker.Asked())
		for g := range provisioning.DeviceSpace.All() {
			_, err := w.alice.Request(w.ctx, &stanza.IQ{Type: stanza.Set, Payload: provisioning.ClearCache{}.Element(g)})
			if !errors.Is(err, stanza.Forbidden) {
				w.Errorf("clearCache in %v: %v; want forbidden", g, err)
			}
			w.alice.Send(stanza.NewMessage(jid.JID{}, stanza.Normal, provisioning.Friend{JID: w.mallory.JID.Bare()}.Element(g)))
			w.mallory.Send(stanza.NewMessage(jid.JID{}, stanza.Normal, provisioning.Unfriend{JID: w.alice.JID.Bare()}.Element(g)))
		}
		synctest.Wait()
		if got := w.broker.Contact(w.mallory.JID.Bare()); got != "" {
			w.Errorf("subscription with mallory: %s", got)
		}
		w.must(w.alice.Read(w.ctx, sensordata.Request{}))
		if asked := w.broker.Asked(); len(asked) != n {
			w.Errorf("asked again: %v", asked[n:])
		}
	})
}

// XEP-0324#unfriendingexistingfriends
func TestUnfriend(t *testing.T) {
	live(t, station, func(w *world) {
		w.broker.SetRules(allow)
		w.friend(w.alice)
		w.must(w.alice.Read(w.ctx, sensordata.Request{}))
		w.broker.Advise(provisioning.Unfriend{JID: w.alice.JID.Bare()})
		synctest.Wait()
		if got := w.broker.Contact(w.alice.JID.Bare()); got != roster.None {
			w.Errorf("subscription: %s; want none", got)
		}
		if _, err := w.alice.Read(w.ctx, sensordata.Request{}); !errors.Is(err, stanza.Forbidden) {
			w.Errorf("reading: %v; want forbidden", err)
		}
		// Should they become friends again, nothing is known of them.
		n := len(w.broker.Asked())
		w.friend(w.alice)
		w.must(w.alice.Read(w.ctx, sensordata.Request{}))
		if asked := w.broker.Asked()[n:]; len(asked) != 2 {
			w.Errorf("asked %v; want isFriend and canRead", asked)
		}
	})
}

// Answers and owner outlive a restart, so that a thing goes on answering when nobody is there to be asked.
func TestServiceAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		station(w)
		w.start()
		w.must(w.broker.Registered(w.ctx))
		w.ok(w.broker.Claim(w.ctx, w.owner))
		w.broker.SetRules(allow)
		w.friend(w.alice)
		w.must(w.alice.Read(w.ctx, sensordata.Request{}))
		w.end()

		w.broker.Leave(true)
		w.start()
		defer w.end()
		w.must(w.broker.Registered(w.ctx))
		w.must(w.owner.Read(w.ctx, sensordata.Request{}))
		w.must(w.alice.Read(w.ctx, sensordata.Request{}))

		began := time.Now()
		for range 2 {
			if _, err := w.alice.Read(w.ctx, sensordata.Request{Fields: []string{"Runtime"}}); !errors.Is(err, stanza.Forbidden) {
				w.Errorf("what was never asked: %v; want forbidden", err)
			}
		}
		if took := time.Since(began); took > 10*time.Second {
			w.Errorf("two denials took %v: the second waited for who is not there too", took)
		}
		w.broker.Leave(false)
		time.Sleep(time.Minute)
		w.must(w.alice.Read(w.ctx, sensordata.Request{Fields: []string{"Runtime"}}))
	})
}

// What was withdrawn does not come back with a restart.
func TestForgottenForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		station(w)
		w.start()
		w.must(w.broker.Registered(w.ctx))
		w.broker.SetRules(allow)
		w.friend(w.alice)
		w.must(w.alice.Read(w.ctx, sensordata.Request{}))
		time.Sleep(time.Minute) // the answer is on the disk by now
		w.ok(w.broker.ClearCache(w.ctx))
		kept := copyState(t, w.dir) // as it is at the moment of the acknowledgement: what follows is a crash
		w.end()
		restoreState(t, w.dir, kept)
		w.broker.SetRules(nil)
		w.start()
		defer w.end()
		w.must(w.broker.Registered(w.ctx))
		if _, err := w.alice.Read(w.ctx, sensordata.Request{}); !errors.Is(err, stanza.Forbidden) {
			w.Errorf("reading: %v; want forbidden", err)
		}
	})
}

// XEP-0324#restrictingfields: what is granted is told, and no more.
func TestPartialGrants(t *testing.T) {
	for _, test := range []struct {
		name    string
		request sensordata.Request
		granted provisioning.Scope
		want    []string // none for forbidden
	}{
		{
			"one field of all",
			sensordata.Request{},
			provisioning.Scope{Names: []string{"Temperature"}, Categories: iot.AllCategories},
			[]string{"Temperature"},
		},
		{
			"one of two",
			sensordata.Request{Fields: []string{"Humidity", "Temperature"}},
			provisioning.Scope{Names: []string{"Humidity"}, Categories: iot.AllCategories},
			[]string{"Humidity"},
		},
		{
			"a category",
			sensordata.Request{},
			provisioning.Scope{Categories: iot.Momentary},
			[]string{"Humidity", "Temperature"},
		},
		{
			"a category of those that were asked for",
			sensordata.Request{Categories: iot.Momentary | iot.Peak},
			provisioning.Scope{Categories: iot.Peak | iot.Status},
			[]string{"Temperature, Max"},
		},
		{
			"more than was asked for",
			sensordata.Request{Fields: []string{"Humidity"}},
			provisioning.Scope{Names: []string{"Humidity", "Runtime"}, Categories: iot.AllCategories},
			[]string{"Humidity"},
		},
		{"another field", sensordata.Request{Fields: []string{"Humidity"}}, provisioning.Scope{Names: []string{"Runtime"}, Categories: iot.AllCategories}, nil},
		{"an empty category", sensordata.Request{}, provisioning.Scope{Categories: iot.Historical}, nil},
		{"nothing that is there", sensordata.Request{}, provisioning.Scope{Names: []string{"Nonsense"}, Categories: iot.AllCategories}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			live(t, station, func(w *world) {
				w.broker.SetRules(func(q thing.Question) (provisioning.Scope, bool) { return test.granted, true })
				w.friend(w.alice)
				report, err := w.alice.Read(w.ctx, test.request)
				if len(test.want) == 0 {
					if !errors.Is(err, stanza.Forbidden) {
						w.Errorf("read %v, %v; want forbidden", report, err)
					}
					return
				}
				w.ok(err)
				want := map[string]bool{}
				for _, name := range test.want {
					want[name] = true
				}
				if got := fields(report); !reflect.DeepEqual(got, want) {
					w.Errorf("read %v; want %v", got, want)
				}
			})
		})
	}
}

// Requirement: the thing may decide by itself, with or without a service behind it.
func TestPolicy(t *testing.T) {
	policy := func(_ context.Context, q thing.Question) thing.Verdict {
		switch {
		case q.From.Domain() == "evil.example":
			return thing.Deny
		case q.Op == thing.Befriend, len(q.Names) == 1 && q.Names[0] == "Humidity":
			return thing.Allow
		}
		return thing.Ask
	}
	live(t, func(w *world) {
		station(w)
		w.config.Policy = policy
	}, func(w *world) {
		if ok, err := w.mallory.Befriend(w.ctx); ok || err != nil {
			w.Errorf("mallory is a friend: %v", err)
		}
		w.friend(w.alice)
		w.must(w.alice.Read(w.ctx, sensordata.Request{Fields: []string{"Humidity"}}))
		if asked := w.broker.Asked(); len(asked) > 0 {
			w.Errorf("asked %v", asked)
		}
		if _, err := w.alice.Read(w.ctx, sensordata.Request{Fields: []string{"Runtime"}}); !errors.Is(err, stanza.Forbidden) {
			w.Errorf("reading: %v; want forbidden", err)
		}
		if asked := w.broker.Asked(); len(asked) != 1 {
			w.Errorf("asked %v; want one question", asked)
		}
	})
}

// The permission that is asked for while a rule changes may be from before: it is asked for again.
func TestClearCacheDuringAQuestion(t *testing.T) {
	live(t, station, func(w *world) {
		w.broker.SetRules(allow)
		w.friend(w.alice)
		first := true
		w.broker.SetRules(func(q thing.Question) (provisioning.Scope, bool) {
			if !first {
				return provisioning.Scope{}, false
			}
			first = false
			// In the name of the service, which has just changed its mind but not yet answered.
			w.broker.Person("discovery.broker.example").Send((&stanza.IQ{
				Type: stanza.Set, ID: "clear", Payload: provisioning.ClearCache{}.Element(iot.NF),
			}).Stanza())
			time.Sleep(time.Second)
			return allow(q)
		})
		// Presence is decided beside the handlers, so that clearCache overtakes the answer.
		bob := w.broker.Person("bob@example.org/x")
		if ok, err := bob.Befriend(w.ctx); ok || err != nil {
			w.Errorf("bob is a friend, %v: the first answer was void", err)
		}
		if n := len(w.broker.Asked()); n != 3 { // alice, bob, bob again
			w.Errorf("asked %v", w.broker.Asked())
		}
	})
}
