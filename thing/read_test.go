package thing_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/thing"
	"github.com/comity-iot/comity/thing/thingtest"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Whoever asks is answered in their own generation.
func TestReadInEveryGeneration(t *testing.T) {
	live(t, station, func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		for g := range sensordata.Family.All() {
			report, err := w.owner.Read(w.ctx, sensordata.Request{Generation: g})
			if err != nil || report.Len() != 4 {
				w.Errorf("%v: %v, %v", g, report, err)
			}
		}
	})
}

// All types of values arrive as what they are.
func TestValues(t *testing.T) {
	at := time.Date(2018, 12, 25, 9, 27, 53, 0, time.UTC)
	values := map[string]thing.Value{
		"numeric 21.50":                 thing.FloatValue(21.5, 2),
		"int -3":                        thing.IntValue(-3),
		"long 4294967296":               thing.IntValue(1 << 32),
		"boolean true":                  thing.BoolValue(true),
		"string x":                      thing.TextValue("x"),
		"enum heating":                  thing.EnumValue("Mode", "heating"),
		"dateTime 2018-12-25T09:27:53Z": thing.TimeValue(at),
		"duration PT1M30S":              thing.DurationValue(90 * time.Second),
	}
	live(t, func(w *world) {
		for want, v := range values {
			w.thing.Field(thing.Field{Name: want, Read: func(context.Context) (thing.Value, error) { return v, nil }})
		}
		w.thing.Field(thing.Field{Name: "level", Unit: "%", Read: func(context.Context) (thing.Value, error) {
			return thing.IntValue(40), nil
		}})
		w.thing.Field(thing.Field{Name: "old", Read: func(context.Context) (thing.Value, error) {
			return thing.IntValue(1).At(at).With(sensordata.ManualReadout), nil
		}})
	}, func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		report, err := w.owner.Read(w.ctx, sensordata.Request{})
		w.ok(err)
		for want := range values {
			got, ok := report.Latest(want)
			if text := got.Type.String() + " " + got.Value; !ok || text != want {
				w.Errorf("got %q; want %q", text, want)
			}
		}
		if level, _ := report.Latest("level"); level.Value != "40" || level.Unit != "%" {
			w.Errorf("level: %+v", level) // only a numeric can have a unit on the wire
		}
		if old, _ := report.Latest("old"); !old.Time.Equal(at) || old.Quality != sensordata.ManualReadout {
			w.Errorf("old: %+v", old)
		}
		if len(slices.Collect(report.Faults())) > 0 {
			w.Errorf("faults: %v", report)
		}
	})
}

// One field that fails, or hangs, does not keep the others from being told.
func TestFaults(t *testing.T) {
	live(t, func(w *world) {
		w.thing.Field(temperature(20))
		for name, read := range map[string]func(context.Context) (thing.Value, error){
			"Broken":  func(context.Context) (thing.Value, error) { return thing.Value{}, errors.New("bus 3: secret") },
			"Nothing": func(context.Context) (thing.Value, error) { return thing.Value{}, nil },
			"Known": func(context.Context) (thing.Value, error) {
				return thing.Value{}, stanza.ResourceConstraint.With("warming up")
			},
			"Hanging": func(ctx context.Context) (thing.Value, error) {
				<-ctx.Done()
				return thing.Value{}, ctx.Err()
			},
		} {
			w.thing.Field(thing.Field{Name: name, Read: read, Timeout: 3 * time.Second})
		}
	}, func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		for g := range sensordata.Family.All() {
			began := time.Now()
			report, err := w.owner.Read(w.ctx, sensordata.Request{Generation: g})
			w.ok(err)
			if _, ok := report.Latest("Temperature"); !ok || time.Since(began) > 4*time.Second {
				w.Errorf("%v: %v after %v", g, report, time.Since(began))
			}
			var told []string
			for f := range report.Faults() {
				told = append(told, f.Text)
			}
			slices.Sort(told)
			want := []string{"Broken: cannot be read", "Hanging: no value in time", "Known: warming up", "Nothing: cannot be read"}
			if !slices.Equal(told, want) {
				w.Errorf("%v: faults %q; want %q", g, told, want)
			}
		}
	})
}

// slow is a field that takes its time, and knows whether it was ever called twice at once.
type slow struct {
	takes time.Duration
	busy  atomic.Int32
	twice atomic.Bool
	reads atomic.Int32
}

func (s *slow) field(name string) thing.Field {
	return thing.Field{Name: name, Timeout: time.Hour, Read: func(ctx context.Context) (thing.Value, error) {
		if s.busy.Add(1) > 1 {
			s.twice.Store(true)
		}
		defer s.busy.Add(-1)
		s.reads.Add(1)
		select {
		case <-time.After(s.takes):
			return thing.IntValue(int64(s.reads.Load())), nil
		case <-ctx.Done():
			return thing.Value{}, ctx.Err()
		}
	}}
}

