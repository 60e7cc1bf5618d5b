package router

import (
	"context"
	"reflect"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

type name = xmlstream.Name

type iqHandler func(context.Context, *stanza.IQ) (*xmlstream.Element, error)

func newDomain(addr jid.JID, accounts module.Accounts, hooks []*module.Hooks) *Domain {
	d := &Domain{
		Addr: addr, Accounts: accounts, hooks: hooks,
		iq:       map[module.Place]map[name]iqHandler{},
		messages: map[module.Place][]module.Message{},
	}
	for _, h := range hooks {
		for _, q := range h.IQ {
			for _, at := range q.On {
				if d.iq[at] == nil {
					d.iq[at] = map[name]iqHandler{}
				}
				if d.iq[at][q.Name] != nil {
					panic("router: two features answer " + q.Name.Space + " " + q.Name.Local + " at " + string(at))
				}
				d.iq[at][q.Name] = q.Handle
			}
		}
		for _, m := range h.Messages {
			d.messages[m.On] = append(d.messages[m.On], m)
		}
		if h.Presence != nil {
			d.Presence = h.Presence
		}
		d.outgoing = hook(d.outgoing, h.Outgoing)
		d.incoming = hook(d.incoming, h.Incoming)
		d.relay = hook(d.relay, h.Relay)
		d.sent = hook(d.sent, h.Sent)
		d.delivered = hook(d.delivered, h.Delivered)
		d.undelivered = hook(d.undelivered, h.Undelivered)
		d.hides = hook(d.hides, h.Hides)
		d.online = hook(d.online, h.Online)
		d.bound = hook(d.bound, h.Bound)
		d.ended = hook(d.ended, h.Ended)
	}
	return d
}

// toPlace handles what is for the domain itself or for a service. A service works behind the reader, in the order of each sender.
func (r *Router) toPlace(ctx context.Context, p place, s *stanza.Stanza) error {
	if s.IsResponse() {
		r.answer(s)
		return nil
	}
	if p.at == module.Domain {
		return r.atPlace(ctx, p, s)
	}
	if s.Kind == stanza.Presence {
		return p.domain.Presence.In(ctx, s.Addressed(s.From, s.To.Bare()))
	}
	return r.lanes.run(s.From, func(ctx context.Context) {
		if err := r.atPlace(ctx, p, s); err != nil {
			r.Bounce(ctx, s, err)
		}
	})
}

func (r *Router) atPlace(ctx context.Context, p place, s *stanza.Stanza) error {
	switch {
	case s.Kind == stanza.IQKind:
		return r.request(ctx, p.domain, p.at, s)
	case s.Kind == stanza.Presence || s.Type == stanza.ErrorType:
		return nil
	}
	for _, m := range p.domain.messages[p.at] {
		if s.Content.Has(m.Name.Space, m.Name.Local) {
			return m.Handle(ctx, s)
		}
	}
	return stanza.ServiceUnavailable
}

// request answers an iq at one of the broker's own addresses. RFC 6120 §8.4, RFC 6121 §8.5.1
func (r *Router) request(ctx context.Context, d *Domain, at module.Place, s *stanza.Stanza) error {
	if !s.IsRequest() {
		r.answer(s)
		return nil
	}
	if s.ID == "" {
		return stanza.BadRequest.With("an iq needs an id") // RFC 6120 §8.2.3
	}
	iq, err := s.IQ()
	if err != nil {
		return err
	}
	handle := d.handler(at, iq.Payload.Name())
	if handle == nil {
		return stanza.ServiceUnavailable
	}
	if at == module.Account && !d.Accounts.Exists(ctx, s.To.Bare()) {
		return stanza.ServiceUnavailable
	}
	payload, err := handle(ctx, iq)
	if err != nil {
		return err
	}
	r.Send(ctx, s.Reply(payload))
	return nil
}

// handler finds who answers a payload. What an account answers to anybody it answers to its owner too, and what all services answer
// each of them does.
func (d *Domain) handler(at module.Place, n name) iqHandler {
	if h := d.iq[at][n]; h != nil {
		return h
	}
	if h := d.iq[at][name{Space: n.Space}]; h != nil {
		return h
	}
	switch at {
	case module.Domain, module.Account, module.Services:
		return nil
	case module.Own:
		return d.handler(module.Account, n)
	}
	return d.handler(module.Services, n)
}

// hook appends the function f unless it is nil.
func hook[F any](all []F, f F) []F {
	if reflect.ValueOf(f).IsNil() {
		return all
	}
	return append(all, f)
}
