package thing_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/thing"
	"github.com/comity-iot/comity/thing/thingtest"
	"github.com/comity-iot/comity/xep/roster"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// What is registered is what the claim says: XEP-0347#claim.
func TestClaimText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		claims := make(chan string, 1)
		w.config.Events.Unclaimed = func(claim string) { claims <- claim }
		w.start()
		defer w.end()
		tags, err := w.broker.Registered(w.ctx)
		w.ok(err)
		claim := <-claims
		uri, err := registry.ParseURI(claim)
		w.ok(err)
		if string(uri.Claim.CanonicalKey()) != string(tags.CanonicalKey()) {
			t.Errorf("claim %q of what was registered as %v", claim, slices.Collect(tags.All()))
		}
		if uri.Registry != jid.MustParse(thingtest.Service) || claim != w.thing.Claim() {
			t.Errorf("claim %q", claim)
		}
		key, _ := tags.Get("KEY")
		v, _ := tags.Get("V")
		if len(key.Text) < 26 || !v.Numeric || v.Text != "1.2" { // 26 letters of 5 bits are 130
			t.Errorf("KEY %q, V %+v", key.Text, v)
		}
	})
}

// XEP-0347#claim: only the registry can say who the owner is.
func TestForgedClaim(t *testing.T) {
	live(t, func(w *world) { w.thing.Field(temperature(20)) }, func(w *world) {
		for g := range registry.Space.All() {
			for _, push := range []interface {
				Element(iot.Generation) *element
			}{
				registry.Claimed{Owner: w.mallory.JID.Bare(), Public: true}, registry.Disowned{}, registry.Removed{},
			} {
				_, err := w.mallory.Request(w.ctx, &stanza.IQ{Type: stanza.Set, Payload: push.Element(g)})
				if !errors.Is(err, stanza.Forbidden) {
					w.Errorf("%T in %v: %v; want forbidden", push, g, err)
				}
			}
		}
		if !w.thing.Owner().IsZero() {
			w.Errorf("the owner is %s", w.thing.Owner())
		}
		if _, err := w.mallory.Read(w.ctx, sensordata.Request{}); !errors.Is(err, stanza.Forbidden) {
			w.Errorf("reading: %v; want forbidden", err)
		}
	})
}

// An address that only looks like the registry's is another.
func TestForgedClaimFromTheRegistrysResource(t *testing.T) {
	live(t, nil, func(w *world) {
		evil := w.broker.Person("evil@" + thingtest.Service + "/x")
		claimed := registry.Claimed{Owner: w.mallory.JID.Bare()}.Element(iot.NF)
		_, err := evil.Request(w.ctx, &stanza.IQ{Type: stanza.Set, Payload: claimed})
		if !errors.Is(err, stanza.Forbidden) || !w.thing.Owner().IsZero() {
			w.Errorf("%v; the owner is %s", err, w.thing.Owner())
		}
	})
}

// A thing has no nodes, so that a push about one is a mistake.
func TestPushesAboutNodes(t *testing.T) {
	live(t, nil, func(w *world) {
		node := iot.Node{ID: "plc1"}
		for _, push := range []*element{
			registry.Claimed{Owner: w.mallory.JID.Bare(), Node: node}.Element(iot.NF),
			registry.Removed{Node: node}.Element(iot.NF), registry.Disowned{Node: node}.Element(iot.NF),
		} {
			if _, err := w.broker.Push(w.ctx, push); !errors.Is(err, stanza.ItemNotFound) {
				w.Errorf("%v: %v; want item-not-found", push, err)
			}
		}
	})
}

// XEP-0347#claim: the thing learns its owner, in whichever generation, and asks to see them.
func TestClaimed(t *testing.T) {
	owned := make(chan jid.JID, 8)
	live(t, func(w *world) { w.config.Events.Owned = func(j jid.JID) { owned <- j } }, func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		if j := <-owned; j != w.owner.JID.Bare() {
			w.Errorf("owned by %s", j)
		}
		synctest.Wait()
		if got := w.broker.Contact(w.owner.JID.Bare()); got != roster.Both {
			w.Errorf("subscription with the owner: %s; want both", got)
		}
		for g := range registry.Space.All() {
			next := w.broker.Person("next" + string(rune('0'+g)) + "@example.org/x")
			w.must(w.broker.Push(w.ctx, registry.Claimed{Owner: next.JID.Bare(), Public: true}.Element(g)))
			if w.thing.Owner() != next.JID.Bare() {
				w.Errorf("%v: the owner is %s", g, w.thing.Owner())
			}
		}
	})
}