// A slow sensor is read for all who wait for it, never twice at once, and keeps nobody from being heard.
func TestSeveralAtOnce(t *testing.T) {
	s := &slow{takes: 20 * time.Second}
	live(t, func(w *world) {
		w.thing.Field(s.field("Slow"))
		w.config.Policy = thing.Everybody
	}, func(w *world) {
		var people []*thingtest.Person
		for i := range 3 {
			p := w.broker.Person(fmt.Sprintf("p%d@example.org/x", i))
			w.friend(p)
			people = append(people, p)
		}
		var wait sync.WaitGroup
		for _, p := range people {
			for _, g := range []iot.Generation{iot.XSF, iot.NF} {
				wait.Go(func() {
					report, err := p.Read(w.ctx, sensordata.Request{Generation: g})
					if err != nil || len(fields(report)) != 1 {
						w.Errorf("%s in %v: %v, %v", p.JID, g, report, err)
					}
				})
			}
		}
		// Consent is withdrawn at once, whoever waits for what.
		time.Sleep(5 * time.Second)
		began := time.Now()
		w.ok(w.broker.ClearCache(w.ctx))
		if took := time.Since(began); took > 3*time.Second {
			w.Errorf("clearCache was acknowledged after %v", took)
		}
		wait.Wait()
		if n := s.reads.Load(); s.twice.Load() || n < 2 || n > 3 {
			w.Errorf("read %d times, two at once: %v", n, s.twice.Load())
		}
	})
}

// Who asks more than their share is told so.
func TestTooManyAtOnce(t *testing.T) {
	s := &slow{takes: 20 * time.Second}
	live(t, func(w *world) {
		w.thing.Field(s.field("Slow"))
		w.config.Policy = thing.Everybody
	}, func(w *world) {
		w.friend(w.alice)
		w.friend(w.mallory)
		var wait sync.WaitGroup
		var refused atomic.Int32
		for range 20 {
			wait.Go(func() {
				_, err := w.mallory.Read(w.ctx, sensordata.Request{})
				if errors.Is(err, stanza.ResourceConstraint) {
					refused.Add(1)
				} else if err != nil {
					w.Errorf("mallory: %v", err)
				}
			})
		}
		wait.Go(func() {
			w.must(w.alice.Read(w.ctx, sensordata.Request{}))
		})
		wait.Wait()
		if refused.Load() != 16 {
			w.Errorf("%d of 20 were refused; want all but 4", refused.Load())
		}
	})
}

// XEP-0323#cancelreadout
func TestCancelled(t *testing.T) {
	s := &slow{takes: time.Hour}
	live(t, func(w *world) { w.thing.Field(s.field("Slow")) }, func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second)
		defer cancel()
		if _, err := w.owner.Read(ctx, sensordata.Request{}); !errors.Is(err, context.DeadlineExceeded) {
			w.Errorf("read: %v", err)
		}
		synctest.Wait()
		if s.busy.Load() != 0 {
			w.Error("the field is still being read")
		}
	})
}

// A request for later is answered later, and with the permissions of then.
func TestReadLater(t *testing.T) {
	live(t, station, func(w *world) {
		w.broker.SetRules(allow)
		w.friend(w.alice)
		req := sensordata.Request{When: time.Now().Add(2 * time.Hour)}
		began := time.Now()
		w.must(w.alice.Read(w.ctx, req))
		if took := time.Since(began); took < 2*time.Hour || took > 3*time.Hour {
			w.Errorf("read after %v", took)
		}
		go func() {
			time.Sleep(time.Hour)
			w.broker.SetRules(nil)
			w.ok(w.broker.ClearCache(w.ctx))
		}()
		req.When = time.Now().Add(2 * time.Hour)
		if report, err := w.alice.Read(w.ctx, req); err != nil || len(fields(report)) > 0 {
			w.Errorf("read %v, %v; the permission was withdrawn", report, err)
		}
		req.When = time.Now().Add(1000 * time.Hour)
		if _, err := w.alice.Read(w.ctx, req); !errors.Is(err, stanza.ResourceConstraint) {
			w.Errorf("far ahead: %v; want resource-constraint", err)
		}
	})
}

// Consent that is withdrawn while data is read keeps it from being told.
func TestWithdrawnWhileReading(t *testing.T) {
	s := &slow{takes: 20 * time.Second}
	live(t, func(w *world) { w.thing.Field(s.field("Slow")) }, func(w *world) {
		w.broker.SetRules(allow)
		w.friend(w.alice)
		go func() {
			time.Sleep(10 * time.Second)
			w.broker.SetRules(nil)
			w.broker.Advise(provisioning.Unfriend{JID: w.alice.JID.Bare()})
		}()
		report, err := w.alice.Read(w.ctx, sensordata.Request{})
		if err != nil || len(fields(report)) > 0 || report.Len() != 1 {
			w.Errorf("read %v, %v; want one error in it", report, err)
		}
	})
}

