package mux

import (
	"context"
	"slices"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Serve calls the handlers for s, one after the other, and returns the answer to send if s is a request, else nil. A request
// that no handler knows is answered with service-unavailable, one without exactly one payload with bad-request. Responses to
// requests of ours are not for handlers, and are passed over.
func (m *Mux) Serve(ctx context.Context, s *stanza.Stanza) (answer *stanza.Stanza) {
	switch {
	case s.Kind == stanza.Message, s.Kind == stanza.Presence:
		m.notify(s)
	case s.IsRequest():
		payload, err := m.answer(ctx, s)
		if err != nil {
			return s.Bounce(err)
		}
		return s.Reply(payload)
	}
	return nil
}

func (m *Mux) answer(ctx context.Context, s *stanza.Stanza) (*xmlstream.Element, error) {
	iq, err := s.IQ()
	if err != nil {
		return nil, err // RFC 6120 §8.2.3
	}
	m.mu.RLock()
	handle := m.iq[request{iq.Type, iq.Payload.Name()}]
	m.mu.RUnlock()
	if handle == nil {
		return nil, stanza.ServiceUnavailable // RFC 6120 §8.4
	}
	return handle(ctx, iq)
}

func (m *Mux) notify(s *stanza.Stanza) {
	var room [4]*handler
	for _, h := range m.handlers(s, room[:0]) {
		if !h.stopped.Load() { // by the handler before it, perhaps
			h.handle(s)
		}
	}
}

// handlers appends those for s, copied because they may change while they are called.
func (m *Mux) handlers(s *stanza.Stanza, to []*handler) []*handler {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if s.Kind == stanza.Presence {
		to = append(to, m.presence[s.Type]...)
	} else {
		to = m.forMessage(s, to)
	}
	if len(to) == 0 {
		to = append(to, m.others...)
	}
	return to
}

func (m *Mux) forMessage(s *stanza.Stanza, to []*handler) []*handler {
	for i := range s.Content.Len() {
		name := s.Content.At(i).Name
		if isError := name == (xmlstream.Name{Space: stanza.Client, Local: "error"}); isError != (s.Type == stanza.ErrorType) {
			continue
		}
		list := m.messages[name]
		if len(list) > 0 && !slices.Contains(to, list[0]) { // else an earlier child had the name
			to = append(to, list...)
		}
	}
	return to
}
