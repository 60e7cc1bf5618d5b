package blocking_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/module/moduletest"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xep/blocking"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

const (
	chamber = "juliet@example.org/chamber"
	balcony = "juliet@example.org/balcony"
)

var juliet = jid.MustParse("juliet@example.org")

// world is juliet with two sessions.
type world struct {
	*moduletest.Broker
	t                *testing.T
	chamber, balcony *moduletest.Session
}

func newWorld(t *testing.T) *world {
	b := moduletest.New(t, blocking.Module())
	b.Accounts.Add("juliet@example.org", "nurse@example.org")
	return &world{Broker: b, t: t, chamber: b.Online(chamber, 0), balcony: b.Online(balcony, 0)}
}

func (w *world) client(from string) *blocking.Client {
	return &blocking.Client{Requester: w.Client(from)}
}

func jids(all ...string) (out []jid.JID) {
	for _, s := range all {
		out = append(out, jid.MustParse(s))
	}
	return out
}

func (w *world) block(all ...string) {
	w.t.Helper()
	if err := w.client(chamber).Block(context.Background(), jids(all...)...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) unblock(all ...string) {
	w.t.Helper()
	if err := w.client(chamber).Unblock(context.Background(), jids(all...)...); err != nil {
		w.t.Fatal(err)
	}
}

// blocked returns the list as the client sees it.
func (w *world) blocked() string {
	w.t.Helper()
	all, err := w.client(chamber).Get(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, j := range all {
		out = append(out, j.String())
	}
	return strings.Join(out, " ")
}

// ask sends a request and returns its answer as XML.
func (w *world) ask(from string, typ stanza.Type, payload string) (string, error) {
	w.t.Helper()
	el, err := xmlstream.ParseIn(stanza.Client, []byte(payload), xmlstream.Limits{})
	if err != nil {
		w.t.Fatal(err)
	}
	got, err := w.Client(from).Request(context.Background(), &stanza.IQ{Type: typ, Payload: el})
	if got == nil {
		return "", err
	}
	return got.String(), err
}

// XEP-0191#blocklist, XEP-0191#block, XEP-0191#unblock, XEP-0191#unblockall
func TestList(t *testing.T) {
	w := newWorld(t)
	for _, step := range []struct {
		do, jids, want string
	}{
		{"", "", ""},
		{"block", "romeo@example.net iago@example.com", "iago@example.com romeo@example.net"},
		{"block", "romeo@example.net", "iago@example.com romeo@example.net"}, // twice is once
		{"block", "example.com Example.COM/Capital a@b/c", "a@b/c example.com example.com/Capital iago@example.com romeo@example.net"},
		{"unblock", "iago@example.com nobody@example.com", "a@b/c example.com example.com/Capital romeo@example.net"},
		{"unblock", "a@b/c example.com/Capital", "example.com romeo@example.net"},
		{"unblock", "", ""},
		{"unblock", "", ""},
	} {
		switch step.do {
		case "block":
			w.block(strings.Fields(step.jids)...)
		case "unblock":
			w.unblock(strings.Fields(step.jids)...)
		}
		if got := w.blocked(); got != step.want {
			t.Errorf("after %s %s: %q, want %q", step.do, step.jids, got, step.want)
		}
	}
	w.block("romeo@example.net")
	got, err := w.ask(balcony, stanza.Get, "<blocklist xmlns='urn:xmpp:blocking'/>")
	if want := "<blocklist xmlns='urn:xmpp:blocking'><item jid='romeo@example.net'/></blocklist>"; err != nil || got != want {
		t.Errorf("%s, %v", got, err)
	}
	w.Online("nurse@example.org/x", 0)
	if all, err := w.client("nurse@example.org/x").Get(context.Background()); err != nil || len(all) > 0 {
		t.Errorf("another's list: %v, %v", all, err)
	}
}

func TestWrongRequests(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		typ     stanza.Type
		payload string
		want    stanza.Condition
	}{
		{stanza.Set, "<block xmlns='urn:xmpp:blocking'/>", stanza.BadRequest}, // XEP-0191#block
		{stanza.Get, "<block xmlns='urn:xmpp:blocking'><item jid='romeo@example.net'/></block>", stanza.BadRequest},
		{stanza.Get, "<unblock xmlns='urn:xmpp:blocking'/>", stanza.BadRequest},
		{stanza.Set, "<blocklist xmlns='urn:xmpp:blocking'/>", stanza.BadRequest},
		{stanza.Set, "<block xmlns='urn:xmpp:blocking'><item jid='romeo@example.net'/><item jid='@'/></block>", stanza.JIDMalformed},
		{stanza.Set, "<block xmlns='urn:xmpp:blocking'><item/></block>", stanza.JIDMalformed},
		{stanza.Set, "<unblock xmlns='urn:xmpp:blocking'><item jid=''/></unblock>", stanza.JIDMalformed},
		{stanza.Set, "<block xmlns='urn:xmpp:blocking'><item jid='juliet@example.org'/></block>", stanza.NotAllowed},
		{stanza.Set, "<block xmlns='urn:xmpp:blocking'><item jid='a@b'/><item jid='" + balcony + "'/></block>", stanza.NotAllowed},
		{stanza.Set, "<other xmlns='urn:xmpp:blocking'/>", stanza.ServiceUnavailable},
	} {
		if _, err := w.ask(chamber, c.typ, c.payload); !errors.Is(err, c.want) {
			t.Errorf("%s %s: %v, want %v", c.typ, c.payload, err, c.want)
		}
	}
	// Nobody reads or changes another's list.
	for _, payload := range []*xmlstream.Element{xmlstream.New(blocking.NS, "blocklist"), xmlstream.New(blocking.NS, "unblock")} {
		_, err := w.Client("romeo@example.net/x").Request(context.Background(), &stanza.IQ{Type: stanza.Get, To: juliet, Payload: payload})
		if !errors.Is(err, stanza.ServiceUnavailable) {
			t.Errorf("%s: %v", payload, err)
		}
	}
	if got := w.blocked(); got != "" {
		t.Errorf("blocked %s", got)
	}
}

// However many, and no more than the operator allows: what is too much changes nothing.
func TestMany(t *testing.T) {
	w := newWorld(t)
	var all []string
	for i := range 1000 {
		all = append(all, fmt.Sprintf("user%03d@example.net", i))
	}
	w.block(all...)
	if got := w.blocked(); got != strings.Join(all, " ") {
		t.Errorf("blocked %.100s…", got)
	}
	err := w.client(chamber).Block(context.Background(), jids("one@more.example")...)
	if !errors.Is(err, stanza.ResourceConstraint) {
		t.Errorf("one more: %v", err)
	}
	w.block(all[7]) // which is there
	w.unblock(all[:500]...)
	w.block("one@more.example")
	if n := len(strings.Fields(w.blocked())); n != 501 {
		t.Errorf("%d are blocked", n)
	}
}

// XEP-0191#block: only the sessions that have asked for the list are told of changes, each with an id of its own.
func TestPushes(t *testing.T) {
	w := newWorld(t)
	nurse := w.Online("nurse@example.org/x", 0)
	w.client("nurse@example.org/x").Get(context.Background())
	w.client(balcony).Get(context.Background())
	pushes := func(s *moduletest.Session) (all []string) {
		for _, st := range s.Received() {
			if st.ID == "" || st.From != juliet {
				t.Errorf("pushed %s", st)
			}
			st = st.Addressed(jid.JID{}, st.To)
			st.ID = ""
			all = append(all, st.String())
		}
		return all
	}
	for _, step := range []struct {
		do   func()
		want string
	}{
		{func() { w.block("romeo@example.net", "a@b") }, "<block xmlns='urn:xmpp:blocking'><item jid='romeo@example.net'/><item jid='a@b'/></block>"},
		{func() { w.unblock("a@b") }, "<unblock xmlns='urn:xmpp:blocking'><item jid='a@b'/></unblock>"},
		{func() { w.unblock() }, "<unblock xmlns='urn:xmpp:blocking'/>"},
	} {
		step.do()
		want := []string{"<iq to='" + balcony + "' type='set'>" + step.want + "</iq>"}
		if got := pushes(w.balcony); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := append(pushes(w.chamber), pushes(nurse)...); len(got) > 0 {
			t.Errorf("who did not ask got %q", got)
		}
	}
	w.balcony.Close(nil)
	again := w.Online(balcony, 0) // has not asked
	w.blocked()                   // the chamber has
	w.block("romeo@example.net")
	if got := pushes(again); len(got) > 0 {
		t.Errorf("got %q", got)
	}
	if got := pushes(w.chamber); len(got) != 1 {
		t.Errorf("got %q", got)
	}
}

// XEP-0191#matching
func TestMatching(t *testing.T) {
	for _, c := range []struct{ item, matches, others string }{
		{"u@d.example/r", "u@d.example/r", "u@d.example u@d.example/x d.example/r d.example"},
		{"u@d.example", "u@d.example u@d.example/r u@d.example/x", "v@d.example d.example d.example/r u@sub.d.example"},
		{"d.example/r", "d.example/r u@d.example/r", "d.example d.example/x u@d.example u@d.example/x"},
		{"d.example", "d.example d.example/r u@d.example u@d.example/r", "sub.d.example u@sub.d.example example"},
	} {
		l := blocking.List{jid.MustParse(c.item): {}}
		for _, j := range jids(strings.Fields(c.matches)...) {
			if !l.Blocks(j) {
				t.Errorf("%s does not block %s", c.item, j)
			}
		}
		for _, j := range jids(strings.Fields(c.others)...) {
			if l.Blocks(j) {
				t.Errorf("%s blocks %s", c.item, j)
			}
		}
		if l.Blocks(jid.JID{}) {
			t.Errorf("%s blocks nobody", c.item)
		}
	}
}

// XEP-0191#block: what comes from who is blocked; what the router makes of the error is in its own tests.
func TestIncoming(t *testing.T) {
	w := newWorld(t)
	w.block("romeo@example.net")
	for _, kind := range []string{"message", "presence", "iq type='get'", "iq type='result'"} {
		local, _, _ := strings.Cut(kind, " ")
		for from, blocked := range map[string]bool{"romeo@example.net/orchard": true, "romeo@example.net": true, "paris@example.net": false} {
			for _, to := range []string{"juliet@example.org", balcony} {
				err := w.Hooks[0].Incoming(context.Background(), juliet, w.parse("<"+kind+" from='"+from+"' to='"+to+"'><x xmlns='urn:x'/></"+local+">"))
				if errors.Is(err, stanza.ServiceUnavailable) != blocked {
					t.Errorf("%s from %s: %v", kind, from, err)
				}
			}
		}
	}
	if err := w.Deliver("<message from='romeo@example.net/orchard' to='" + balcony + "'/>"); !errors.Is(err, stanza.ServiceUnavailable) {
		t.Errorf("a message: %v", err)
	}
	if got := w.balcony.Received(); len(got) > 0 {
		t.Errorf("got %v", got)
	}
	w.unblock("romeo@example.net")
	if err := w.Deliver("<message from='romeo@example.net/orchard' to='" + balcony + "'/>"); err != nil || len(w.balcony.Received()) != 1 {
		t.Errorf("unblocked: %v", err)
	}
}

func (w *world) parse(xml string) *stanza.Stanza {
	w.t.Helper()
	s, err := moduletest.Parse(xml)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// XEP-0191#block: what goes to who is blocked.
func TestOutgoing(t *testing.T) {
	w := newWorld(t)
	w.block("romeo@example.net", "example.org") // her own domain too
	for xml, blocked := range map[string]bool{
		"<message to='romeo@example.net'/>":                                     true,
		"<presence to='romeo@example.net/orchard'/>":                            true,
		"<iq type='get' to='romeo@example.net/orchard'><x xmlns='urn:x'/></iq>": true,
		"<message to='nurse@example.org'/>":                                     true,
		"<message to='paris@example.net'/>":                                     false,
		"<presence/>":                                                           false,
		"<iq type='set'><x xmlns='urn:x'/></iq>":                                false,
		"<message to='" + balcony + "'/>":                                       false, // XEP-0191#privacy
		"<message to='juliet@example.org'/>":                                    false,
	} {
		err := w.Outgoing(w.chamber, xml)
		if !blocked {
			if err != nil {
				t.Errorf("%s: %v", xml, err)
			}
			continue
		}
		want := "<error xmlns='jabber:client' type='cancel'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>" +
			"<blocked xmlns='urn:xmpp:blocking:errors'/></error>"
		if err == nil || stanza.AsError(err).Element().String() != want {
			t.Errorf("%s: %v", xml, err)
		}
	}
	// Between her own sessions all goes, in both directions.
	if err := w.Deliver("<message from='" + chamber + "' to='" + balcony + "'/>"); err != nil {
		t.Error(err)
	}
}

// presences returns what was sent to others, in order.
func (w *world) presences() (all []string) {
	for _, s := range w.Network.Sent() {
		all = append(all, strings.TrimSpace(fmt.Sprint(s.From.Resource(), " ", s.To, " ", s.Type)))
	}
	slices.Sort(all)
	return all
}

// Who may see the account sees it go when it is blocked, and come back when it is not any more. XEP-0191#block, XEP-0191#unblock
func TestPresence(t *testing.T) {
	w := newWorld(t)
	w.Bind("juliet@example.org/silent") // not available
	for _, contact := range []string{"romeo@example.net", "paris@example.net", "tybalt@example.com"} {
		w.Roster.Show("juliet@example.org", contact)
	}
	w.Roster.Put("juliet@example.org", module.Contact{JID: jid.MustParse("rosaline@example.net"), To: true}) // does not see her
	for _, step := range []struct {
		do   func()
		what string
		want []string
	}{
		{func() { w.block("romeo@example.net", "nobody@example.net", "rosaline@example.net") }, "a contact", []string{
			"balcony romeo@example.net unavailable", "chamber romeo@example.net unavailable",
		}},
		{func() { w.block("romeo@example.net") }, "once more", nil},
		{func() { w.block("example.net") }, "its domain", []string{
			"balcony paris@example.net unavailable", "chamber paris@example.net unavailable",
		}},
		{func() { w.unblock("romeo@example.net") }, "the contact, but not the domain", nil},
		{func() { w.block("tybalt@example.com/tavern") }, "a resource of a contact", []string{
			"balcony tybalt@example.com/tavern unavailable", "chamber tybalt@example.com/tavern unavailable",
		}},
		{func() { w.unblock("tybalt@example.com/tavern") }, "it is back", []string{
			"balcony tybalt@example.com/tavern", "chamber tybalt@example.com/tavern",
		}},
		{func() { w.block("tybalt@example.com/tavern", "tybalt@example.com") }, "both", []string{
			"balcony tybalt@example.com unavailable", "chamber tybalt@example.com unavailable",
		}},
		{func() { w.unblock() }, "all", []string{
			"balcony paris@example.net", "balcony romeo@example.net", "balcony tybalt@example.com",
			"chamber paris@example.net", "chamber romeo@example.net", "chamber tybalt@example.com",
		}},
	} {
		step.do()
		if got := w.presences(); !slices.Equal(got, step.want) {
			t.Errorf("%s: %q, want %q", step.what, got, step.want)
		}
	}
	w.block("romeo@example.net")
	w.Network.Sent()
	w.unblock("romeo@example.net")
	for _, s := range w.Network.Sent() { // what she says of herself
		if s.Child(stanza.Client, "priority") == nil {
			t.Errorf("sent %s", s)
		}
	}
}

// module.Hooks.Hides: the roster shows nothing to who is blocked.
func TestHides(t *testing.T) {
	w := newWorld(t)
	hides := func(party string) bool { return w.Hooks[0].Hides(context.Background(), juliet, jid.MustParse(party)) }
	w.block("romeo@example.net", "example.org")
	for party, want := range map[string]bool{
		"romeo@example.net": true, "romeo@example.net/orchard": true, "paris@example.net": false, "nurse@example.org": true,
		"juliet@example.org": false, balcony: false,
	} {
		if got := hides(party); got != want {
			t.Errorf("hidden from %s: %v", party, got)
		}
	}
	w.unblock()
	if hides("romeo@example.net") {
		t.Error("still hidden")
	}
	// A list that cannot be read hides from everybody.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if !w.Hooks[0].Hides(ctx, jid.MustParse("nurse@example.org"), jid.MustParse("romeo@example.net")) {
		t.Error("shown to who may be blocked")
	}
}

// The list is the account's, not the session's: it holds while nobody is there, and is gone with the account.
func TestOffline(t *testing.T) {
	w := newWorld(t)
	w.block("romeo@example.net")
	w.chamber.Close(nil)
	w.balcony.Close(nil)
	blocked := func() bool {
		return errors.Is(w.Deliver("<message from='romeo@example.net/orchard' to='juliet@example.org'/>"), stanza.ServiceUnavailable) &&
			w.Hooks[0].Hides(context.Background(), juliet, jid.MustParse("romeo@example.net"))
	}
	if !blocked() {
		t.Error("not blocked while offline")
	}
	w.Online(chamber, 0)
	if !blocked() {
		t.Error("not blocked in another session")
	}
	if got := w.blocked(); got != "romeo@example.net" {
		t.Errorf("blocked %s", got)
	}
	if err := w.Host.Accounts.Remove(context.Background(), juliet); err != nil {
		t.Fatal(err)
	}
	w.Accounts.Add("juliet@example.org")
	w.Online(chamber, 0)
	if got := w.blocked(); got != "" {
		t.Errorf("who bears the name now blocks %s", got)
	}
}

// A removal that is taken back takes nothing away.
func TestRemovalTakenBack(t *testing.T) {
	w := newWorld(t)
	w.block("romeo@example.net")
	back := errors.New("taken back")
	err := w.Host.DB.Update(context.Background(), func(tx *store.Tx) error {
		if err := w.Hooks[0].Removed(tx, juliet); err != nil {
			t.Error(err)
		}
		return back
	})
	if !errors.Is(err, back) || w.blocked() != "romeo@example.net" {
		t.Errorf("%v, blocked %q", err, w.blocked())
	}
}

// XEP-0191#disco
func TestDisco(t *testing.T) {
	w := newWorld(t)
	info := w.Host.Directory.Info(context.Background(), module.Domain, moduletest.Domain, jid.MustParse(chamber))
	if !slices.Contains(info.Features, "urn:xmpp:blocking") {
		t.Errorf("features %v", info.Features)
	}
}

// What is in memory is what is stored, whatever happens at once.
func TestRace(t *testing.T) {
	w := newWorld(t)
	var work sync.WaitGroup
	for g := range 4 {
		work.Go(func() {
			for i := range 20 {
				j := fmt.Sprintf("user%d@example.net", (g+i)%3)
				if i%2 == 0 {
					w.client(chamber).Block(context.Background(), jids(j)...)
				} else {
					w.client(chamber).Unblock(context.Background(), jids(j)...)
				}
				w.Hooks[0].Hides(context.Background(), juliet, jid.MustParse(j))
			}
		})
		work.Go(func() {
			for range 20 {
				w.Bind(fmt.Sprintf("juliet@example.org/%d", g)).Close(nil)
				w.client(balcony).Get(context.Background())
			}
		})
	}
	work.Wait()
	inMemory := w.blocked()
	w.chamber.Close(nil)
	w.balcony.Close(nil)
	w.Online(chamber, 0)
	if stored := w.blocked(); stored != inMemory {
		t.Errorf("stored %q, in memory %q", stored, inMemory)
	}
}

// A list says the same as a look at each form that an address is covered by.
func TestBlocksEachForm(t *testing.T) {
	forms := []string{"u@d.example/r", "u@d.example", "d.example/r", "d.example", "v@d.example", "e.example"}
	rapid.Check(t, func(t *rapid.T) {
		l := blocking.List{}
		for _, f := range rapid.SliceOfDistinct(rapid.SampledFrom(forms), rapid.ID[string]).Draw(t, "list") {
			l[jid.MustParse(f)] = struct{}{}
		}
		_, full := l[jid.MustParse("u@d.example/r")]
		_, bare := l[jid.MustParse("u@d.example")]
		_, at := l[jid.MustParse("d.example/r")]
		_, domain := l[jid.MustParse("d.example")]
		if got := l.Blocks(jid.MustParse("u@d.example/r")); got != (full || bare || at || domain) {
			t.Fatalf("%v: %v", l, got)
		}
	})
}
