package router

import (
	"context"
	"errors"

	"github.com/comity-iot/comity/cluster"
	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server/session"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// An account is dealt with on one node at a time: on this one where it has a session here, or nowhere; else on a node where it has one,
// for there is what the features keep in memory of it. Its sessions on further nodes are reached from there one by one. So a stanza goes
// from node to node twice at most.

// maxArriving is how much of what other nodes have sent may be under way here. More waits in the cluster.
const maxArriving = 1024

var _ cluster.Peer = (*Router)(nil)

// Join makes the router one of a cluster. It comes after Serve and before any stanza.
func (r *Router) Join(c cluster.Cluster) {
	r.cluster = c
	c.Join(r)
}

// Leave takes the router out of its cluster, and returns when what other nodes have sent is dealt with. Sessions have ended before.
func (r *Router) Leave() {
	r.cluster.Leave()
	r.arrivals.work.Wait()
}

// announce tells the other nodes of a session and of what it broadcasts. It may have ended meanwhile, and been withdrawn before this.
func (r *Router) announce(s *session.Session, presence *stanza.Stanza) {
	r.cluster.Announce(s.JID(), presence)
	if r.online.get(s.JID()) != s {
		r.cluster.Withdraw(s.JID())
	}
}

// elsewhere hands a stanza for an account, which no session here has the address of, to the node that is to deal with it, and reports
// whether there is one.
func (r *Router) elsewhere(s *stanza.Stanza) (taken bool, err error) {
	others := r.cluster.Where(s.To.Bare())
	if len(others) == 0 {
		return false, nil
	}
	first := others[0].Node
	for _, o := range others {
		if o.JID == s.To {
			return r.handOver(o.Node, s)
		}
		first = min(first, o.Node) // the same wherever it comes from
	}
	if len(r.online.of(s.To.Bare())) > 0 {
		return false, nil
	}
	return r.handOver(first, s)
}

// handOver has another node route a stanza. It is false where the node is lost, and its sessions with it.
func (r *Router) handOver(node string, s *stanza.Stanza) (taken bool, err error) {
	err = r.forward(node, routeLetter(s))
	return !errors.Is(err, cluster.ErrNoNode), err
}

// forward sends a letter to another node.
func (r *Router) forward(node string, letter []byte) error {
	err := r.cluster.Forward(node, letter)
	if errors.Is(err, cluster.ErrFull) {
		return stanza.ResourceConstraint.Wrap(err)
	}
	return err
}

// Receive implements cluster.Peer.
func (r *Router) Receive(from string, message []byte) {
	l, err := parseLetter(message)
	if err != nil {
		r.log.Error("letter of another node unreadable", "node", from, "err", err)
		return
	}
	r.arriving <- struct{}{}
	done := func() { <-r.arriving }
	err = r.arrivals.run(l.account(), func(ctx context.Context) {
		defer done()
		r.open(ctx, l)
	})
	if err != nil { // cannot be: there is room for all
		r.log.Error("letter of another node dropped", "node", from, "err", err)
		done()
	}
}

// open does what a letter says.
func (r *Router) open(ctx context.Context, l letter) {
	to := r.find(l.session)
	switch {
	case l.kind == toRoute:
		if err := r.routeHere(ctx, l.stanza); err != nil {
			r.Bounce(ctx, l.stanza, err)
		}
	case l.kind == toEnd && to != nil:
		to.Close(l.end)
	case l.kind == toSession && to != nil:
		to.Send(l.stanza)
	case l.kind == toSession: // it has ended meanwhile
		r.undelivered(l.session, l.stanza, nil)
	}
}

// routeHere routes what another node has found to be for this one.
func (r *Router) routeHere(ctx context.Context, s *stanza.Stanza) error {
	p, ok := r.places[s.To.Domain()]
	switch {
	case !ok:
		return stanza.ServiceUnavailable
	case p.at == module.Domain && s.To.Local() != "":
		return r.atAccount(ctx, p.domain, s, r.find(s.To))
	}
	return r.toPlace(ctx, p, s)
}

// Lost implements cluster.Peer: those here who saw a session that went with its node are told by us, as it cannot. RFC 6121 §4.5.2
func (r *Router) Lost(sessions []cluster.Session) {
	ctx := r.lanes.base()
	for _, s := range sessions {
		d, ok := r.Lookup(s.JID)
		if !ok || s.Presence == nil {
			continue
		}
		contacts, err := d.Presence.Contacts(ctx, s.JID.Bare())
		if err != nil {
			r.log.Error("contacts not told of the end of a session", "session", s.JID, "err", err)
		}
		r.retract(ctx, s.JID, s.JID.Bare())
		for _, c := range contacts {
			if c.From && !d.hidden(ctx, s.JID.Bare(), c.JID) {
				r.retract(ctx, s.JID, c.JID)
			}
		}
	}
}

// retract tells an account that has sessions here that another's session is gone.
func (r *Router) retract(ctx context.Context, gone, account jid.JID) {
	d, ok := r.Lookup(account)
	if !ok || len(r.online.of(account)) == 0 {
		return
	}
	p := stanza.NewPresence(account, stanza.Unavailable)
	p.From = gone
	if err := r.atAccount(ctx, d, p, nil); err != nil {
		r.log.Error("contact not told of the end of a session", "session", gone, "contact", account, "err", err)
	}
}

// hidden reports whether a feature hides the account from a party.
func (d *Domain) hidden(ctx context.Context, account, party jid.JID) bool {
	for _, f := range d.hides {
		if f(ctx, account, party) {
			return true
		}
	}
	return false
}
