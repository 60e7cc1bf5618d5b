package router_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/cluster"
	"github.com/comity-iot/comity/cluster/clustertest"
	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server/session"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// nodes are worlds that serve the same domain together.
type nodes struct {
	clustertest.Memory
	t   *testing.T
	all []*world
}

// node adds one. It is left before the test ends, and so are its sessions.
func (n *nodes) node(name string, more ...*module.Hooks) *world {
	w := newWorld(n.t, more...)
	n.join(w, n.Node(name))
	return w
}

func (n *nodes) join(w *world, c cluster.Cluster) {
	w.Join(c)
	n.all = append(n.all, w)
	n.t.Cleanup(func() {
		w.EndSessions()
		w.Leave()
	})
}

// settle waits until nothing moves and returns what has reached whom on any node, in the order of their names.
func (n *nodes) settle() string {
	var log []string
	for _, w := range n.all {
		log = append(log, w.settle()...)
	}
	slices.Sort(log)
	return strings.Join(log, "; ")
}

func (n *nodes) expect(what, want string) {
	n.t.Helper()
	if got := n.settle(); got != want {
		n.t.Errorf("%s:\n%q, want\n%q", what, got, want)
	}
}

// with two nodes, of which A has Juliet and B has Romeo.
func twoNodes(t *testing.T, test func(n *nodes, a, b *world, juliet, romeo *session.Session), more ...*module.Hooks) {
	synctest.Test(t, func(t *testing.T) {
		n := &nodes{t: t}
		a, b := n.node("A", more...), n.node("B", more...)
		juliet, romeo := a.online("juliet@example.com/j", 0), b.online("romeo@example.com/r", 0)
		n.settle()
		test(n, a, b, juliet, romeo)
	})
}

// What is for a session or an account of another node gets there, by the rules that hold on one node, and so do the answers.
func TestOtherNode(t *testing.T) {
	asked := module.IQ{
		Name: xmlstream.Name{Space: "urn:x", Local: "who"}, On: []module.Place{module.Account},
		Handle: func(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) { return nil, nil },
	}
	refuses := func(_ context.Context, _ jid.JID, s *stanza.Stanza) error {
		if s.ID == "refused" && s.Type != stanza.ErrorType {
			return stanza.NotAcceptable
		}
		return nil
	}
	twoNodes(t, func(n *nodes, a, b *world, juliet, romeo *session.Session) {
		for _, step := range []struct{ xml, want string }{
			{"<message to='romeo@example.com/r' id='1'/>", "r: message normal 1"},
			{"<message to='romeo@example.com' type='chat' id='2'/>", "r: message chat 2"},
			{"<message to='romeo@example.com/elsewhere' type='chat' id='3'/>", "r: message chat 3"},
			{"<message to='romeo@example.com/elsewhere' id='4'/>", "j: message error 4 service-unavailable"},
			{"<message to='romeo@example.com/r' id='refused'/>", "j: message error refused not-acceptable"},
			{"<iq type='get' to='romeo@example.com/r' id='5'><x xmlns='urn:x'/></iq>", "r: iq get 5"},
			{"<iq type='get' to='romeo@example.com/elsewhere' id='6'><x xmlns='urn:x'/></iq>", "j: iq error 6 service-unavailable"},
			{"<iq type='get' to='romeo@example.com' id='7'><x xmlns='urn:x'/></iq>", "j: iq error 7 service-unavailable"},
			{"<iq type='get' to='romeo@example.com' id='8'><who xmlns='urn:x'/></iq>", "j: iq result 8"},
			{"<presence to='romeo@example.com/r' id='9'/>", "r: presence 9"},
			{"<presence to='romeo@example.com' id='10'/>", "presence of romeo@example.com: presence 10"},
			{"<presence to='romeo@example.com/r' type='subscribe' id='11'/>", "presence of romeo@example.com: presence subscribe 11"},
		} {
			a.say(juliet, step.xml)
			if got := strings.Join(a.settle(), "; "); strings.HasPrefix(step.want, "j: ") && got != step.want {
				t.Errorf("%s: juliet got %q, want %q", step.xml, got, step.want)
			} else if !strings.HasPrefix(step.want, "j: ") && got != "" {
				t.Errorf("%s: on A %q", step.xml, got)
			}
			if got := strings.Join(b.settle(), "; "); !strings.HasPrefix(step.want, "j: ") && got != step.want {
				t.Errorf("%s: on B %q, want %q", step.xml, got, step.want)
			}
		}
		b.say(romeo, "<iq type='result' to='juliet@example.com/j' id='5'/>")
		n.expect("the answer", "j: iq result 5")

		// Away, but not gone: the node that has the session keeps what comes.
		b.FromClient(context.Background(), b.domain, romeo, stanza.NewPresence(jid.JID{}, stanza.Unavailable).Addressed(romeo.JID(), jid.JID{}))
		a.say(juliet, "<message to='romeo@example.com' id='1'><body>Hi</body></message>")
		if got := b.settle(); !slices.Equal(got, []string{"offline romeo: message normal 1"}) {
			t.Errorf("kept %q", got)
		}
		// Gone: nobody asks the other node any more.
		romeo.Close(nil)
		n.settle()
		a.say(juliet, "<message to='romeo@example.com/r' type='chat' id='2'><body>Hi</body></message>"+"")
		a.say(juliet, "<iq type='get' to='romeo@example.com/r' id='3'><x xmlns='urn:x'/></iq>")
		if got, want := strings.Join(a.settle(), "; "), "offline romeo: message chat 2; j: iq error 3 service-unavailable"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}, &module.Hooks{IQ: []module.IQ{asked}, Incoming: refuses})
}

