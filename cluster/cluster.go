// Package cluster is the seam between the brokers that serve the same domains together: who is where, sending on to another
// node, and owning what only one may own. It holds no engine: Single is the cluster of one node, and cluster/nats will be that of
// several. Every engine passes the suite in cluster/clustertest.
package cluster

import (
	"context"
	"errors"

	"github.com/comity-iot/comity/xmpp/jid"
)

// The errors that callers tell apart with errors.Is.
var (
	// ErrNoNode says that there is no node of that name, or not any more.
	ErrNoNode = errors.New("cluster: no such node")
	// ErrOwned says that another node owns what was claimed.
	ErrOwned = errors.New("cluster: owned by another node")
	// ErrClosed says that this node has left.
	ErrClosed = errors.New("cluster: closed")
)

// Place is a session and the node that has it.
type Place struct {
	Session jid.JID // full
	Node    string
}

// Cluster is one node's view of the cluster. All its methods may be called from any goroutine.
type Cluster interface {
	// Node returns this node's name, unique in the cluster.
	Node() string

	// Announce tells the others that a session is bound here, Withdraw that it is gone. What a node has announced is
	// withdrawn when it leaves or is lost. Announcing twice is announcing once.
	Announce(session jid.JID) error
	Withdraw(session jid.JID) error
	// Where returns the sessions of a bare JID on all nodes, this one too, from memory.
	Where(bare jid.JID) []Place

	// Forward hands a message to another node, whose Receive function gets it once and in the order of Forward calls from here.
	// nil means that the node has it, not that it has done anything with it. Errors: ErrNoNode, ErrClosed, or the context's.
	Forward(ctx context.Context, node string, message []byte) error
	// Receive sets who takes the messages of other nodes; it is called before the first of them and not again.
	Receive(fn func(from string, message []byte))

	// Claim makes this node the owner of a name until it releases it or is lost. The error is ErrOwned where another has it.
	Claim(ctx context.Context, name string) (Claim, error)

	// Close leaves the cluster.
	Close() error
}

// Claim is the ownership of a name.
type Claim interface {
	// Epoch is greater than that of every earlier claim to the name. Whoever stores something on the name's behalf stores the epoch
	// too and refuses smaller ones, so that an owner which was thought lost can do no harm.
	Epoch() uint64
	// Lost is closed when the claim has ended, by Release or otherwise.
	Lost() <-chan struct{}
	// Release ends the claim. A second Release does nothing.
	Release()
}
