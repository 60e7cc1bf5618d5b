package roster

import (
	"context"
	"fmt"
	"testing"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// befriend makes the account and each contact see each other, without a word.
func (w *world) befriend(account string, contacts ...string) {
	w.t.Helper()
	for _, c := range contacts {
		w.put(account, c, both)
		if j := jid.MustParse(c); w.accounts[j] {
			w.put(c, account, both)
		}
	}
}

func (w *world) put(owner, contact string, st state) {
	w.t.Helper()
	_, err := w.service.change(w.ctx, jid.MustParse(owner), jid.MustParse(contact), func(r *record) error {
		r.become(st, jid.MustParse(owner))
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// RFC 6121 §4.2, §4.4, §4.5
func TestBroadcastPresence(t *testing.T) {
	w := newWorld(t, juliet)
	w.befriend(juliet, romeo)
	w.put(juliet, "benvolio@example.org", to)
	w.put(juliet, "mercutio@example.com", from) // who is not there
	w.put(juliet, "tybalt@example.net", none)
	balcony := w.connects("juliet@example.com/balcony")
	chamber := w.connects("juliet@example.com/chamber")

	// Initial presence: to those who see her, to herself, and probes to those that she sees (§4.2.2, §4.3.1).
	balcony.sends(`<presence><show>chat</show></presence>`)
	balcony.receives(`<presence from='juliet@example.com/balcony' to='juliet@example.com'><show>chat</show></presence>`)
	chamber.receives() // is not available
	w.leaves(`<presence from='juliet@example.com/balcony' to='romeo@example.net'><show>chat</show></presence>`,
		`<presence id='probe' from='juliet@example.com' to='benvolio@example.org' type='probe'/>`,
		`<presence id='probe' from='juliet@example.com' to='romeo@example.net' type='probe'/>`)

	// Another resource learns of the first, and the first of it.
	chamber.sends(`<presence><priority>-1</priority></presence>`)
	chamber.receives(`<presence from='juliet@example.com/chamber' to='juliet@example.com'><priority>-1</priority></presence>`,
		`<presence from='juliet@example.com/balcony' to='juliet@example.com/chamber'><show>chat</show></presence>`)
	balcony.receives(`<presence from='juliet@example.com/chamber' to='juliet@example.com'><priority>-1</priority></presence>`)
	w.drop()

	// Subsequent presence: no probes (§4.4.2).
	balcony.sends(`<presence><show>away</show></presence>`)
	away := `<presence from='juliet@example.com/balcony' to='juliet@example.com'><show>away</show></presence>`
	balcony.receives(away)
	chamber.receives(away)
	w.leaves(`<presence from='juliet@example.com/balcony' to='romeo@example.net'><show>away</show></presence>`)

	// What comes from contacts goes to all available resources (§4.2.3), also after an error of theirs.
	w.arrives(`<presence from='romeo@example.net/orchard' to='juliet@example.com'/>`)
	balcony.receives(`<presence from='romeo@example.net/orchard' to='juliet@example.com'/>`)
	chamber.receives(`<presence from='romeo@example.net/orchard' to='juliet@example.com'/>`)
	w.arrives(`<presence id='probe' from='benvolio@example.org' to='juliet@example.com' type='error'><error type='cancel'/></presence>`)
	balcony.receives() // she has not sent the probe
	chamber.receives()

	// Unavailable (§4.5.2), with her last words.
	balcony.sends(`<presence type='unavailable'><status>ciao</status></presence>`)
	ciao := `<presence from='juliet@example.com/balcony' to='juliet@example.com' type='unavailable'><status>ciao</status></presence>`
	balcony.receives(ciao)
	chamber.receives(ciao)
	w.leaves(`<presence from='juliet@example.com/balcony' to='romeo@example.net' type='unavailable'><status>ciao</status></presence>`)
	balcony.sends(`<presence type='unavailable'/>`) // twice says nothing
	w.leaves()
	balcony.disconnects()
	w.leaves()

	// Ended without a word.
	chamber.disconnects()
	w.leaves(`<presence from='juliet@example.com/chamber' to='romeo@example.net' type='unavailable'/>`)
}

// RFC 6121 §4.3.2
func TestProbes(t *testing.T) {
	w := newWorld(t, juliet)
	w.befriend(juliet, romeo)
	probe := `<presence from='romeo@example.net' to='juliet@example.com' type='probe'/>`
	w.arrives(probe)
	w.leaves(`<presence from='juliet@example.com' to='romeo@example.net' type='unavailable'/>`)

	a, b := w.logsIn("juliet@example.com/balcony"), w.logsIn("juliet@example.com/chamber")
	a.sends(`<presence id='p'><show>dnd</show></presence>`)
	w.drop()
	w.arrives(probe)
	w.leaves(`<presence id='p' from='juliet@example.com/balcony' to='romeo@example.net'><show>dnd</show></presence>`,
		`<presence from='juliet@example.com/chamber' to='romeo@example.net'/>`)

	// Who is not subscribed is told so, which mends a roster that is wrong; a request that waits is no subscription.
	for _, s := range []state{none, to, pendingIn, to | pendingIn, to | approved} {
		w.put(juliet, "tybalt@example.net", s)
		w.arrives(`<presence from='tybalt@example.net' to='juliet@example.com' type='probe'/>`)
		w.leaves(`<presence from='juliet@example.com' to='tybalt@example.net' type='unsubscribed'/>`)
	}
	// The account itself may.
	b.drop()
	b.sends(`<presence to='juliet@example.com' type='probe'/>`)
	b.receives(`<presence id='p' from='juliet@example.com/balcony' to='juliet@example.com/chamber'><show>dnd</show></presence>`,
		`<presence from='juliet@example.com/chamber' to='juliet@example.com/chamber'/>`)
	b.sends(`<presence type='probe'/>`)
	b.receives()
}

// RFC 6121 §4.6
func TestDirectedPresence(t *testing.T) {
	w := newWorld(t, juliet, "nurse@example.com")
	w.befriend(juliet, romeo)
	w.settings.Directed = 3
	n := w.logsIn("nurse@example.com/kitchen")
	c := w.logsIn("juliet@example.com/balcony")
	w.drop()
	c.sends(`<presence to='chat@rooms.example/juliet'><show>chat</show></presence>`,
		`<presence to='romeo@example.net'/>`, // who is told of the end anyway
		`<presence to='nurse@example.com'/>`)
	w.leaves(`<presence from='juliet@example.com/balcony' to='chat@rooms.example/juliet'><show>chat</show></presence>`,
		`<presence from='juliet@example.com/balcony' to='romeo@example.net'/>`)
	n.receives(`<presence from='juliet@example.com/balcony' to='nurse@example.com'/>`)

	c.sends(`<presence><show>away</show></presence>`) // is not for them
	c.drop()
	w.leaves(`<presence from='juliet@example.com/balcony' to='romeo@example.net'><show>away</show></presence>`)

	c.sends(`<presence to='a@b.example'/>`, `<presence to='a@b.example'/>`)
	w.drop()
	c.sends(`<presence id='e' to='c@d.example'/>`)
	c.receives(`<presence id='e' type='error' from='c@d.example' to='juliet@example.com/balcony'><error type='wait'>` +
		`<resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>` +
		`<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>presence sent to more than 3 addresses</text></error></presence>`)
	c.sends(`<presence to='a@b.example' type='unavailable'/>`)
	w.leaves(`<presence from='juliet@example.com/balcony' to='a@b.example' type='unavailable'/>`)

	c.disconnects()
	w.leaves(`<presence from='juliet@example.com/balcony' to='romeo@example.net' type='unavailable'/>`,
		`<presence from='juliet@example.com/balcony' to='chat@rooms.example/juliet' type='unavailable'/>`)
	n.receives(`<presence from='juliet@example.com/balcony' to='nurse@example.com' type='unavailable'/>`)

	// A contact that was sent it before all others is told of the end once.
	c = w.connects("juliet@example.com/garden")
	c.sends(`<presence to='romeo@example.net'/>`, `<presence/>`)
	w.drop()
	c.disconnects()
	w.leaves(`<presence from='juliet@example.com/garden' to='romeo@example.net' type='unavailable'/>`)
	n.drop()

	// Without ever being available to all; also when the session says goodbye.
	for _, bye := range []func(*client){
		func(c *client) { c.disconnects() },
		func(c *client) { c.sends(`<presence type='unavailable'/>`) },
	} {
		c = w.connects("juliet@example.com/chamber")
		c.sends(`<presence to='romeo@example.net/orchard'/>`)
		w.leaves(`<presence from='juliet@example.com/chamber' to='romeo@example.net/orchard'/>`)
		bye(c)
		w.leaves(`<presence from='juliet@example.com/chamber' to='romeo@example.net/orchard' type='unavailable'/>`)
	}
}

// A session that ends while its presence is on its way leaves no ghost.
func TestEndDuringBroadcast(t *testing.T) {
	w := newWorld(t, juliet)
	w.befriend(juliet, "a@example.org", romeo, "z@example.org")
	c := w.connects("juliet@example.com/balcony")
	ended := false
	w.host.Network = network{w, func(st *stanza.Stanza) {
		if !ended && st.To == jid.MustParse(romeo) {
			ended = true
			done := make(chan struct{})
			go func() { // as its writer would, that has found the connection broken
				defer close(done)
				c.disconnects()
			}()
			<-done
		}
	}}
	c.sends(`<presence/>`)
	last := map[jid.JID]stanza.Type{}
	for _, st := range w.drop() {
		if st.Type != stanza.Probe {
			last[st.To] = st.Type
		}
	}
	for _, who := range []string{"a@example.org", romeo, "z@example.org"} {
		if last[jid.MustParse(who)] != stanza.Unavailable {
			t.Errorf("%s sees a ghost", who)
		}
	}
	if n := len(w.service.accounts); n != 0 || !ended {
		t.Errorf("%d accounts in memory without a session", n)
	}
}

// network tells of what passes.
type network struct {
	module.Network
	sees func(*stanza.Stanza)
}

func (n network) Send(ctx context.Context, st *stanza.Stanza) {
	n.sees(st)
	n.Network.Send(ctx, st)
}

// Presence to those online is found in memory.
func TestBroadcastReadsNoStorage(t *testing.T) {
	w := newWorld(t, juliet, "nurse@example.com")
	w.befriend(juliet, "nurse@example.com", romeo)
	n, c := w.logsIn("nurse@example.com/kitchen"), w.logsIn("juliet@example.com/balcony")
	w.host.DB = nil // whoever uses it panics
	c.sends(`<presence><show>away</show></presence>`)
	n.sends(`<presence to='juliet@example.com' type='probe'/>`)
	if !w.service.Sees(t.Context(), n.full, c.full.Bare()) || w.service.Sees(t.Context(), jid.MustParse("a@b.example"), c.full.Bare()) {
		t.Error("who sees whom is wrong")
	}
	c.disconnects()
	n.disconnects()
	w.host.DB = w.db
}

// What storage cannot tell is not made up.
func TestBrokenStorage(t *testing.T) {
	w := newWorld(t, juliet)
	w.befriend(juliet, romeo)
	c := w.connects("juliet@example.com/balcony")
	w.db.Close()
	c.sends(`<presence id='1'/>`, `<presence id='2' type='subscribe' to='romeo@example.net'/>`)
	for _, st := range c.drop() {
		if e := stanza.ParseError(st.Child(stanza.Client, "error")); e.Condition != stanza.InternalServerError || e.Text != "" {
			t.Errorf("got %s", st)
		}
	}
	w.leaves()
	if c.Presence() != nil {
		t.Error("is available although nobody was told")
	}
	if w.service.Sees(t.Context(), jid.MustParse(romeo), jid.MustParse(juliet)) {
		t.Error("an unreadable roster lets everybody see")
	}
	c.sends(`<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>`)
	c.receives(c.failure("g", "cancel", "internal-server-error", ""))
}

func BenchmarkBroadcast200(b *testing.B) {
	w := newWorld(b, juliet)
	delivered := 0
	for i := range 200 {
		contact := fmt.Sprintf("contact%d@example.com", i)
		w.accounts[jid.MustParse(contact)] = true
		w.befriend(juliet, contact)
		c := w.logsIn(contact + "/r")
		c.onSend = func(*stanza.Stanza) { delivered++ }
	}
	c := w.logsIn("juliet@example.com/balcony")
	c.onSend = func(*stanza.Stanza) {}
	st := parse(b, `<presence><show>away</show><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/></presence>`)
	delivered = 0
	b.ReportAllocs()
	for b.Loop() {
		c.send(st)
	}
	if delivered < 200 {
		b.Errorf("delivered %d", delivered)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(delivered), "ns/delivery")
}

func BenchmarkSees(b *testing.B) {
	w := newWorld(b, juliet)
	w.befriend(juliet, romeo)
	w.logsIn("juliet@example.com/balcony")
	owner, party := jid.MustParse(juliet), jid.MustParse(romeo)
	b.ReportAllocs()
	for b.Loop() {
		if !w.service.Sees(b.Context(), party, owner) {
			b.Fatal("not seen")
		}
	}
}
