package router

import (
	"context"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server/session"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// FromClient handles a stanza of a local session; its From is the session's full JID. RFC 6121 §8.1 to §8.4
func (r *Router) FromClient(ctx context.Context, d *Domain, from *session.Session, s *stanza.Stanza) {
	if err := r.fromClient(ctx, d, from, s); err != nil {
		if s.To.IsZero() {
			s = s.Addressed(s.From, s.From.Bare()) // who answers is the account. RFC 6120 §8.1.2.1
		}
		if b := s.Bounce(r.Fault(ctx, s, err)); b != nil {
			// Not by way of the Incoming hooks: who blocks somebody hears, in that one's name, of what is not sent. XEP-0191#block
			r.toSession(ctx, d, b, from) // an error is never refused
		}
	}
}

func (r *Router) fromClient(ctx context.Context, d *Domain, from *session.Session, s *stanza.Stanza) error {
	for _, f := range d.outgoing {
		if err := f(ctx, from, s); err != nil {
			return err
		}
	}
	switch s.Kind {
	case stanza.Presence:
		return r.presence(ctx, d, from, s)
	case stanza.Message:
		if s.To.IsZero() { // RFC 6120 §10.3.1
			s = s.Addressed(s.From, s.From.Bare())
		}
		s = d.relayed(s.From.Bare(), s)
		if err := r.route(ctx, s); err != nil {
			return err
		}
		for _, f := range d.sent {
			f(from, s)
		}
		return nil
	}
	if s.To.IsZero() || s.To == s.From.Bare() {
		s = s.Addressed(s.From, s.From.Bare())
		if !s.IsRequest() {
			r.answer(s)
			return nil
		}
		return r.request(ctx, d, module.Own, s)
	}
	return r.route(ctx, s)
}

// presence lets the feature that knows presence do its work, and tells the others where the session has become available, or messages
// can reach it now that could not before.
func (r *Router) presence(ctx context.Context, d *Domain, from *session.Session, s *stanza.Stanza) error {
	available, before := from.Presence() != nil, reachable(from)
	says := s.To.IsZero() && s.Type == stanza.Available
	if says {
		r.announce(from, s) // before those on other nodes hear of it, and answer
	}
	err := d.Presence.Out(ctx, from, s)
	if err != nil || !says && s.To.IsZero() {
		r.announce(from, from.Presence())
	}
	if err != nil {
		return err
	}
	if from.Presence() == nil || available && (before || !reachable(from)) {
		return nil
	}
	first := true
	for _, other := range r.online.of(s.From.Bare()) {
		if other != from && other.Presence() != nil {
			first = false
		}
	}
	for _, other := range r.cluster.Where(s.From.Bare()) {
		if other.Presence != nil {
			first = false
		}
	}
	for _, f := range d.online {
		f(ctx, from, first)
	}
	return nil
}

// reachable reports whether messages to the account come to the session. RFC 6121 §8.5.2.1.1
func reachable(s module.Session) bool { return s.Presence() != nil && s.Priority() >= 0 }
