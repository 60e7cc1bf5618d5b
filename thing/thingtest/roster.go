package thingtest

import (
	"context"

	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/xep/roster"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// route takes what the thing sends to where it belongs.
func (b *Broker) route(l *link, s *stanza.Stanza) {
	to := s.To.Bare()
	own := to.IsZero() || to == l.jid.Bare() || to == l.jid.DomainJID() || to == b.service
	switch {
	case s.Kind == stanza.Presence:
		b.presence(l, s)
	case s.IsRequest() && own:
		if b.isAway(s) {
			return
		}
		if answer := b.mux.Serve(context.Background(), s); answer != nil {
			l.write(answer)
		}
	case s.IsRequest():
		l.write(s.Bounce(stanza.ServiceUnavailable))
	default:
		b.deliver(s)
	}
}

// isAway reports whether s is for decision support, and that is not there.
func (b *Broker) isAway(s *stanza.Stanza) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, decision := provisioning.DeviceSpace.Of(s.Content.At(0).Name.Space)
	return decision && b.away
}

// deliver hands a message or an answer to a person.
func (b *Broker) deliver(s *stanza.Stanza) {
	b.mu.Lock()
	p := b.people[s.To.Bare()]
	b.mu.Unlock()
	if p != nil {
		p.take(s)
	}
}

func (b *Broker) getRoster(context.Context, *stanza.IQ) (*xmlstream.Element, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	query := xmlstream.New(roster.NS, "query")
	for _, i := range b.roster {
		query = query.With(i.Element())
	}
	return query, nil
}

// presence keeps the thing's roster, as RFC 6121 §3 has it where the other one always agrees.
func (b *Broker) presence(l *link, s *stanza.Stanza) {
	who := s.To.Bare()
	if who.IsZero() {
		b.mu.Lock()
		b.shown = s
		b.mu.Unlock()
		return
	}
	switch s.Type {
	case stanza.Subscribed:
		b.set(l, who, true, b.sees(who))
	case stanza.Unsubscribed:
		b.set(l, who, false, b.sees(who))
	case stanza.Subscribe:
		b.set(l, who, b.seen(who), true)
	case stanza.Unsubscribe:
		b.set(l, who, b.seen(who), false)
	}
	b.deliver(s)
}

// sees and seen report the two halves of a subscription.
func (b *Broker) sees(who jid.JID) bool {
	s := b.Contact(who)
	return s == roster.To || s == roster.Both
}

func (b *Broker) seen(who jid.JID) bool {
	s := b.Contact(who)
	return s == roster.From || s == roster.Both
}

// set changes the roster and pushes that to the thing.
func (b *Broker) set(l *link, who jid.JID, from, to bool) {
	i := roster.Item{JID: who, Subscription: roster.None}
	switch {
	case from && to:
		i.Subscription = roster.Both
	case from:
		i.Subscription = roster.From
	case to:
		i.Subscription = roster.To
	}
	b.mu.Lock()
	b.roster[who] = i
	b.mu.Unlock()
	push := xmlstream.New(roster.NS, "query", i.Element())
	l.write((&stanza.IQ{Type: stanza.Set, ID: stream.NewID(), To: l.jid, Payload: push}).Stanza())
}
