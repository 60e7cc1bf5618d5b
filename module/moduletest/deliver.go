package moduletest

import (
	"context"
	"errors"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Parse reads a stanza written as XML, which may be that of the documents.
func Parse(text string) (*stanza.Stanza, error) {
	el, err := xmlstream.ParseIn(stanza.Client, []byte(text), xmlstream.Limits{})
	if err != nil {
		return nil, err
	}
	return stanza.FromElement(el)
}

// Deliver hands in a stanza as XML, from anywhere, by the rules of RFC 6121 §8.5. The error is what its sender would be told.
func (b *Broker) Deliver(text string) error {
	s, err := Parse(text)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if at := b.Host.PlaceOf(s.To); at != module.Account {
		return b.toPlace(ctx, at, s)
	}
	for _, h := range b.Hooks {
		if h.Incoming != nil {
			if err := h.Incoming(ctx, s.To.Bare(), s); err != nil {
				return err
			}
		}
	}
	for _, h := range b.Hooks {
		if h.Relay != nil && s.Kind == stanza.Message {
			s = h.Relay(s.To.Bare(), s)
		}
	}
	if s.To.IsFull() {
		if to := b.Sessions.Get(s.To); to != nil {
			to.Send(s)
			return nil
		}
	}
	if s.Kind != stanza.Message {
		return errors.New("moduletest: no such session")
	}
	return b.toBare(ctx, s)
}

func (b *Broker) toPlace(ctx context.Context, at module.Place, s *stanza.Stanza) error {
	for _, h := range b.Hooks {
		for _, m := range h.Messages {
			if m.On == at && s.Content.Has(m.Name.Space, m.Name.Local) {
				return m.Handle(ctx, s)
			}
		}
	}
	return stanza.ServiceUnavailable
}

// toBare hands a message to all sessions that may have it, or to who takes what no session could.
func (b *Broker) toBare(ctx context.Context, s *stanza.Stanza) error {
	account := s.To.Bare()
	delivered := false
	for _, x := range b.Sessions.Of(account) {
		if x.Presence() != nil && x.Priority() >= 0 {
			x.Send(s)
			delivered = true
		}
	}
	if delivered {
		return nil
	}
	for _, h := range b.Hooks {
		if h.Undelivered == nil {
			continue
		}
		if done, err := h.Undelivered(ctx, account, s); done || err != nil {
			return err
		}
	}
	return stanza.ServiceUnavailable
}

// Outgoing shows the features a stanza, as XML, that a session sent. The error is what the session would be told.
func (b *Broker) Outgoing(from *Session, text string) error {
	s, err := Parse(text)
	if err != nil {
		return err
	}
	s.From = from.JID()
	for _, h := range b.Hooks {
		if h.Outgoing != nil {
			if err := h.Outgoing(context.Background(), from, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// JID is jid.MustParse, for tests that need many.
func JID(s string) jid.JID { return jid.MustParse(s) }