// XEP-0347#disown: nobody is a friend any more, and after a while the thing waits for another owner, with the same key, as the
// sticker on it says.
func TestDisowned(t *testing.T) {
	live(t, nil, func(w *world) {
		before := w.thing.Claim()
		w.ok(w.broker.Claim(w.ctx, w.owner))
		w.broker.SetRules(allow)
		w.friend(w.alice)
		w.ok(w.broker.Disown(w.ctx))
		synctest.Wait()
		if !w.thing.Owner().IsZero() || len(w.thing.Friends()) > 0 {
			w.Errorf("owner %s, friends %v", w.thing.Owner(), w.thing.Friends())
		}
		for _, p := range []*thingtest.Person{w.owner, w.alice} {
			if got := w.broker.Contact(p.JID.Bare()); got != roster.None {
				w.Errorf("subscription with %s: %s; want none", p.JID, got)
			}
		}
		began := time.Now()
		w.must(w.broker.Registered(w.ctx))
		if waited := time.Since(began); waited < time.Second || waited > time.Minute {
			w.Errorf("registered anew after %v", waited)
		}
		if w.thing.Claim() != before {
			w.Errorf("claim %q; was %q", w.thing.Claim(), before)
		}
	})
}

// XEP-0347#update: a new version of the program is told to the registry, once.
func TestTagsUpdated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		w.must(w.broker.Registered(w.ctx))
		w.ok(w.broker.Claim(w.ctx, w.owner))
		w.end()

		newer := about
		newer.Version, newer.Tags = "1.3", []registry.Tag{registry.Str("ROOM", "Kitchen")}
		w.thing = thing.New(newer)
		w.start()
		defer w.end()
		w.must(w.broker.Registered(w.ctx))
		synctest.Wait()
		v, _ := w.broker.Tags().Get("V")
		room, _ := w.broker.Tags().Get("ROOM")
		if v.Text != "1.3" || room.Text != "Kitchen" {
			t.Errorf("V %q, ROOM %q", v.Text, room.Text)
		}
		if key, _ := w.broker.Tags().Get("KEY"); key.Text == "" {
			t.Error("the update has changed KEY")
		}
	})
}

// A thing that owns itself has no claim to show.
func TestSelfOwned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.config.SelfOwned = true
		w.config.Events.Unclaimed = func(claim string) { t.Errorf("unclaimed: %s", claim) }
		w.start()
		defer w.end()
		w.must(w.broker.Registered(w.ctx))
		synctest.Wait()
		if w.thing.Owner() != w.thing.JID() {
			t.Errorf("the owner is %q", w.thing.Owner())
		}
	})
}

// A lost connection is made again, and the thing is registered again, in case the registry has forgotten.
func TestReconnect(t *testing.T) {
	live(t, func(w *world) { w.thing.Field(temperature(20)) }, func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		for range 3 {
			was := w.broker.Thing()
			w.broker.Drop()
			w.must(w.broker.Registered(w.ctx))
			synctest.Wait()
			if w.broker.Thing() == was {
				w.Errorf("still %s", was)
			}
			w.must(w.owner.Read(w.ctx, sensordata.Request{}))
		}
	})
}

// At a server without any of this a thing decides alone; should the services come, it registers.
func TestBrokerWithoutServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.broker.Hide(true)
		w.thing.Field(temperature(20))
		online := make(chan thing.Address, 1)
		w.config.Events.Online = func(account thing.Address) { online <- account }
		w.config.Policy = func(_ context.Context, q thing.Question) thing.Verdict {
			if q.From == w.alice.JID.Bare() {
				return thing.Allow
			}
			return thing.Ask
		}
		w.start()
		defer w.end()
		if account := <-online; account != w.thing.JID() {
			t.Errorf("online as %s", account)
		}
		synctest.Wait()
		w.friend(w.alice)
		w.must(w.alice.Read(w.ctx, sensordata.Request{}))
		if ok, err := w.mallory.Befriend(w.ctx); ok || err != nil {
			t.Errorf("mallory is a friend: %v", err)
		}
		if w.thing.Claim() != "" {
			t.Errorf("claim %q, at no registry", w.thing.Claim())
		}
		time.Sleep(30 * time.Minute)
		w.broker.Hide(false)
		w.must(w.broker.Registered(w.ctx))
	})
}

// XEP-0347#remove: it is acknowledged, and the owner stays.
func TestRemoved(t *testing.T) {
	live(t, nil, func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		for g := range registry.Space.All() {
			if answer, err := w.broker.Push(w.ctx, registry.Removed{}.Element(g)); answer != nil || err != nil {
				w.Errorf("%v: %v, %v", g, answer, err)
			}
		}
		if w.thing.Owner() != w.owner.JID.Bare() {
			w.Errorf("the owner is %s", w.thing.Owner())
		}
	})
}

// Friends are known to come and go.
func TestFriendsPresence(t *testing.T) {
	live(t, nil, func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		for _, typ := range []stanza.Type{stanza.Available, stanza.Unavailable, stanza.Available} {
			w.owner.Send(&stanza.Stanza{Kind: stanza.Presence, Type: typ})
			synctest.Wait()
			want := []thing.Friend{{JID: w.owner.JID.Bare(), Online: typ == stanza.Available}}
			if got := w.thing.Friends(); !slices.Equal(got, want) {
				w.Errorf("after %q: %v; want %v", typ, got, want)
			}
		}
	})
}
