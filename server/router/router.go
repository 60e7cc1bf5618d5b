// Package router decides where a stanza goes: to a session, to a feature that answers for the domain, an account or a
// service, or to another domain. It knows who is bound (Router) and obeys RFC 6121 §8 (deliver.go).
//
// No lock is held across a call, and no storage is read where the receiver is online.
package router

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/comity-iot/comity/cluster"
	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server/session"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// Sender takes a stanza that is addressed beyond it: a stream to another server, an external component. It never blocks for the
// receiver. After an error the stanza was not taken.
type Sender interface {
	Send(context.Context, *stanza.Stanza) error
}

// Router routes between all sessions and domains of one broker.
type Router struct {
	log    *slog.Logger
	places map[string]place // by address: the domains and their services; fixed once Serve was called
	remote Sender

	online   table
	ending   sync.WaitGroup // sessions that are gone from online, until nothing of them runs
	pending  pending
	lanes    lanes
	cluster  cluster.Cluster // fixed once Join was called
	arriving chan struct{}   // holds one for each letter of another node that is not dealt with
	arrivals lanes           // by the account that it is for
}

// place is one of the broker's own addresses.
type place struct {
	domain *Domain
	at     module.Place
}

// Domain is what the router asks of one domain's features, in the order of the module list.
type Domain struct {
	Addr     jid.JID
	Accounts module.Accounts
	Presence module.Presence
	iq       map[module.Place]map[name]iqHandler
	messages map[module.Place][]module.Message
	hooks    []*module.Hooks

	outgoing    []func(context.Context, module.Session, *stanza.Stanza) error
	incoming    []func(context.Context, jid.JID, *stanza.Stanza) error
	relay       []func(jid.JID, *stanza.Stanza) *stanza.Stanza
	sent        []func(module.Session, *stanza.Stanza)
	delivered   []func(jid.JID, *stanza.Stanza, []module.Session)
	undelivered []func(context.Context, jid.JID, *stanza.Stanza) (bool, error)
	hides       []func(ctx context.Context, account, party jid.JID) bool
	online      []func(context.Context, module.Session, bool)
	bound       []func(module.Session)
	ended       []func(module.Session)
}

// New makes a router. remote takes what is for domains that are not served here.
//
// ctx is the broker's: work that services do for a sender ends with it, not with the sender's stream.
func New(ctx context.Context, log *slog.Logger, remote Sender) *Router {
	r := &Router{
		log: log, places: map[string]place{}, remote: remote,
		cluster: cluster.Single{}, arriving: make(chan struct{}, maxArriving),
	}
	r.online.init()
	r.pending.open = map[string]waiting{}
	r.lanes.init(ctx, laneDepth)
	r.arrivals.init(ctx, maxArriving)
	return r
}

// Serve adds a domain with its features' hooks. It comes before any stanza.
func (r *Router) Serve(addr jid.JID, accounts module.Accounts, hooks []*module.Hooks) *Domain {
	d := newDomain(addr, accounts, hooks)
	r.places[addr.String()] = place{d, module.Domain}
	for _, h := range hooks {
		for _, s := range h.Services {
			r.places[s.Label+"."+addr.String()] = place{d, module.Place(s.Label)}
		}
	}
	return d
}

// Lookup returns the domain that an address belongs to, and whether it is served here at all.
func (r *Router) Lookup(addr jid.JID) (*Domain, bool) {
	p, ok := r.places[addr.Domain()]
	return p.domain, ok
}

// Send routes a stanza, which must have both addresses. What cannot be delivered bounces. RFC 6120 §10
func (r *Router) Send(ctx context.Context, s *stanza.Stanza) {
	if err := r.route(ctx, s); err != nil {
		r.Bounce(ctx, s, err)
	}
}

func (r *Router) route(ctx context.Context, s *stanza.Stanza) error {
	p, local := r.places[s.To.Domain()]
	switch {
	case !local:
		return r.remote.Send(ctx, s)
	case p.at == module.Domain && s.To.Local() != "":
		return r.toAccount(ctx, p.domain, s)
	}
	return r.toPlace(ctx, p, s)
}

// Fault returns what the sender of s is told of an error, and logs the half of it that is not for the peer. Who needs room that there is
// not may try again later, RFC 6120 §8.3.3.18; of that the store itself tells the log.
func (r *Router) Fault(ctx context.Context, s *stanza.Stanza, err error) *stanza.Error {
	if errors.Is(err, store.ErrFull) {
		return stanza.ResourceConstraint.Wrap(err)
	}
	e := stanza.AsError(err)
	if e.Condition == stanza.InternalServerError && ctx.Err() == nil {
		r.log.Error("stanza failed", "kind", s.Kind, "from", s.From, "to", s.To, "err", err)
	}
	return e
}

