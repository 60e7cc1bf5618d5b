package client

import (
	"context"
	"fmt"
	"sync"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// pending holds the requests that wait for an answer.
type pending struct {
	mu   sync.Mutex
	open map[string]waiting // by id
}

type waiting struct {
	to     jid.JID
	answer chan<- *stanza.Stanza // has room for one
}

// Request implements stanza.Requester: it sends iq with an id of its own, and waits for the answer to that id, from whom iq was
// sent to. A slow handler does not delay it. Besides the *stanza.Error that came back, errors are the end of ctx and the
// session's.
func (s *Session) Request(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	request := iq.Stanza()
	request.ID = stream.NewID() // so that nobody can answer in another's place by guessing
	answer := make(chan *stanza.Stanza, 1)
	s.pending.add(request.ID, waiting{to: request.To, answer: answer})
	defer s.pending.forget(request.ID)

	if err := s.Send(ctx, request); err != nil {
		return nil, err
	}
	select {
	case a := <-answer:
		return payload(a)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-s.over:
	}
	select { // it may have come just before the end
	case a := <-answer:
		return payload(a)
	default:
		return nil, s.err
	}
}

func payload(answer *stanza.Stanza) (*xmlstream.Element, error) {
	if answer.Type == stanza.ErrorType {
		return nil, stanza.ParseError(answer.Child(stanza.Client, "error"))
	}
	iq, err := answer.IQ()
	if err != nil {
		return nil, fmt.Errorf("client: malformed answer from %s: %s", answer.From, err) // not an error that they sent
	}
	return iq.Payload, nil
}

// answered hands an answer to whoever waits for it. Others are dropped: late ones, and forged ones.
func (s *Session) answered(st *stanza.Stanza) {
	if to, ok := s.pending.take(st.ID, func(to jid.JID) bool { return s.answers(st.From, to) }); ok {
		to <- st
		return
	}
	s.log.Debug("answer to nothing", "from", st.From)
}

// answers reports whether an answer from one address is to what was sent to another. The server speaks for the account, and
// old ones mix up its own address with the account's. RFC 6120 §8.1.2.1, §10.3.3
func (s *Session) answers(from, to jid.JID) bool {
	return from == to || s.isServer(from) && s.isServer(to)
}

// isServer reports whether what comes from j was made by our server: nobody else can send from there.
func (s *Session) isServer(j jid.JID) bool {
	return j.IsZero() || j == s.jid.Bare() || j == s.jid.DomainJID() || j == s.jid
}

func (p *pending) add(id string, w waiting) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[id] = w
}

func (p *pending) forget(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, id)
}

// take returns where to put the answer to a request, once, if it may come from there.
func (p *pending) take(id string, right func(to jid.JID) bool) (chan<- *stanza.Stanza, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w, ok := p.open[id]
	if !ok || !right(w.to) {
		return nil, false
	}
	delete(p.open, id)
	return w.answer, true
}