// Of an account with sessions on several nodes each is reached once, from wherever it comes.
func TestSpreadAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &nodes{t: t}
		var told []string
		hooks := &module.Hooks{Delivered: func(_ jid.JID, s *stanza.Stanza, to []module.Session) {
			var all []string
			for _, x := range to {
				all = append(all, x.JID().Resource())
			}
			slices.Sort(all)
			told = append(told, s.ID+" "+strings.Join(all, ","))
		}}
		a, b, c := n.node("A", hooks), n.node("B", hooks), n.node("C", hooks)
		a.online("juliet@example.com/a", -1)
		b.online("juliet@example.com/b", 0)
		b.online("juliet@example.com/low", -1)
		b.bind("juliet@example.com/bound")
		c.online("juliet@example.com/c", 5)
		r := c.online("romeo@example.com/r", 0)
		n.settle()
		for i, w := range n.all {
			told = nil
			w.arrive(fmt.Sprintf("<message from='romeo@example.net/x' to='juliet@example.com' id='%d'/>", i))
			n.expect("from outside", fmt.Sprintf("b: message normal %d; c: message normal %d", i, i))
			if want := []string{fmt.Sprintf("%d b,c", i)}; !slices.Equal(told, want) {
				t.Errorf("delivered %q, want %q", told, want)
			}
		}
		for _, res := range []string{"a", "b", "low", "bound", "c"} {
			c.say(r, "<message to='juliet@example.com/"+res+"' id='full'/>")
			n.expect("to "+res, res+": message normal full")
		}
		d := n.node("D")
		d.arrive("<iq type='get' from='romeo@example.net/x' to='juliet@example.com' id='1'><x xmlns='urn:x'/></iq>")
		n.expect("one answer", "remote romeo: iq error 1 service-unavailable")
	})
}

// What features see of sessions elsewhere.
func TestAway(t *testing.T) {
	twoNodes(t, func(n *nodes, a, b *world, juliet, romeo *session.Session) {
		get := func() module.Session { return a.Get(romeo.JID()) }
		if got := a.Of(romeo.JID().Bare()); len(got) != 1 || got[0].JID() != romeo.JID() || got[0] != get() || got[0] == b.Get(romeo.JID()) {
			t.Errorf("romeo's are %v", got)
		}
		if a.Get(jid.MustParse("romeo@example.com/x")) != nil {
			t.Error("found who is nowhere")
		}
		for priority, want := range map[string]int8{"": 0, "5": 5, " -3 ": -3, "200": 0, "x": 0} {
			p := stanza.NewPresence(jid.JID{}, stanza.Available, xmlstream.New(stanza.Client, "priority", xmlstream.Text(priority)))
			b.FromClient(context.Background(), b.domain, romeo, p.Addressed(romeo.JID(), jid.JID{}))
			if n.settle(); get().Priority() != want || get().Priority() != romeo.Priority() || get().Presence().From != romeo.JID() {
				t.Errorf("priority %q: %d, %s", priority, get().Priority(), get().Presence())
			}
		}
		x := get()
		x.Send(a.parse("<message from='juliet@example.com' to='romeo@example.com' id='1'/>")) // past the rules
		n.expect("sent", "r: message normal 1")
		x.SetPresence(nil)
		if x.Keep(1, time.Minute, nil) || x.Acked(1) == nil || x.Sent()+x.Handled() != 0 || x.Unacked() != 0 || romeo.Presence() == nil {
			t.Error("what is the other node's to do was done")
		}
		if !x.Since().IsZero() || !x.Active().IsZero() {
			t.Error("knows what only the other node can")
		}
		b.FromClient(context.Background(), b.domain, romeo, stanza.NewPresence(jid.JID{}, stanza.Unavailable).Addressed(romeo.JID(), jid.JID{}))
		if n.settle(); get().Presence() != nil || get().Priority() != 0 {
			t.Error("still available")
		}
		x.Close(nil)
		if n.settle(); get() != nil || b.Get(romeo.JID()) != nil {
			t.Error("not ended")
		}
		x.Send(a.parse("<message from='juliet@example.com/j' to='romeo@example.com/r' id='2'><body>Hi</body></message>"))
		n.expect("sent too late", "offline romeo: message normal 2")
	})
}

