// Package clustertest is the suite that every engine of package cluster passes, and Memory, a small engine for tests.
package clustertest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/comity-iot/comity/cluster"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Nodes is a cluster to test, of which no node has joined yet.
type Nodes struct {
	All  []cluster.Cluster
	Lose []func() // makes the others lose that node, which cannot say so any more
}

// Run tests an engine. open makes a cluster of n nodes, at least one; where the engine cannot have so many it makes as many as it
// can. The suite makes them leave.
func Run(t *testing.T, open func(t *testing.T, n int) Nodes) {
	for name, test := range map[string]func(*testing.T, *world){
		"sessions are known elsewhere":             sessionsElsewhere,
		"presence is known elsewhere":              presenceElsewhere,
		"who joins later hears of all":             latecomer,
		"messages come once and in order":          messages,
		"what a node does is seen in its order":    oneOrder,
		"nobody waits for a slow node":             slow,
		"what is on its way comes before leaving":  lastWords,
		"a node that leaves takes its own":         leaving,
		"a node that is lost takes its own":        losing,
		"a node that has left sends and gets none": left,
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{Nodes: open(t, 3)}
			for range w.All {
				w.peers = append(w.peers, &peer{})
			}
			t.Cleanup(func() {
				for _, n := range w.All {
					n.Leave()
				}
			})
			if len(w.All) == 1 {
				alone(t, w.All[0])
				return
			}
			test(t, w)
		})
	}
}

type world struct {
	Nodes
	peers []*peer
}

// join makes all nodes join that have not been named.
func (w *world) join(but ...int) {
	for i, n := range w.All {
		if !slices.Contains(but, i) {
			n.Join(w.peers[i])
		}
	}
}

// peer notes what it is told.
type peer struct {
	mu       sync.Mutex
	received []string // "node message"
	lost     []string // "resource at node"
	onLost   func()
	on       func(message string)
}

func (p *peer) Receive(from string, message []byte) {
	if p.on != nil {
		p.on(string(message))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.received = append(p.received, from+" "+string(message))
}

func (p *peer) Lost(sessions []cluster.Session) {
	if p.onLost != nil {
		p.onLost()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost = append(p.lost, names(sessions)...)
}

func (p *peer) told() (received, lost []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.Sort(p.lost)
	return slices.Clone(p.received), slices.Clone(p.lost)
}

var (
	phone  = jid.MustParse("juliet@example.com/phone")
	laptop = jid.MustParse("juliet@example.com/laptop")
	juliet = phone.Bare()
)

// eventually waits for what other nodes learn a little later.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 10 seconds", what)
		}
		<-time.After(time.Millisecond)
	}
}

func names(sessions []cluster.Session) []string {
	var all []string
	for _, s := range sessions {
		all = append(all, s.JID.Resource()+" at "+s.Node)
	}
	slices.Sort(all)
	return all
}

// knows waits until the node sees just these sessions of Juliet elsewhere, each as "resource at node".
func knows(t *testing.T, n cluster.Cluster, want ...string) {
	t.Helper()
	slices.Sort(want)
	eventually(t, fmt.Sprintf("%s knows %q", n.Node(), want), func() bool { return slices.Equal(names(n.Where(juliet)), want) })
}

func forward(t *testing.T, from, to cluster.Cluster, message string) {
	t.Helper()
	if err := from.Forward(to.Node(), []byte(message)); err != nil {
		t.Fatalf("%s to %s: %v", message, to.Node(), err)
	}
}

// alone is what a cluster of one node does: nothing, and it takes all calls.
func alone(t *testing.T, n cluster.Cluster) {
	p := &peer{}
	n.Join(p)
	n.Announce(phone, stanza.NewPresence(jid.JID{}, stanza.Available))
	if got := n.Where(juliet); len(got) > 0 {
		t.Errorf("its own session is elsewhere: %v", names(got))
	}
	for _, node := range []string{"nobody", n.Node()} {
		if err := n.Forward(node, []byte("x")); !errors.Is(err, cluster.ErrNoNode) {
			t.Errorf("message to %q: %v", node, err)
		}
	}
	n.Withdraw(phone)
	n.Withdraw(phone)
	n.Leave()
	if received, lost := p.told(); len(received)+len(lost) > 0 {
		t.Errorf("told of %q, %q", received, lost)
	}
}

