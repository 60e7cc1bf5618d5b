package server_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/comity-iot/comity/cluster/clustertest"
	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// pair is two brokers that serve a domain together.
type pair struct {
	*clustertest.Memory
	a, b     *broker
	nodeB    *clustertest.MemoryNode
	features [2]*module.Host // what a feature is given on each
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{Memory: &clustertest.Memory{}}
	db := newDB(t)
	node := func(i int, n *clustertest.MemoryNode) *broker {
		o := options(db, []string{"example.org"}, module.Def{Name: "feature", Init: func(h *module.Host) (*module.Hooks, error) {
			p.features[i] = h
			return &module.Hooks{}, nil
		}})
		o.Cluster = n
		return open(t, o)
	}
	p.nodeB = p.Node("B")
	p.a, p.b = node(0, p.Node("A")), node(1, p.nodeB)
	p.a.add("juliet@example.org", "romeo@example.org", "nurse@example.org")
	return p
}

// online is an available session that both nodes know of, of a client that hears of changes to its roster.
func (p *pair) online(on *broker, bare string) *client {
	on.t.Helper()
	c := on.login(bare)
	c.send("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>")
	c.iq("roster")
	c.available()
	deadline := time.After(20 * time.Second)
	for _, h := range p.features {
		for s := h.Sessions.Get(c.jid); s == nil || s.Presence() == nil; s = h.Sessions.Get(c.jid) {
			select {
			case <-time.After(time.Millisecond):
			case <-deadline:
				on.t.Fatalf("%s is unknown on a node", c.jid)
			}
		}
	}
	return c
}

// until reads until an element is as wanted, passing over others.
func (c *client) until(what string, ok func(*xmlstream.Element) bool) *xmlstream.Element {
	c.t.Helper()
	for {
		kind, err := c.conn.Next()
		if err != nil || kind != xmlstream.Complete {
			c.t.Fatalf("%s: waited for %s, got kind %d, %v", c.jid, what, kind, err)
		}
		if el := c.conn.Tokens().Element(); ok(el) {
			return el
		}
	}
}

func (c *client) sees(who jid.JID, typ stanza.Type) *xmlstream.Element {
	c.t.Helper()
	return c.until("presence "+string(typ)+" of "+who.String(), func(el *xmlstream.Element) bool {
		return el.Local() == "presence" && el.Attr("from") == who.String() && el.Attr("type") == string(typ)
	})
}

func (c *client) message() *xmlstream.Element {
	c.t.Helper()
	return c.until("a message", func(el *xmlstream.Element) bool { return el.Local() == "message" })
}

// reads expects that the next message has that body.
func (c *client) reads(body string) {
	c.t.Helper()
	if m := c.message(); m.ChildText(stanza.Client, "body") != body || m.Attr("type") == "error" {
		c.t.Fatalf("%s got %s, want %q", c.jid, m, body)
	}
}

// iq waits for the one with that id.
func (c *client) iq(id string) *xmlstream.Element {
	c.t.Helper()
	return c.until("iq "+id, func(el *xmlstream.Element) bool { return el.Local() == "iq" && el.Attr("id") == id })
}

// befriend makes the two see each other, as their clients do it.
func befriend(a, b *client) {
	a.t.Helper()
	for range 2 {
		a.send("<presence type='subscribe' to='%s'/>", b.jid.Bare())
		b.sees(a.jid.Bare(), stanza.Subscribe)
		b.send("<presence type='subscribed' to='%s'/>", a.jid.Bare())
		a.sees(b.jid.Bare(), stanza.Subscribed)
		a.until("the contact in the roster", func(el *xmlstream.Element) bool {
			item := el.Child("jabber:iq:roster", "query").Child("jabber:iq:roster", "item")
			return item.Attr("jid") == b.jid.Bare().String() && item.Attr("ask") == "" && item.Attr("subscription") != "none"
		})
		a.sees(b.jid, stanza.Available)
		a, b = b, a
	}
}

// Who is on one node and who is on another are to each other as if they were on one.
func TestTwoNodes(t *testing.T) {
	p := newPair(t)
	juliet, romeo := p.online(p.a, "juliet@example.org"), p.online(p.b, "romeo@example.org")
	befriend(juliet, romeo)

	juliet.send("<message to='%s' type='chat'><body>full</body></message>", romeo.jid)
	romeo.reads("full")
	juliet.send("<message to='romeo@example.org' type='chat'><body>bare</body></message>")
	romeo.reads("bare")
	romeo.send("<message to='%s' type='chat'><body>back</body></message>", juliet.jid)
	juliet.reads("back")

	juliet.send("<iq type='get' id='q' to='%s'><ping xmlns='urn:xmpp:ping'/></iq>", romeo.jid)
	if q := romeo.iq("q"); q.Attr("from") != juliet.jid.String() || q.Attr("type") != "get" {
		t.Errorf("asked %s", q)
	}
	romeo.send("<iq type='result' id='q' to='%s'/>", juliet.jid)
	if r := juliet.iq("q"); r.Attr("type") != "result" || r.Attr("from") != romeo.jid.String() {
		t.Errorf("answered %s", r)
	}

	romeo.send("<presence><show>away</show><priority>3</priority></presence>")
	if el := juliet.sees(romeo.jid, stanza.Available); el.ChildText(stanza.Client, "show") != "away" {
		t.Errorf("juliet sees %s", el)
	}
	phone := p.a.login("juliet@example.org")
	phone.send("<presence/>") // which asks for his
	if el := phone.sees(romeo.jid, stanza.Available); el.ChildText(stanza.Client, "show") != "away" {
		t.Errorf("her phone sees %s", el)
	}
	romeo.sees(phone.jid, stanza.Available)

	romeo.send("</stream:stream>")
	juliet.sees(romeo.jid, stanza.Unavailable)
	juliet.send("<message to='%s' type='chat'><body>gone, full</body></message>", romeo.jid)
	juliet.send("<message to='romeo@example.org' type='chat'><body>gone, bare</body></message>")
	juliet.send("<message to='%s' type='normal' id='n'><body>x</body></message>", romeo.jid)
	if m := juliet.expect("message"); m.Attr("id") != "n" || m.Attr("type") != "error" {
		t.Errorf("came back: %s", m)
	}
	if e := juliet.ping(romeo.jid.String()); e.Attr("type") != "error" {
		t.Errorf("who is gone answers %s", e)
	}
	again := p.a.login("romeo@example.org") // on the other node
	again.send("<presence/>")
	again.sees(juliet.jid, stanza.Available)
	again.reads("gone, full")
	again.reads("gone, bare")
}