// ends notes how a stream ends.
type ends struct {
	wire
	end chan string
}

func (c *ends) Write(items ...xmlstream.Appender) error {
	for _, it := range items {
		c.end <- string(it.AppendXML(nil, stanza.Client))
	}
	return nil
}

// A session elsewhere ends with the error that it is ended with.
func TestEndAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &nodes{t: t}
		a, b := n.node("A"), n.node("B")
		for err, want := range map[error]string{
			stream.NotAuthorized: "<not-authorized ", stream.Conflict.With("replaced"): "<conflict ", errors.New("broken"): "<internal-server-error ",
		} {
			c := &ends{end: make(chan string, 1)}
			s := session.New(jid.MustParse("romeo@example.com/r"), c, time.Now(), sessionSettings, b.hooks)
			b.Bind(b.domain, s, 1)
			synctest.Wait()
			a.Get(s.JID()).Close(err)
			if got := <-c.end; !strings.Contains(got, want) {
				t.Errorf("%v: ended with %s", err, got)
			}
		}
	})
}

// The limit of an account's sessions is for all nodes together.
func TestLimitOverNodes(t *testing.T) {
	twoNodes(t, func(_ *nodes, a, b *world, _, romeo *session.Session) {
		s := session.New(jid.MustParse("romeo@example.com/2"), &wire{w: a}, time.Now(), sessionSettings, a.hooks)
		if a.Bind(a.domain, s, 1) || !a.Bind(a.domain, s, 2) {
			t.Error("not the limit")
		}
	})
}

// The first of an account to come online is so over all nodes.
func TestOnlineOverNodes(t *testing.T) {
	var seen []string
	twoNodes(t, func(n *nodes, a, b *world, _, _ *session.Session) {
		a.online("romeo@example.com/2", 0)
		b.online("juliet@example.com/2", -1)
		want := []string{"j true", "r true", "2 false", "2 false"}
		if n.settle(); !slices.Equal(seen, want) {
			t.Errorf("%q, want %q", seen, want)
		}
	}, &module.Hooks{Online: func(_ context.Context, s module.Session, first bool) {
		seen = append(seen, fmt.Sprint(s.JID().Resource(), " ", first))
	}})
}

// A node's own requests are answered from wherever the answer comes, and by nobody but who was asked.
func TestRequestOverNodes(t *testing.T) {
	twoNodes(t, func(n *nodes, a, b *world, _, romeo *session.Session) {
		for _, from := range []string{"discovery.example.com", "juliet@example.com", "nurse@example.com", "example.com"} {
			answers := a.request(from, "romeo@example.com/r")
			id := strings.TrimPrefix(n.settle(), "r: iq get ")
			if !strings.HasPrefix(id, "A/") {
				t.Fatalf("asked with the id %q", id)
			}
			result := "<iq type='result' to='" + from + "' id='%s'><answer xmlns='urn:x'/></iq>"
			other := b.online("tybalt@example.com/t", 0)
			b.say(other, fmt.Sprintf(result, id))
			b.say(romeo, fmt.Sprintf(result, "B"+id[1:]))
			b.say(romeo, fmt.Sprintf(result, "C"+id[1:]))
			n.settle()
			select {
			case err := <-answers:
				t.Fatalf("%s: answered by another: %v", from, err)
			default:
			}
			b.say(romeo, fmt.Sprintf(result, id))
			if err := <-answers; err != nil {
				t.Errorf("%s: %v", from, err)
			}
			other.Close(nil)
			n.settle()
		}
		if err := <-a.request("discovery.example.com", "romeo@example.com/x"); stanza.AsError(err).Condition != stanza.ServiceUnavailable {
			t.Errorf("nobody there: %v", err)
		}
	})
}

