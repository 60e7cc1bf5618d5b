package moduletest

import (
	"context"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Client returns what a client half needs to ask the broker as that party.
func (b *Broker) Client(from string) stanza.Requester {
	return requester{from: jid.MustParse(from), ask: b.ask}
}

// On returns what a client half needs to ask on a stream before it has logged in.
func (b *Broker) On(st *Stream) stanza.Requester {
	return requester{ask: func(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
		for _, h := range b.Hooks {
			for _, q := range h.BeforeAuth {
				if q.Name == iq.Payload.Name() {
					return q.Handle(ctx, st, iq)
				}
			}
		}
		return nil, stanza.NotAuthorized
	}}
}

// requester sends requests and answers through XML.
type requester struct {
	from jid.JID
	ask  func(context.Context, *stanza.IQ) (*xmlstream.Element, error)
}

// Request implements stanza.Requester.
func (r requester) Request(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	sent := *iq
	sent.From = r.from
	var err error
	if sent.Payload, err = wire(iq.Payload); err != nil {
		return nil, err
	}
	answer, err := r.ask(ctx, &sent)
	if err == nil {
		return wire(answer)
	}
	e := stanza.AsError(err)
	if e.Condition == stanza.InternalServerError {
		return nil, e // with its cause, for the test to show
	}
	el, err := wire(e.Element())
	if err != nil {
		return nil, err
	}
	return nil, stanza.ParseError(el)
}

// wire returns the element as the other side reads it.
func wire(el *xmlstream.Element) (*xmlstream.Element, error) {
	if el == nil {
		return nil, nil
	}
	return xmlstream.ParseIn(stanza.Client, el.AppendXML(nil, stanza.Client), xmlstream.Limits{})
}

// ask finds who answers a request, by the rules of the router.
func (b *Broker) ask(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	if iq.To.IsZero() {
		iq.To = iq.From.Bare() // RFC 6120 §8.1.1.1
	}
	for _, at := range b.places(iq) {
		handle := b.handler(at, iq.Payload.Name())
		if handle == nil {
			continue
		}
		if at == module.Account && !b.Host.Accounts.Exists(ctx, iq.To) {
			return nil, stanza.ServiceUnavailable
		}
		return handle(ctx, iq)
	}
	return nil, stanza.ServiceUnavailable
}

// places returns where a request may be answered, the best first.
func (b *Broker) places(iq *stanza.IQ) []module.Place {
	switch at := b.Host.PlaceOf(iq.To); {
	case at == module.Domain:
		return []module.Place{at}
	case at == module.Account && iq.To == iq.From.Bare():
		return []module.Place{module.Own, module.Account}
	case at == module.Account:
		return []module.Place{at}
	case !b.hasService(at):
		return nil
	default:
		return []module.Place{at, module.Services}
	}
}

func (b *Broker) hasService(at module.Place) bool {
	for _, h := range b.Hooks {
		for _, s := range h.Services {
			if module.Place(s.Label) == at {
				return true
			}
		}
	}
	return false
}

func (b *Broker) handler(at module.Place, name xmlstream.Name) func(context.Context, *stanza.IQ) (*xmlstream.Element, error) {
	for _, h := range b.Hooks {
		for _, q := range h.IQ {
			if q.Name != name && q.Name != (xmlstream.Name{Space: name.Space}) {
				continue
			}
			for _, on := range q.On {
				if on == at {
					return q.Handle
				}
			}
		}
	}
	return nil
}
