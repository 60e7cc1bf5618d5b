package roster

import (
	"context"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// A session may end while its presence is being broadcast, on another goroutine. Who would then have been told that it is
// gone, and after that that it is there, would see it for ever. So the end waits for the broadcast: begin and done are
// around each broadcast, and the last done retracts what was said.

// begin is false for a resource that has ended.
func (a *account) begin(r *resource) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.ended {
		return false
	}
	r.busy++
	return true
}

func (s *service) done(ctx context.Context, a *account, r *resource) {
	a.mu.Lock()
	r.busy--
	over := r.ended && r.busy == 0
	a.mu.Unlock()
	if over {
		s.retract(ctx, a, r, stanza.NewPresence(jid.JID{}, stanza.Unavailable))
	}
}

// Gone implements module.Presence. RFC 6121 §4.5.2
func (s *service) Gone(ctx context.Context, x module.Session) {
	a, r := s.find(x.JID())
	if r == nil {
		return
	}
	a.mu.Lock()
	r.ended = true
	busy := r.busy > 0
	a.mu.Unlock()
	if !busy {
		s.retract(ctx, a, r, stanza.NewPresence(jid.JID{}, stanza.Unavailable))
	}
}

// announce notes that the resource's presence is broadcast, and reports whether it was not before.
func (a *account) announce(r *resource) (initial bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	initial = !r.announced
	r.announced = true
	return initial
}

// retract broadcasts that a session is unavailable, to all that have heard of it: contacts, the account's other sessions,
// and those that were sent its presence besides. RFC 6121 §4.5.2, §4.6.2
func (s *service) retract(ctx context.Context, a *account, r *resource, st *stanza.Stanza) {
	ctx = context.WithoutCancel(ctx) // the connection may be lost already
	x := r.session
	a.mu.Lock()
	announced, directed := r.announced, r.directed
	r.announced, r.directed = false, nil
	a.mu.Unlock()

	roster := &snapshot{}
	if announced {
		var err error
		if roster, err = s.load(ctx, a); err != nil {
			s.host.Log.Error("contacts not told of the end of a session", "session", x.JID(), "err", err)
			roster = &snapshot{}
		}
		s.spread(ctx, roster, x.JID(), st)
		own := st.Addressed(x.JID(), a.owner)
		for y := range s.available(a.owner) {
			y.Send(own)
		}
	}
	x.SetPresence(nil)
	for _, to := range directed {
		if !roster.item(to.Bare()).state.has(from) {
			s.host.Network.Send(ctx, st.Addressed(x.JID(), to))
		}
	}
}