// Who saw the sessions of a node that is lost is told by the others: each tells its own.
func TestLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &nodes{t: t}
		hides := &module.Hooks{Hides: func(_ context.Context, _, party jid.JID) bool { return party.Local() == "hidden" }}
		a, b, lost := n.node("A", hides), n.node("B", hides), n.Node("lost")
		w := newWorld(t)
		n.join(w, lost)
		var contacts []module.Contact
		for _, c := range []string{"romeo", "hidden", "offline", "nurse"} {
			contacts = append(contacts, module.Contact{JID: jid.MustParse(c + "@example.com"), From: true})
		}
		contacts = append(contacts, module.Contact{JID: jid.MustParse("tybalt@example.com"), To: true}, module.Contact{JID: jid.MustParse("a@example.net"), From: true})
		a.contacts, b.contacts = map[string][]module.Contact{"juliet": contacts}, map[string][]module.Contact{"juliet": contacts}
		for _, full := range []string{"romeo@example.com/r", "hidden@example.com/h", "tybalt@example.com/t"} {
			a.online(full, 0)
		}
		b.online("nurse@example.com/n", 0)
		b.online("juliet@example.com/b", 0)
		w.online("juliet@example.com/lost", 0)
		w.bind("juliet@example.com/bound")
		n.settle()
		lost.Lose()
		for node, want := range map[*world][]string{
			a: {"presence of romeo@example.com: presence unavailable"},
			b: {"presence of juliet@example.com: presence unavailable", "presence of nurse@example.com: presence unavailable"},
		} {
			if got := node.settle(); !slices.Equal(got, want) {
				t.Errorf("told %q, want %q", got, want)
			}
			if got := node.Get(jid.MustParse("juliet@example.com/lost")); got != nil {
				t.Errorf("%s is still there", got.JID())
			}
		}
		a.arrive("<message from='romeo@example.net/x' to='juliet@example.com/lost' type='chat' id='1'/>")
		n.expect("to who went", "b: message chat 1")
	})
}

// unwilling is a node whose messages are not taken.
type unwilling struct {
	*clustertest.MemoryNode
	err error
}

func (u *unwilling) Forward(node string, message []byte) error {
	if u.err != nil {
		return u.err
	}
	return u.MemoryNode.Forward(node, message)
}

// What a node cannot hand over comes back, or is kept; of what a lost node had nothing is there any more.
func TestCannotForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &nodes{t: t}
		a, b := newWorld(t), n.node("B")
		way := &unwilling{MemoryNode: n.Node("A")}
		n.join(a, way)
		j := a.online("juliet@example.com/j", -1)
		b.online("romeo@example.com/r", 0)
		b.online("juliet@example.com/2", 0)
		n.settle()
		for _, c := range []struct {
			err  error
			xml  string
			want string
		}{
			{cluster.ErrFull, "<message to='romeo@example.com' id='1'><body>Hi</body></message>", "j: message error 1 resource-constraint"},
			{cluster.ErrFull, "<iq type='get' to='romeo@example.com/r' id='2'><x xmlns='urn:x'/></iq>", "j: iq error 2 resource-constraint"},
			{cluster.ErrFull, "<message to='juliet@example.com' id='3'><body>Hi</body></message>", "offline juliet: message normal 3"},
			{cluster.ErrFull, "<presence to='romeo@example.com' id='4'/>", "j: presence error 4 resource-constraint"},
			{cluster.ErrNoNode, "<message to='romeo@example.com' id='5'><body>Hi</body></message>", "offline romeo: message normal 5"},
			{cluster.ErrNoNode, "<iq type='get' to='romeo@example.com/r' id='6'><x xmlns='urn:x'/></iq>", "j: iq error 6 service-unavailable"},
			{cluster.ErrNoNode, "<message to='juliet@example.com' id='7'><body>Hi</body></message>", "offline juliet: message normal 7"},
		} {
			way.err = c.err
			a.say(j, c.xml)
			n.expect(c.xml, c.want)
		}
		x := a.Get(jid.MustParse("juliet@example.com/2"))
		x.Send(a.parse("<message from='romeo@example.com/r' to='juliet@example.com' id='8'><body>Hi</body></message>"))
		n.expect("sent to a session", "offline juliet: message normal 8")
		x.Close(nil)
		if way.err = nil; b.Get(x.JID()) == nil {
			t.Error("ended without a word")
		}
	})
}

