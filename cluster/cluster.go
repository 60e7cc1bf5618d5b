// Package cluster is the seam between the brokers that serve the same domains together, each a node: who is where, and sending on to
// another node. It holds no engine: Single is the cluster of one node, and cluster/nats will be that of several. Every engine passes the
// suite in cluster/clustertest, which has a small one for tests.
//
// What is missing: owning what only one node may own. Rooms will need it first.
package cluster

import (
	"errors"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// The errors that callers tell apart with errors.Is.
var (
	// ErrNoNode says that there is no node of that name, or not any more; or that this one is in no cluster.
	ErrNoNode = errors.New("cluster: no such node")
	// ErrFull says that too much is on its way to the node already.
	ErrFull = errors.New("cluster: too much is on its way to the node")
)

// Session is a session of another node.
type Session struct {
	JID      jid.JID // full
	Node     string
	Presence *stanza.Stanza // what it last broadcast, nil while it is not available
}

// Cluster is one node's view of the others. Who opens an engine closes it; the broker joins and leaves. All methods may be called from
// any goroutine, and none waits for another node, but Leave.
//
// What a node announces, withdraws and forwards reaches each of the others in that order.
type Cluster interface {
	// Node returns this node's name, unique in the cluster and without "/"; empty where there can be no other.
	Node() string
	// Join makes the node one of the cluster: p is told what the others send. It comes before all that follows.
	Join(p Peer)
	// Leave ends that: the others send nothing more here and lose what is still announced. What is on its way comes first; nothing is told
	// to the peer any more when Leave returns. What that has led to may still be forwarded, until the engine is closed.
	Leave()

	// Announce tells the others of a session that is bound here, and again when its presence changes. It does not keep the stanza.
	// Withdraw tells them that the session is gone; a second time does nothing.
	Announce(session jid.JID, presence *stanza.Stanza)
	Withdraw(session jid.JID)
	// Where returns the sessions of a bare JID on other nodes, from memory and in no order. The slice is not to be changed.
	Where(bare jid.JID) []Session

	// Forward sends a message to another node, whose peer receives it once: nil means that it is on its way, which ends early only
	// where one of the two nodes is lost. The errors are ErrNoNode and ErrFull, and the message was not taken then, nor is it kept otherwise.
	Forward(node string, message []byte) error
}

// Peer is what an engine tells of the other nodes. Calls about one node come one after the other; those about several may come beside
// each other. What is told is the peer's to keep.
type Peer interface {
	// Receive takes a message of another node. It may wait for storage, and never for another node.
	Receive(from string, message []byte)
	// Lost tells of the sessions that a node had announced and not withdrawn when it left or was lost, after Where has lost them.
	Lost(sessions []Session)
}
