package client

import (
	"context"
	"errors"

	"github.com/comity-iot/comity/xmpp/stanza"
)

// ErrNoAcks is the error of SendAcked and Flush where the server does not acknowledge (XEP-0198).
var ErrNoAcks = errors.New("client: the server does not acknowledge stanzas")

// SendAcked is Send, and waits for the server to acknowledge the stanza (XEP-0198), over as many connections as that takes: then it
// is the server's to deliver, and a message that is to be stored is stored. The error is the end of ctx, ErrNoAcks or the session's:
// the stanza may have arrived all the same, or be sent again as Stay says.
func (s *Session) SendAcked(ctx context.Context, st *stanza.Stanza) error {
	r := &receipt{done: make(chan struct{})}
	if err := s.send(ctx, entry{stanza: st, receipt: r}); err != nil {
		return err
	}
	return s.await(ctx, r)
}

// Flush waits for the server to acknowledge all that Send has taken before. Errors are those of SendAcked.
func (s *Session) Flush(ctx context.Context) error {
	r, managed := s.out.newest()
	switch {
	case !managed:
		return ErrNoAcks
	case r == nil:
		return nil
	}
	return s.await(ctx, r)
}

func (s *Session) await(ctx context.Context, r *receipt) error {
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.over:
	}
	select { // it may have come just before the end
	case <-r.done:
		return r.err
	default:
		return s.err
	}
}

// receipt tells those who wait what became of a stanza.
type receipt struct {
	done chan struct{}
	err  error // set before done is closed
}

func (r *receipt) settle(err error) {
	if r != nil {
		r.err = err
		close(r.done)
	}
}

// newest returns the receipt of the last stanza that was taken, nil where all are acknowledged, and whether there are any.
func (o *outbox) newest() (r *receipt, managed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var last *entry
	switch {
	case !o.acks.on:
		return nil, false
	case len(o.items) > 0:
		last = &o.items[len(o.items)-1]
	case len(o.acks.kept) > 0:
		last = &o.acks.kept[len(o.acks.kept)-1]
	default:
		return nil, true
	}
	if last.receipt == nil {
		last.receipt = &receipt{done: make(chan struct{})}
	}
	return last.receipt, true
}
