package stanza

import (
	"context"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// IQ is a request or an answer with its payload as a tree.
type IQ struct {
	Type     Type
	ID       string
	From, To jid.JID
	Lang     string
	Payload  *xmlstream.Element // nil only in a result
}

// Requester sends a request and waits for its answer: the payload of the result, nil where it is empty, or the *Error that
// came back. The implementation sets ID, and From where it is absent. A client session is one, and so is a service of a broker.
type Requester interface {
	Request(ctx context.Context, iq *IQ) (*xmlstream.Element, error)
}

// IQ returns the stanza, which must be an iq, for a handler. A request must hold exactly one payload and a result at
// most one (RFC 6120 §8.2.3): else the error is BadRequest.
func (s *Stanza) IQ() (*IQ, error) {
	iq := &IQ{Type: s.Type, ID: s.ID, From: s.From, To: s.To, Lang: s.Lang}
	n := s.Content.Len()
	if s.IsRequest() && n != 1 || s.Type == Result && n > 1 {
		return nil, BadRequest.With("an iq holds one payload")
	}
	if n > 0 {
		iq.Payload = s.Content.Element(s.Content.At(0))
	}
	return iq, nil
}

// Stanza returns the iq as it travels.
func (iq *IQ) Stanza() *Stanza {
	s := &Stanza{Kind: IQKind, Type: iq.Type, ID: iq.ID, From: iq.From, To: iq.To, Lang: iq.Lang}
	if iq.Payload != nil {
		s.Content = xmlstream.NewContent(iq.Payload)
	}
	return s
}

// Reply returns the result of the request s, back to its sender; payload may be nil.
func (s *Stanza) Reply(payload *xmlstream.Element) *Stanza {
	r := &Stanza{Kind: IQKind, Type: Result, ID: s.ID, From: s.To, To: s.From}
	if payload != nil {
		r.Content = xmlstream.NewContent(payload)
	}
	return r
}