// Bounce answers s with an error where the rules allow one.
func (r *Router) Bounce(ctx context.Context, s *stanza.Stanza, err error) {
	b := s.Bounce(r.Fault(ctx, s, err))
	if b == nil || b.To.IsZero() {
		return
	}
	// An error about an error cannot come back: Bounce makes none of one.
	if err := r.route(ctx, b); err != nil {
		r.log.Debug("error reply dropped", "to", b.To, "err", err)
	}
}

// Bind makes a session reachable. It reports false where the account has as many as the limit already.
func (r *Router) Bind(d *Domain, s *session.Session, limit int) bool {
	if !r.online.add(s, limit-len(r.cluster.Where(s.JID().Bare()))) {
		return false
	}
	r.announce(s, nil)
	for _, f := range d.bound {
		f(s)
	}
	return true
}

// Ended takes a session away and tells the features. It is the session's Ended hook.
func (r *Router) Ended(s *session.Session) {
	r.ending.Go(s.Wait) // before EndSessions cannot see it any more
	// Before, so that a node which asks in vain knows why; and after, for an announcement may have come between.
	r.cluster.Withdraw(s.JID())
	bound := r.online.remove(s)
	r.cluster.Withdraw(s.JID())
	if !bound {
		return
	}
	d := r.places[s.JID().Domain()].domain
	if s.Presence() != nil {
		d.Presence.Gone(r.lanes.base(), s)
	}
	for _, f := range d.ended {
		f(s)
	}
}

// Undelivered finds another way for what a session could not hand over: to other sessions of the account, to those who keep
// messages, or back. It is the session's Undelivered hook. XEP-0198#resumption
func (r *Router) Undelivered(s *session.Session, sts []*stanza.Stanza) {
	others := r.cluster.Where(s.JID().Bare())
	for _, st := range sts {
		r.undelivered(s.JID(), st, others)
	}
}

// undelivered does so for one stanza. others are sessions of the account on other nodes, which may take it.
func (r *Router) undelivered(full jid.JID, st *stanza.Stanza, others []cluster.Session) {
	ctx := r.lanes.base()
	var err error
	home := r.places[full.Domain()].domain
	switch {
	case home == nil: // another node took it for ours
		err = stanza.ServiceUnavailable
	case st.Kind == stanza.Message && st.From == full.Bare():
		// The account's own server made it for this session alone, as a copy of a message: the others have theirs.
	case st.Kind == stanza.Message:
		err = r.messageToBare(ctx, home, st, others)
	case st.IsRequest():
		err = stanza.ServiceUnavailable
	}
	if err != nil {
		r.Bounce(ctx, st, err)
	}
}

// Of implements module.Sessions.
func (r *Router) Of(bare jid.JID) []module.Session {
	bound, others := r.online.of(bare), r.cluster.Where(bare)
	out := make([]module.Session, 0, len(bound)+len(others))
	for _, s := range bound {
		out = append(out, s)
	}
	for _, o := range others {
		out = append(out, away{r, o})
	}
	return out
}

// Get implements module.Sessions.
func (r *Router) Get(full jid.JID) module.Session {
	if s := r.online.get(full); s != nil {
		return s
	}
	for _, o := range r.cluster.Where(full.Bare()) {
		if o.JID == full {
			return away{r, o}
		}
	}
	return nil
}

// Sessions calls fn for every session that is bound here, until it returns false.
func (r *Router) Sessions(fn func(*session.Session) bool) { r.online.each(fn) }

// Wait returns once nothing that was handed to a service is under way any more.
func (r *Router) Wait() { r.lanes.work.Wait() }

// endAtOnce is how many sessions end beside each other, so that what they leave is stored in common commits.
const endAtOnce = 64

// EndSessions ends the sessions that wait to be resumed, once no stream is left, and returns when what all sessions have left
// undelivered is taken care of.
func (r *Router) EndSessions() {
	free := make(chan struct{}, endAtOnce)
	r.online.each(func(s *session.Session) bool {
		free <- struct{}{}
		r.ending.Go(func() {
			s.Close(nil)
			s.Wait()
			<-free
		})
		return true
	})
	r.ending.Wait()
}
