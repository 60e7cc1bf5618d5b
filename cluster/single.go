package cluster

import (
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// Single is the cluster of one node: nobody is elsewhere.
type Single struct{}

var _ Cluster = Single{}

// Node implements Cluster.
func (Single) Node() string { return "" }

// Join implements Cluster.
func (Single) Join(Peer) {}

// Leave implements Cluster.
func (Single) Leave() {}

// Announce implements Cluster.
func (Single) Announce(jid.JID, *stanza.Stanza) {}

// Withdraw implements Cluster.
func (Single) Withdraw(jid.JID) {}

// Where implements Cluster.
func (Single) Where(jid.JID) []Session { return nil }

// Forward implements Cluster.
func (Single) Forward(string, []byte) error { return ErrNoNode }