// Whatever is sent, there is one answer, of the right kind, and the thing goes on.
func TestHostileRequests(t *testing.T) {
	many := func(child string) string { return strings.Repeat(child, 2000) }
	for _, test := range []struct {
		name, payload string
		want          stanza.Condition
	}{
		{"a node", `<req xmlns='urn:nf:iot:sd:1.0' id='1'><nd id='plc1'/></req>`, stanza.ItemNotFound},
		{"no id", `<req xmlns='urn:nf:iot:sd:1.0'/>`, stanza.BadRequest},
		{"no number", `<req xmlns='urn:xmpp:iot:sensordata' seqnr='x'/>`, stanza.BadRequest},
		{"a bad category", `<req xmlns='urn:nf:iot:sd:1.0' id='1' m='maybe'/>`, stanza.BadRequest},
		{"a bad time", `<req xmlns='urn:nf:iot:sd:1.0' id='1' when='soon'/>`, stanza.BadRequest},
		{"too many fields", `<req xmlns='urn:nf:iot:sd:1.0' id='1'>` + many("<f n='x'/>") + `</req>`, stanza.BadRequest},
		{"nothing to cancel", `<cancel xmlns='urn:nf:iot:sd:1.0'/>`, stanza.BadRequest},
		{"an empty command", `<set xmlns='urn:nf:iot:ctr:1.0'/>`, stanza.BadRequest},
		{"a bad value", `<set xmlns='urn:nf:iot:ctr:1.0'><b n='Light' v='maybe'/></set>`, stanza.BadRequest},
		{"no such parameter", `<set xmlns='urn:nf:iot:ctr:1.0'><b n='Fan' v='true'/></set>`, stanza.ItemNotFound},
		{"a node to control", `<set xmlns='urn:nf:iot:ctr:1.0'><nd id='plc1'/><b n='Light' v='true'/></set>`, stanza.ItemNotFound},
		{"a form of a node", `<getForm xmlns='urn:nf:iot:ctr:1.0'><nd id='plc1'/></getForm>`, stanza.ItemNotFound},
		{"what nobody knows", `<nonsense xmlns='urn:nf:iot:sd:1.0'/>`, stanza.ServiceUnavailable},
		{"another's protocol", `<isFriend xmlns='urn:nf:iot:prov:d:1.0' jid='a@b'/>`, stanza.ServiceUnavailable},
		{"a roster push", `<query xmlns='jabber:iq:roster'><item jid='mallory@evil.example' subscription='both'/></query>`, stanza.ServiceUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			live(t, func(w *world) {
				lamp := &bulb{}
				w.thing.Field(temperature(20))
				w.thing.Parameter(thing.Bool{Name: "Light", Get: lamp.get, Set: lamp.set})
			}, func(w *world) {
				w.ok(w.broker.Claim(w.ctx, w.owner))
				payload, err := xmlstream.Parse([]byte(test.payload), xmlstream.Limits{})
				w.ok(err)
				for _, typ := range []stanza.Type{stanza.Get, stanza.Set} {
					_, err := w.owner.Request(w.ctx, &stanza.IQ{Type: typ, Payload: payload})
					if !errors.Is(err, test.want) {
						w.Errorf("%s: %v; want %v", typ, err, test.want)
					}
				}
				w.must(w.owner.Read(w.ctx, sensordata.Request{}))
				if _, err := w.mallory.Read(w.ctx, sensordata.Request{}); !errors.Is(err, stanza.Forbidden) {
					w.Errorf("mallory reads: %v; want forbidden", err)
				}
			})
		})
	}
}

// Who gives up does not take away the value from who waits with them; when all have, the reading ends.
func TestOneOfTwoGivesUp(t *testing.T) {
	s := &slow{takes: 20 * time.Second}
	live(t, func(w *world) {
		w.thing.Field(s.field("Slow"))
		w.config.Policy = thing.Everybody
	}, func(w *world) {
		w.friend(w.alice)
		w.friend(w.mallory)
		var wait sync.WaitGroup
		first := make(chan struct{})
		wait.Go(func() { // is being read for while the two below wait together
			close(first)
			w.must(w.alice.Read(w.ctx, sensordata.Request{}))
		})
		<-first
		wait.Go(func() {
			time.Sleep(3 * time.Second)
			ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second)
			defer cancel()
			if _, err := w.mallory.Read(ctx, sensordata.Request{}); !errors.Is(err, context.DeadlineExceeded) {
				w.Errorf("mallory: %v", err)
			}
		})
		wait.Go(func() {
			time.Sleep(4 * time.Second)
			report, err := w.alice.Read(w.ctx, sensordata.Request{Generation: iot.XSF})
			if err != nil || len(fields(report)) != 1 {
				w.Errorf("alice: %v, %v", report, err)
			}
		})
		wait.Wait()
		if n := s.reads.Load(); n != 2 {
			w.Errorf("read %d times; want 2", n)
		}
	})
}