// A session that ends while it is being announced leaves no ghost on other nodes, nor does one that could not say what it wanted.
func TestNoGhost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &nodes{t: t}
		a := n.node("A")
		fails, ended := false, false
		b := n.node("B", &module.Hooks{Presence: out(func(s module.Session) error {
			switch {
			case fails:
				return stanza.InternalServerError
			case ended:
				s.Close(nil)
			}
			s.SetPresence(stanza.NewPresence(jid.JID{}, stanza.Available))
			return nil
		})})
		s, _ := b.bind("romeo@example.com/r")
		p := stanza.NewPresence(jid.JID{}, stanza.Available).Addressed(s.JID(), jid.JID{})
		fails = true
		b.FromClient(context.Background(), b.domain, s, p)
		if n.settle(); a.Get(s.JID()).Presence() != nil {
			t.Error("available without having told anybody")
		}
		fails, ended = false, true
		b.FromClient(context.Background(), b.domain, s, p)
		if n.settle(); a.Get(s.JID()) != nil {
			t.Error("a ghost")
		}
	})
}

// out is presence that does something when a session sends it.
type outPresence struct {
	module.Presence
	out func(module.Session) error
}

func out(f func(module.Session) error) module.Presence { return outPresence{out: f} }

func (o outPresence) Out(_ context.Context, s module.Session, _ *stanza.Stanza) error {
	return o.out(s)
}
func (outPresence) Gone(context.Context, module.Session) {}

// What comes for an account comes in its order, however it was sent, and of what comes faster than it can be dealt with nothing is lost.
func TestOrderOverNodes(t *testing.T) {
	twoNodes(t, func(_ *nodes, a, b *world, juliet, romeo *session.Session) {
		send := func(prefix string) {
			t.Helper()
			var want []string
			for i := range 3000 {
				to := "romeo@example.com"
				if i%3 == 0 {
					to += "/r"
				}
				a.say(juliet, fmt.Sprintf("<message to='%s' id='%d' type='chat'><body>Hi</body></message>", to, i))
				want = append(want, fmt.Sprintf("%s: message chat %d", prefix, i))
			}
			time.Sleep(time.Hour)
			if got := b.settle(); !slices.Equal(got, want) {
				t.Errorf("%d came, or not in their order", len(got))
			}
		}
		send("r")
		romeo.Close(nil)
		b.online("romeo@example.com/low", -1)
		time.Sleep(time.Hour)
		b.settle()
		send("offline romeo")
	}, &module.Hooks{Incoming: func(context.Context, jid.JID, *stanza.Stanza) error {
		time.Sleep(time.Millisecond) // a slow disk
		return nil
	}})
}

// Letters that are none, or none any more, harm nobody.
func TestStrangeLetters(t *testing.T) {
	twoNodes(t, func(n *nodes, a, _ *world, juliet, _ *session.Session) {
		message := "<message xmlns='jabber:client' from='romeo@example.net/x' to='juliet@example.com/gone' id='1' type='chat'><body>Hi</body></message>"
		iq := "<iq xmlns='jabber:client' type='get' from='romeo@example.net/x' to='juliet@example.com/gone' id='2'><x xmlns='urn:x'/></iq>"
		for letter, want := range map[string]string{
			"":                            "",
			"?":                           "",
			"r":                           "",
			"r<message/>":                 "",
			"r<x xmlns='jabber:client'/>": "",
			"r<message xmlns='jabber:client' to='juliet@example.com'/>": "",
			"r<iq xmlns='jabber:client' type='?'/>":                     "",
			"r" + message[:40]:                                          "",
			"sjuliet@example.com/j":                                     "",
			"s@\x00" + message:                                          "",
			"sjuliet@example.com/j\x00<x/>":                             "",
			"ejuliet@example.com/gone\x00conflict":                      "",
			"sjuliet@example.com/gone\x00" + message:                    "j: message chat 1", // to the others that she has here
			"sjuliet@example.com/gone\x00" + iq:                         "remote romeo: iq error 2 service-unavailable",
			"r" + message:                                               "j: message chat 1",
			"r" + iq:                                                    "remote romeo: iq error 2 service-unavailable",
			"r" + strings.ReplaceAll(iq, "juliet@example.com", "juliet@example.org"): "remote romeo: iq error 2 service-unavailable",
		} {
			a.Receive("B", []byte(letter))
			n.expect(letter, want)
		}
		if a.Get(juliet.JID()) != module.Session(juliet) {
			t.Error("juliet is gone")
		}
	})
}