func sessionsElsewhere(t *testing.T, w *world) {
	w.join()
	first, last := w.All[0], w.All[len(w.All)-1]
	first.Announce(phone, nil)
	first.Announce(phone, nil)
	last.Announce(laptop, nil)
	for _, n := range w.All {
		var want []string
		if n != first {
			want = append(want, "phone at "+first.Node())
		}
		if n != last {
			want = append(want, "laptop at "+last.Node())
		}
		knows(t, n, want...)
		if got := n.Where(jid.MustParse("romeo@example.com")); len(got) > 0 {
			t.Errorf("romeo is at %v", names(got))
		}
	}
	before := last.Where(juliet)
	first.Withdraw(phone)
	first.Withdraw(phone)
	knows(t, last)
	if got := names(before); !slices.Equal(got, []string{"phone at " + first.Node()}) {
		t.Errorf("a list that was handed out has changed to %q", got)
	}
	knows(t, first, "laptop at "+last.Node())
}

func presenceElsewhere(t *testing.T, w *world) {
	w.join()
	here, there := w.All[0], w.All[1]
	sees := func(want string) {
		t.Helper()
		eventually(t, "presence "+want, func() bool {
			all := there.Where(juliet)
			return len(all) == 1 && (all[0].Presence == nil) == (want == "") && (want == "" || all[0].Presence.String() == want)
		})
	}
	here.Announce(phone, nil)
	sees("")
	p := stanza.NewPresence(jid.JID{}, stanza.Available,
		xmlstream.New(stanza.Client, "priority", xmlstream.Text("5")), xmlstream.New("urn:example", "x", xmlstream.Text("<&")))
	p.From, p.ID, p.Lang = phone, "1", "it"
	want := p.String()
	here.Announce(phone, p)
	p.ID = "the caller's own again"
	sees(want)
	here.Announce(phone, nil)
	sees("")
}

func latecomer(t *testing.T, w *world) {
	w.join(1)
	w.All[0].Announce(phone, nil)
	w.All[0].Announce(laptop, nil)
	w.All[0].Withdraw(laptop)
	w.All[1].Join(w.peers[1])
	knows(t, w.All[1], "phone at "+w.All[0].Node())
	eventually(t, "the latecomer is reached", func() bool { return w.All[0].Forward(w.All[1].Node(), []byte("x")) == nil })
	w.All[1].Announce(laptop, nil)
	knows(t, w.All[0], "laptop at "+w.All[1].Node())
}

func messages(t *testing.T, w *world) {
	w.join()
	for _, node := range []string{"nobody", w.All[0].Node()} {
		if err := w.All[0].Forward(node, []byte("x")); !errors.Is(err, cluster.ErrNoNode) {
			t.Errorf("message to %s: %v", node, err)
		}
	}
	const n = 1000
	var want []string
	message := make([]byte, 0, 8)
	for i := range n {
		message = fmt.Append(message[:0], i) // the same memory each time: it is not kept
		forward(t, w.All[0], w.All[1], string(message))
		want = append(want, fmt.Sprintf("%s %d", w.All[0].Node(), i))
	}
	var got []string
	eventually(t, "all messages", func() bool { got, _ = w.peers[1].told(); return len(got) >= n })
	if !slices.Equal(got, want) {
		t.Errorf("not as they were sent: %q", got)
	}
	if got, _ := w.peers[2].told(); len(got) > 0 {
		t.Errorf("another got %q", got)
	}
}

// Who hears from a session can answer it, and who hears of its end last can not.
func oneOrder(t *testing.T, w *world) {
	here, there := w.All[0], w.All[1]
	w.peers[1].on = func(message string) {
		got := ""
		if all := there.Where(juliet); len(all) == 1 {
			got = "bound"
			if all[0].Presence != nil {
				got = "available"
			}
		}
		if got != message {
			t.Errorf("%q at the message %q", got, message)
		}
	}
	w.join()
	for range 100 {
		here.Announce(phone, nil)
		forward(t, here, there, "bound")
		here.Announce(phone, stanza.NewPresence(jid.JID{}, stanza.Available))
		forward(t, here, there, "available")
		here.Withdraw(phone)
		forward(t, here, there, "")
	}
	eventually(t, "all messages", func() bool { got, _ := w.peers[1].told(); return len(got) == 300 })
}

