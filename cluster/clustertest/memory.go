package clustertest

import (
	"slices"
	"sync"

	"github.com/comity-iot/comity/cluster"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Memory is a cluster inside one process, for tests of what several nodes do together. Its nodes share nothing but bytes. It holds no
// goroutine while nothing moves, and needs not be closed. The zero value has no nodes.
type Memory struct {
	mu    sync.RWMutex
	nodes map[string]*MemoryNode // that others can reach
}

// MemoryNode is one of a Memory.
type MemoryNode struct {
	cluster *Memory
	name    string
	work    sync.WaitGroup // what reads the links

	// cluster.mu guards these.
	peer   cluster.Peer
	own    map[jid.JID][]byte            // what was announced here: the presence as bytes, nil for none
	others map[jid.JID][]cluster.Session // by bare JID; a slice is replaced, never changed
	links  map[string]*link              // from other nodes
	lost   bool
}

var _ cluster.Cluster = (*MemoryNode)(nil)

// link is what is on its way from one node to another, in its order.
type link struct {
	queue []func()
	read  bool // somebody reads it
}

// maxUnderWay is how much may be on its way from one node to another.
const maxUnderWay = 10_000

// Node makes a node.
func (m *Memory) Node(name string) *MemoryNode {
	return &MemoryNode{
		cluster: m, name: name,
		own: map[jid.JID][]byte{}, others: map[jid.JID][]cluster.Session{}, links: map[string]*link{},
	}
}

// Node implements cluster.Cluster.
func (n *MemoryNode) Node() string { return n.name }

// Join implements cluster.Cluster.
func (n *MemoryNode) Join(p cluster.Peer) {
	m := n.cluster
	m.mu.Lock()
	defer m.mu.Unlock()
	n.peer = p
	for _, o := range m.nodes {
		for full, presence := range o.own {
			n.take(o.name, n.learn(o.name, full, presence))
		}
	}
	if m.nodes == nil {
		m.nodes = map[string]*MemoryNode{}
	}
	m.nodes[n.name] = n
}

// Leave implements cluster.Cluster.
func (n *MemoryNode) Leave() {
	n.cluster.mu.Lock()
	n.part()
	n.cluster.mu.Unlock()
	n.work.Wait()
}

// Lose makes the node one that the others have lost, without a word: nothing reaches it, nothing comes from it.
func (n *MemoryNode) Lose() {
	n.cluster.mu.Lock()
	defer n.cluster.mu.Unlock()
	n.lost = true
	for _, l := range n.links {
		l.queue = nil
	}
	clear(n.others)
	n.part()
}

// part has the others lose the node. cluster.mu is held.
func (n *MemoryNode) part() {
	if n.cluster.nodes[n.name] != n {
		return
	}
	delete(n.cluster.nodes, n.name)
	for _, o := range n.cluster.nodes {
		o.take(n.name, func() { o.lose(n.name) })
	}
	clear(n.own)
}

// Announce implements cluster.Cluster.
func (n *MemoryNode) Announce(session jid.JID, presence *stanza.Stanza) {
	full := session.Clone()
	var text []byte
	if presence != nil {
		text = presence.AppendXML(nil, stanza.Client)
	}
	n.tell(func() { n.own[full] = text }, func(o *MemoryNode) func() { return o.learn(n.name, full, text) })
}

// Withdraw implements cluster.Cluster.
func (n *MemoryNode) Withdraw(session jid.JID) {
	n.tell(func() { delete(n.own, session) }, func(o *MemoryNode) func() { return func() { o.forget(n.name, session) } })
}

// tell notes something of a session here and then at each of the others.
func (n *MemoryNode) tell(here func(), there func(*MemoryNode) func()) {
	m := n.cluster
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.nodes[n.name] != n {
		return
	}
	here()
	for _, o := range m.nodes {
		if o != n {
			o.take(n.name, there(o))
		}
	}
}

// Where implements cluster.Cluster.
func (n *MemoryNode) Where(bare jid.JID) []cluster.Session {
	n.cluster.mu.RLock()
	defer n.cluster.mu.RUnlock()
	return n.others[bare]
}

// Forward implements cluster.Cluster.
func (n *MemoryNode) Forward(node string, message []byte) error {
	m := n.cluster
	m.mu.Lock()
	defer m.mu.Unlock()
	to := m.nodes[node]
	switch {
	case to == nil || to == n || n.peer == nil || n.lost:
		return cluster.ErrNoNode
	case to.links[n.name] != nil && len(to.links[n.name].queue) >= maxUnderWay:
		return cluster.ErrFull
	}
	message = slices.Clone(message)
	to.take(n.name, func() { to.peer.Receive(n.name, message) })
	return nil
}

// take puts something behind what is on its way from a node. cluster.mu is held.
func (n *MemoryNode) take(from string, do func()) {
	l := n.links[from]
	if l == nil {
		l = &link{}
		n.links[from] = l
	}
	l.queue = append(l.queue, do)
	if !l.read {
		l.read = true
		n.work.Go(func() { n.read(l) })
	}
}

// read does what is on its way, one after the other, and ends with it.
func (n *MemoryNode) read(l *link) {
	for {
		n.cluster.mu.Lock()
		if len(l.queue) == 0 {
			l.read = false
			n.cluster.mu.Unlock()
			return
		}
		do := l.queue[0]
		l.queue = l.queue[1:]
		n.cluster.mu.Unlock()
		do()
	}
}

// learn returns what notes a session of another node here.
func (n *MemoryNode) learn(node string, full jid.JID, presence []byte) func() {
	return func() {
		s := cluster.Session{JID: full, Node: node}
		if presence != nil {
			s.Presence = parse(presence)
		}
		n.cluster.mu.Lock()
		defer n.cluster.mu.Unlock()
		if !n.lost {
			bare := full.Bare()
			n.others[bare] = append(without(n.others[bare], node, full), s)
		}
	}
}

func (n *MemoryNode) forget(node string, full jid.JID) {
	n.cluster.mu.Lock()
	defer n.cluster.mu.Unlock()
	bare := full.Bare()
	if n.others[bare] = without(n.others[bare], node, full); len(n.others[bare]) == 0 {
		delete(n.others, bare)
	}
}

// lose forgets all sessions of a node.
func (n *MemoryNode) lose(node string) {
	var gone []cluster.Session
	n.cluster.mu.Lock()
	for bare, all := range n.others {
		left := slices.DeleteFunc(slices.Clone(all), func(s cluster.Session) bool {
			if s.Node == node {
				gone = append(gone, s)
			}
			return s.Node == node
		})
		if n.others[bare] = left; len(left) == 0 {
			delete(n.others, bare)
		}
	}
	n.cluster.mu.Unlock()
	if len(gone) > 0 {
		n.peer.Lost(gone)
	}
}

func without(all []cluster.Session, node string, full jid.JID) []cluster.Session {
	return slices.DeleteFunc(slices.Clone(all), func(s cluster.Session) bool { return s.Node == node && s.JID == full })
}

func parse(presence []byte) *stanza.Stanza {
	el, err := xmlstream.ParseIn(stanza.Client, presence, xmlstream.Limits{})
	if err != nil {
		panic(err) // what another node has written
	}
	s, err := stanza.FromElement(el)
	if err != nil {
		panic(err)
	}
	return s
}
