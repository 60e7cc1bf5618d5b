package roster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

const discovery = "discovery.example.com"

// A service accepts every subscription at once, and asks for the same.
func TestServiceAccepts(t *testing.T) {
	w := newWorld(t)
	w.arrives(`<presence from='thing@example.net/1' to='discovery.example.com' type='subscribe'/>`)
	w.leaves(`<presence from='discovery.example.com' to='thing@example.net' type='subscribed'/>`,
		`<presence from='discovery.example.com' to='thing@example.net'/>`,
		`<presence from='discovery.example.com' to='thing@example.net' type='subscribe'/>`)
	w.arrives(`<presence from='thing@example.net' to='discovery.example.com' type='subscribe'/>`) // does not ask twice
	w.leaves(`<presence from='discovery.example.com' to='thing@example.net' type='subscribed'/>`,
		`<presence from='discovery.example.com' to='thing@example.net'/>`)
	w.arrives(`<presence from='thing@example.net' to='discovery.example.com' type='subscribed'/>`)
	w.leaves()

	service, thing := jid.MustParse(discovery), jid.MustParse("thing@example.net")
	got, err := w.service.Contact(t.Context(), service, thing)
	if want := (module.Contact{JID: thing, To: true, From: true}); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, %v", got, err)
	}
	w.arrives(`<presence from='stranger@example.net/x' to='discovery.example.com' type='probe'/>`)
	w.leaves(`<presence from='discovery.example.com' to='stranger@example.net/x'/>`)

	w.arrives(`<presence from='thing@example.net' to='discovery.example.com' type='unsubscribe'/>`)
	w.leaves(`<presence from='discovery.example.com' to='thing@example.net' type='unavailable'/>`)
	w.arrives(`<presence from='thing@example.net' to='discovery.example.com' type='unsubscribed'/>`)
	if all, err := w.service.Contacts(t.Context(), service); err != nil || len(all) != 0 {
		t.Errorf("left over: %v, %v", all, err)
	}
}

// Each side of an account of the broker and a service ends up with both.
func TestServiceAndLocalAccount(t *testing.T) {
	w := newWorld(t, juliet)
	c := w.logsIn("juliet@example.com/balcony")
	c.sends(`<presence to='discovery.example.com' type='subscribed'/>`, // beforehand
		`<presence to='discovery.example.com' type='subscribe'/>`)
	c.receives(
		c.push(1, `<item jid='discovery.example.com' subscription='none' approved='true'/>`),
		c.push(2, `<item jid='discovery.example.com' subscription='none' ask='subscribe' approved='true'/>`),
		`<presence from='discovery.example.com' to='juliet@example.com' type='subscribed'/>`,
		c.push(3, `<item jid='discovery.example.com' subscription='to' approved='true'/>`),
		`<presence from='discovery.example.com' to='juliet@example.com'/>`,
		c.push(4, `<item jid='discovery.example.com' subscription='both' approved='true'/>`))
	service := jid.MustParse(discovery)
	if got := w.service.Present(service, c.full); !slices.Equal(got, []jid.JID{c.full}) {
		t.Errorf("present: %v", got)
	}
	c.disconnects()
	c = w.connects("juliet@example.com/chamber")
	c.sends(`<presence/>`)
	c.receives(`<presence from='juliet@example.com/chamber' to='juliet@example.com'/>`,
		`<presence from='discovery.example.com' to='juliet@example.com/chamber'/>`)
	w.leaves()
}

func TestServiceLimits(t *testing.T) {
	w := newWorld(t)
	w.settings.Subscribers = 1
	w.arrives(`<presence from='a@example.net' to='discovery.example.com' type='subscribe'/>`)
	w.drop()
	w.arrives(`<presence from='b@example.net' to='discovery.example.com' type='subscribe'/>`)
	w.leaves(`<presence from='discovery.example.com' to='b@example.net' type='error'><error type='wait'>` +
		`<resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>` +
		`<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>more than 1 contacts</text></error></presence>`)
}