// A node that takes nothing holds up nobody, and gets in the end what was taken for it.
func slow(t *testing.T, w *world) {
	goOn := make(chan struct{})
	w.peers[1].on = func(string) { <-goOn }
	w.join()
	var want []string
	for i := range 20_000 {
		err := w.All[0].Forward(w.All[1].Node(), fmt.Append(nil, i))
		if err == nil {
			want = append(want, fmt.Sprintf("%s %d", w.All[0].Node(), i))
		} else if !errors.Is(err, cluster.ErrFull) {
			t.Fatal(err)
		}
	}
	w.All[0].Announce(phone, nil) // is not refused
	forward(t, w.All[2], w.All[0], "x")
	eventually(t, "a message between others", func() bool { got, _ := w.peers[0].told(); return len(got) == 1 })
	close(goOn)
	knows(t, w.All[1], "phone at "+w.All[0].Node())
	if got, _ := w.peers[1].told(); !slices.Equal(got, want) {
		t.Errorf("got %d messages of %d, or not in their order", len(got), len(want))
	}
}

func lastWords(t *testing.T, w *world) {
	goOn := make(chan struct{})
	w.peers[1].on = func(string) { <-goOn }
	w.join()
	for range 100 {
		forward(t, w.All[0], w.All[1], "x")
	}
	time.AfterFunc(10*time.Millisecond, func() { close(goOn) })
	w.All[1].Leave()
	if got, _ := w.peers[1].told(); len(got) != 100 {
		t.Errorf("%d of 100 messages had come when it had left", len(got))
	}
	forward(t, w.All[1], w.All[0], "answer") // which it may still send
	eventually(t, "its last words", func() bool { got, _ := w.peers[0].told(); return len(got) == 1 })
}

func leaving(t *testing.T, w *world) { gone(t, w, func() { w.All[1].Leave() }) }

func losing(t *testing.T, w *world) {
	if w.Lose == nil {
		t.Fatal("the engine cannot say how a node is lost")
	}
	gone(t, w, w.Lose[1])
}

// gone has a node go, which has one session still and has withdrawn another.
func gone(t *testing.T, w *world, begone func()) {
	stays, goes := "laptop at "+w.All[0].Node(), "phone at "+w.All[1].Node()
	w.peers[2].onLost = func() {
		if slices.Contains(names(w.All[2].Where(juliet)), goes) {
			t.Error("told of a loss that is not one yet")
		}
	}
	w.join()
	w.All[0].Announce(laptop, nil)
	w.All[1].Announce(phone, nil)
	w.All[1].Announce(laptop, nil)
	knows(t, w.All[2], stays, goes, "laptop at "+w.All[1].Node())
	w.All[1].Withdraw(laptop)
	knows(t, w.All[2], stays, goes)
	knows(t, w.All[0], goes)
	begone()
	knows(t, w.All[0])
	knows(t, w.All[2], stays)
	for _, i := range []int{0, 2} {
		eventually(t, "loss", func() bool { _, lost := w.peers[i].told(); return len(lost) > 0 })
		if _, lost := w.peers[i].told(); !slices.Equal(lost, []string{goes}) {
			t.Errorf("%s lost %q, want %q", w.All[i].Node(), lost, goes)
		}
		eventually(t, "unreachable", func() bool {
			return errors.Is(w.All[i].Forward(w.All[1].Node(), []byte("x")), cluster.ErrNoNode)
		})
	}
}

func left(t *testing.T, w *world) {
	w.join()
	w.All[1].Leave()
	w.All[1].Leave()
	w.All[1].Announce(phone, nil)
	w.All[0].Announce(laptop, nil)
	knows(t, w.All[2], "laptop at "+w.All[0].Node())
	if received, lost := w.peers[1].told(); len(received)+len(lost) > 0 {
		t.Errorf("told of %q, %q", received, lost)
	}
	if got := names(w.All[1].Where(juliet)); len(got) > 0 {
		t.Errorf("still hears of %q", got)
	}
}