// An account with sessions on two nodes gets messages and presence on both, also when it is told of itself.
func TestAccountOnTwoNodes(t *testing.T) {
	p := newPair(t)
	romeo, laptop := p.online(p.b, "romeo@example.org"), p.online(p.a, "juliet@example.org")
	befriend(laptop, romeo)
	phone := p.b.login("juliet@example.org")
	phone.send("<presence><priority>5</priority></presence>")
	laptop.sees(phone.jid, stanza.Available)
	phone.sees(laptop.jid, stanza.Available)
	phone.sees(romeo.jid, stanza.Available)
	romeo.send("<message to='juliet@example.org' type='chat'><body>both</body></message>")
	for _, c := range []*client{laptop, phone} {
		c.reads("both")
	}
	romeo.send("<presence><show>dnd</show></presence>")
	for _, c := range []*client{laptop, phone} {
		c.until("dnd", func(el *xmlstream.Element) bool { return el.ChildText(stanza.Client, "show") == "dnd" })
	}
	// Of an account that is removed all sessions end.
	if err := p.a.Accounts.Remove(t.Context(), jid.MustParse("juliet@example.org")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*client{laptop, phone} {
		el := c.until("its end", func(el *xmlstream.Element) bool { return el.Local() == "error" })
		if got := stream.ParseError(el); got.Condition != stream.NotAuthorized {
			t.Errorf("%s was told %v", c.jid, got)
		}
	}
}

// A node that ends, or is lost, takes its sessions with it: friends see it, and what comes for them is kept.
func TestNodeGoes(t *testing.T) {
	for name, goes := range map[string]func(*pair){
		"ends":    func(p *pair) { p.b.close() },
		"is lost": func(p *pair) { p.nodeB.Lose() },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t)
			juliet, romeo := p.online(p.a, "juliet@example.org"), p.online(p.b, "romeo@example.org")
			befriend(juliet, romeo)
			goes(p)
			juliet.sees(romeo.jid, stanza.Unavailable)
			juliet.send("<message to='romeo@example.org' type='chat'><body>bare</body></message>")
			juliet.send("<message to='%s' type='chat'><body>full</body></message>", romeo.jid)
			if e := juliet.ping(romeo.jid.String()); e.Attr("type") != "error" {
				t.Errorf("who is gone answers %s", e)
			}
			again := p.a.login("romeo@example.org")
			again.send("<presence/>")
			again.reads("bare")
			again.reads("full")
			if got := again.ping(juliet.jid.Domain()); got.Attr("type") != "result" { // and nothing twice
				t.Errorf("the domain answers %s", got)
			}
		})
	}
}

// What waits in the sessions of a node that ends is in the database, or with the account's sessions on other nodes.
func TestNodeEndsAndLosesNothing(t *testing.T) {
	p := newPair(t)
	juliet, romeo, nurse := p.online(p.a, "juliet@example.org"), p.online(p.b, "romeo@example.org"), p.online(p.b, "nurse@example.org")
	for _, c := range []*client{romeo, nurse} {
		c.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
		c.expect("enabled")
		c.conn.Close()
	}
	other := p.online(p.a, "nurse@example.org")
	want := []string{"1", "2", "3"}
	for _, body := range want {
		juliet.send("<message to='%s' type='chat'><body>%s</body></message>", romeo.jid, body)
		juliet.send("<message to='%s' type='chat'><body>%s</body></message>", nurse.jid, body)
	}
	juliet.ping("example.org")
	p.b.close()
	again := p.a.login("romeo@example.org")
	again.send("<presence/>")
	for _, c := range []*client{again, other} {
		var got []string
		for range want {
			got = append(got, c.message().ChildText(stanza.Client, "body"))
		}
		slices.Sort(got) // some may have been under way to the node that ended
		if !slices.Equal(got, want) {
			t.Errorf("%s got %q, want %q", c.jid, got, want)
		}
	}
}

// What must follow a commit on one node reaches a session on another, and its answer comes back.
func TestOutboxOverNodes(t *testing.T) {
	p := newPair(t)
	romeo := p.online(p.b, "romeo@example.org")
	h := p.features[0]
	push := module.Push{
		Topic: "x", From: h.Domain, To: romeo.jid.Bare(), IQ: true, Payload: xmlstream.New("urn:example", "forget"),
	}
	if err := h.DB.Update(t.Context(), func(tx *store.Tx) error { return h.Outbox.Put(tx, push) }); err != nil {
		t.Fatal(err)
	}
	q := romeo.expect("iq")
	if q.Child("urn:example", "forget") == nil {
		t.Errorf("told %s", q)
	}
	romeo.send("<iq type='result' id='%s' to='%s'/>", q.Attr("id"), q.Attr("from"))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if !h.Outbox.Wait(ctx, h.Domain, push.To) {
		t.Error("not acknowledged")
	}
}