// A service knows where its remote contacts are, so that a feature can send them requests.
func TestSeenContacts(t *testing.T) {
	w := newWorld(t)
	w.settings.Seen = 4
	w.start()
	service := jid.MustParse(discovery)
	present := func(contact string) string {
		var all []string
		for _, j := range w.service.Present(service, jid.MustParse(contact)) {
			all = append(all, j.String())
		}
		return strings.Join(all, " ")
	}
	is := func(contact, want string) {
		t.Helper()
		if got := present(contact); got != want {
			t.Errorf("%s is at %q, want %q", contact, got, want)
		}
	}
	w.put(discovery, "a@example.net", both)
	w.put(discovery, "b@example.net", from)
	w.arrives(`<presence from='a@example.net/1' to='discovery.example.com'/>`,
		`<presence from='a@example.net/2' to='discovery.example.com'/>`,
		`<presence from='b@example.net/1' to='discovery.example.com'/>`, // is not seen
		`<presence from='c@example.net/1' to='discovery.example.com'/>`, // unknown
		`<presence from='a@example.net' to='discovery.example.com'/>`)   // no resource
	is("a@example.net", "a@example.net/2 a@example.net/1")
	is("b@example.net", "")
	is("c@example.net", "")
	w.arrives(`<presence from='a@example.net/1' to='discovery.example.com'><show>away</show></presence>`)
	is("a@example.net", "a@example.net/1 a@example.net/2")
	w.arrives(`<presence from='a@example.net/1' to='discovery.example.com' type='unavailable'/>`)
	is("a@example.net", "a@example.net/2")

	for i := range 9 {
		w.arrives(fmt.Sprintf(`<presence from='a@example.net/x%d' to='discovery.example.com'/>`, i))
	}
	is("a@example.net", "a@example.net/x2 a@example.net/x1 a@example.net/x0 a@example.net/2")
	w.arrives(`<presence from='a@example.net' to='discovery.example.com' type='unavailable'/>`) // all of it
	is("a@example.net", "")
	w.arrives(`<presence from='a@example.net/1' to='discovery.example.com'/>`)
	is("a@example.net", "a@example.net/1")
	w.arrives(`<presence from='a@example.net' to='discovery.example.com' type='unsubscribed'/>`)
	is("a@example.net", "")
	if w.service.seen.count != 0 || len(w.service.seen.full) != 0 {
		t.Errorf("left over: %v", w.service.seen.full)
	}
	w.drop()
}

// After a restart the services ask where their contacts are; and who is removed says goodbye in the background.
func TestRun(t *testing.T) {
	w := newWorld(t, juliet)
	for i := range probePage + 1 {
		w.put(discovery, fmt.Sprintf("thing%d@example.net", i), both)
	}
	w.put(discovery, juliet, both)
	w.put(discovery, "z@example.net", from)
	w.put(juliet, romeo, both)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		w.service.removals = newRemovals() // of this bubble
		ended := make(chan error)
		go func() { ended <- w.service.run(ctx) }()
		synctest.Wait()
		probes := w.drop()
		if len(probes) != probePage+1 {
			t.Errorf("%d probes", len(probes))
		}
		for _, p := range probes {
			if p.Type != stanza.Probe || p.From.String() != discovery || !strings.HasPrefix(p.To.Local(), "thing") {
				t.Errorf("sent %s", p)
			}
		}
		w.service.removals.add(removal{owner: jid.MustParse(juliet), contacts: []item{{jid: jid.MustParse(romeo), state: to}}})
		synctest.Wait()
		w.leaves(`<presence from='juliet@example.com' to='romeo@example.net' type='unsubscribe'/>`)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestRosterOfModule(t *testing.T) {
	w := newWorld(t, juliet)
	ctx, owner := t.Context(), jid.MustParse(juliet)
	w.befriend(juliet, romeo)
	w.put(juliet, "a@example.net", pendingOut)
	w.put(juliet, "b@example.net", pendingIn)
	for _, online := range []bool{false, true} {
		if online {
			c := w.logsIn("juliet@example.com/balcony")
			c.sends(`<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='romeo@example.net' name='R'><group>G</group></item></query></iq>`)
		}
		all, err := w.service.Contacts(ctx, owner)
		if err != nil || len(all) != 2 || !all[0].Ask || !all[1].To || !all[1].From {
			t.Errorf("online %v: %v, %v", online, all, err)
		}
		c, err := w.service.Contact(ctx, owner, jid.MustParse("romeo@example.net/orchard"))
		if err != nil || !c.From || (c.Name == "R") != online || len(c.Groups) == 1 != online {
			t.Errorf("online %v: %v, %v", online, c, err)
		}
		for party, want := range map[string]bool{
			romeo: true, "romeo@example.net/orchard": true, "a@example.net": false, "b@example.net": false, juliet: true,
		} {
			if got := w.service.Sees(ctx, jid.MustParse(party), owner); got != want {
				t.Errorf("online %v: %s sees: %v", online, party, got)
			}
		}
	}
	if !w.service.Sees(ctx, jid.MustParse(romeo), jid.MustParse(discovery)) {
		t.Error("a service is not seen")
	}
}

func TestModule(t *testing.T) {
	a, b := Module(), Module()
	if a.Config == b.Config {
		t.Error("two brokers share their settings")
	}
	if _, err := (store.Migrations{Name: a.Name, FS: a.Migrations}).Versions(); err != nil {
		t.Error(err)
	}
	hooks, err := a.Init(newWorld(t).host)
	if err != nil || hooks.Presence == nil {
		t.Errorf("hooks: %v, %v", hooks, err)
	}
}
