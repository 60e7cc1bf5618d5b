package cluster

import (
	"context"
	"slices"
	"sync"

	"github.com/comity-iot/comity/xmpp/jid"
)

// Single is the cluster of one node.
type Single struct {
	node string

	mu     sync.Mutex
	bound  map[jid.JID][]Place // by bare JID
	claims map[string]*singleClaim
	epochs map[string]uint64
	closed bool
}

var _ Cluster = (*Single)(nil)

// NewSingle makes a cluster of one node.
func NewSingle(node string) *Single {
	return &Single{
		node: node, bound: map[jid.JID][]Place{}, claims: map[string]*singleClaim{}, epochs: map[string]uint64{},
	}
}

// Node implements Cluster.
func (c *Single) Node() string { return c.node }

// Announce implements Cluster.
func (c *Single) Announce(session jid.JID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	session = session.Clone()
	p := Place{session, c.node}
	if all := c.bound[session.Bare()]; !slices.Contains(all, p) {
		c.bound[session.Bare()] = append(slices.Clip(all), p)
	}
	return nil
}

// Withdraw implements Cluster.
func (c *Single) Withdraw(session jid.JID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	left := slices.DeleteFunc(slices.Clone(c.bound[session.Bare()]), func(p Place) bool { return p.Session == session })
	if len(left) == 0 {
		delete(c.bound, session.Bare())
	} else {
		c.bound[session.Bare()] = left
	}
	return nil
}

// Where implements Cluster.
func (c *Single) Where(bare jid.JID) []Place {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.bound[bare])
}

// Forward implements Cluster: there is nobody else.
func (c *Single) Forward(ctx context.Context, _ string, _ []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return ErrNoNode
}

// Receive implements Cluster.
func (c *Single) Receive(func(string, []byte)) {}

// Claim implements Cluster.
func (c *Single) Claim(ctx context.Context, name string) (Claim, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return nil, ErrClosed
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case c.claims[name] != nil:
		return nil, ErrOwned
	}
	c.epochs[name]++
	claim := &singleClaim{cluster: c, name: name, epoch: c.epochs[name], lost: make(chan struct{})}
	c.claims[name] = claim
	return claim, nil
}

// Close implements Cluster.
func (c *Single) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for name, claim := range c.claims {
		close(claim.lost)
		delete(c.claims, name)
	}
	clear(c.bound)
	return nil
}

type singleClaim struct {
	cluster *Single
	name    string
	epoch   uint64
	lost    chan struct{}
}

// Epoch implements Claim.
func (c *singleClaim) Epoch() uint64 { return c.epoch }

// Lost implements Claim.
func (c *singleClaim) Lost() <-chan struct{} { return c.lost }

// Release implements Claim.
func (c *singleClaim) Release() {
	c.cluster.mu.Lock()
	defer c.cluster.mu.Unlock()
	if c.cluster.claims[c.name] == c {
		delete(c.cluster.claims, c.name)
		close(c.lost)
	}
}
