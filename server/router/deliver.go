package router

import (
	"context"

	"github.com/comity-iot/comity/cluster"
	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server/session"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// toAccount delivers to a local account, here or on the node where it has its session.
func (r *Router) toAccount(ctx context.Context, d *Domain, s *stanza.Stanza) error {
	to := r.find(s.To)
	if to == nil {
		if taken, err := r.elsewhere(s); taken {
			return err
		}
	}
	return r.atAccount(ctx, d, s, to)
}

// find returns the session with that address that is bound here, or nil.
func (r *Router) find(addr jid.JID) *session.Session {
	if !addr.IsFull() {
		return nil
	}
	return r.online.get(addr)
}

// atAccount delivers on this node, RFC 6121 §8.5. to is the session with the address, or nil.
func (r *Router) atAccount(ctx context.Context, d *Domain, s *stanza.Stanza, to *session.Session) error {
	account := s.To.Bare()
	for _, f := range d.incoming {
		if err := f(ctx, account, s); err != nil {
			return refused(s, err)
		}
	}
	if s.Kind == stanza.Message {
		s = d.relayed(account, s)
	}
	switch {
	case to != nil:
		return r.toSession(ctx, d, s, to)
	case s.To.IsFull():
		return r.toMissing(ctx, d, s)
	}
	return r.toBare(ctx, d, s)
}

// refused returns what the sender of a stanza that a feature does not let in is told. Of presence it is told nothing, as by an account
// that does not exist, unless something is broken. RFC 6121 §8.5.1, XEP-0191#block
func refused(s *stanza.Stanza, err error) error {
	if s.Kind == stanza.Presence && stanza.AsError(err).Condition != stanza.InternalServerError {
		return nil
	}
	return err
}

// relayed returns what goes on of a message that the account sends or gets.
func (d *Domain) relayed(account jid.JID, m *stanza.Stanza) *stanza.Stanza {
	for _, f := range d.relay {
		m = f(account, m)
	}
	return m
}

// toSession hands over to the exact resource, available or not. RFC 6121 §8.5.3.1
func (r *Router) toSession(ctx context.Context, d *Domain, s *stanza.Stanza, to *session.Session) error {
	if s.Kind == stanza.Presence && (s.Type == stanza.Probe || isSubscription(s.Type)) {
		// They are between accounts, and the server's to handle. RFC 6121 §3.1.3, §4.3.2
		return d.Presence.In(ctx, s.Addressed(s.From, s.To.Bare()))
	}
	to.Send(s)
	if s.Kind == stanza.Message && len(d.delivered) > 0 {
		r.tellDelivered(d, s, []module.Session{to})
	}
	return nil
}

// toMissing handles a full JID that no session has. RFC 6121 §8.5.3.2
func (r *Router) toMissing(ctx context.Context, d *Domain, s *stanza.Stanza) error {
	switch s.Kind {
	case stanza.Message:
		switch s.Type {
		case stanza.Chat: // as if to the bare JID. §8.5.3.2.1
			return r.toBare(ctx, d, s)
		case stanza.ErrorType:
			return nil
		}
		return stanza.ServiceUnavailable
	case stanza.Presence: // §8.5.3.2.2
		if s.Type == stanza.Probe || isSubscription(s.Type) {
			return d.Presence.In(ctx, s.Addressed(s.From, s.To.Bare()))
		}
		return nil
	}
	return stanza.ServiceUnavailable // §8.5.3.2.3
}

// toBare delivers to an account. RFC 6121 §8.5.1, §8.5.2
func (r *Router) toBare(ctx context.Context, d *Domain, s *stanza.Stanza) error {
	switch s.Kind {
	case stanza.Message:
		return r.messageToBare(ctx, d, s, r.cluster.Where(s.To.Bare()))
	case stanza.Presence:
		return d.Presence.In(ctx, s)
	}
	return r.request(ctx, d, module.Account, s)
}

// messageToBare hands a message to every available session with a priority that is not negative: RFC 6121 §8.5.2.1.1 lets a server
// choose between these and the most available one, and a question to an owner should ring on each of the owner's screens. others are
// the account's sessions on other nodes.
func (r *Router) messageToBare(ctx context.Context, d *Domain, s *stanza.Stanza, others []cluster.Session) error {
	if s.Type == stanza.GroupChat {
		return stanza.ServiceUnavailable
	}
	account := s.To.Bare()
	var to []module.Session
	if s.Type != stanza.ErrorType {
		for _, x := range r.online.of(account) {
			if x.Presence() != nil && x.Priority() >= 0 {
				x.Send(s)
				to = append(to, x)
			}
		}
		for _, o := range others {
			if x := (away{r, o}); reachable(x) && x.hand(s) == nil {
				to = append(to, x)
			}
		}
	}
	r.tellDelivered(d, s, to)
	if len(to) > 0 || s.Type == stanza.ErrorType || s.Type == stanza.Headline {
		return nil // §8.5.2.2.1: a headline that finds nobody is dropped
	}
	if !d.Accounts.Exists(ctx, account) {
		return stanza.ServiceUnavailable // §8.5.1
	}
	for _, f := range d.undelivered {
		if done, err := f(ctx, account, s); done || err != nil {
			return err
		}
	}
	return stanza.ServiceUnavailable
}

func (r *Router) tellDelivered(d *Domain, s *stanza.Stanza, to []module.Session) {
	for _, f := range d.delivered {
		f(s.To.Bare(), s, to)
	}
}

func isSubscription(t stanza.Type) bool {
	switch t {
	case stanza.Subscribe, stanza.Subscribed, stanza.Unsubscribe, stanza.Unsubscribed:
		return true
	}
	return false
}
