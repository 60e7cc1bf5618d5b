package router

import (
	"context"
	"strings"
	"sync"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// pending holds the broker's own requests that wait for an answer.
type pending struct {
	mu   sync.Mutex
	open map[string]waiting // by id
}

type waiting struct {
	to     jid.JID
	answer chan<- *stanza.Stanza
}

// Request implements stanza.Requester for the broker's own addresses: iq.From is one of them.
func (r *Router) Request(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	s := iq.Stanza()
	s.ID = r.requestID()
	answer := make(chan *stanza.Stanza, 1)
	r.pending.mu.Lock()
	r.pending.open[s.ID] = waiting{to: s.To, answer: answer}
	r.pending.mu.Unlock()
	defer r.pending.forget(s.ID)

	r.Send(ctx, s)
	select {
	case a := <-answer:
		if a.Type == stanza.ErrorType {
			return nil, stanza.ParseError(a.Child(stanza.Client, "error"))
		}
		back, err := a.IQ()
		if err != nil {
			return nil, err
		}
		return back.Payload, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pending) forget(id string) {
	p.mu.Lock()
	delete(p.open, id)
	p.mu.Unlock()
}

// requestID makes an id for a request of this node. It begins with the node's name where there may be others, for the answer may come
// to one of those.
func (r *Router) requestID() string {
	if node := r.cluster.Node(); node != "" {
		return node + "/" + stream.NewID()
	}
	return stream.NewID()
}

// answer hands a response to whoever waits for it, here or on the node that has asked.
func (r *Router) answer(s *stanza.Stanza) {
	node, _, named := strings.Cut(s.ID, "/")
	if named && node != r.cluster.Node() {
		if err := r.forward(node, routeLetter(s)); err == nil {
			return
		}
	}
	r.pending.answer(s)
}

// answer drops a response that nobody waits for, or from another than was asked.
func (p *pending) answer(s *stanza.Stanza) {
	p.mu.Lock()
	w, ok := p.open[s.ID]
	if ok && w.to == s.From {
		delete(p.open, s.ID)
	} else {
		ok = false
	}
	p.mu.Unlock()
	if ok {
		w.answer <- s
	}
}
