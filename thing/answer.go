package thing

import (
	"context"
	"sync"
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Bounds of requests that are answered at one time.
const (
	maxRequests      = 16 // of everybody
	maxRequestsOfOne = 4  // of one bare address
)

// visitors counts the requests of each who asks.
type visitors struct {
	mu    sync.Mutex
	of    map[jid.JID]int
	total int
}

// enter counts one more request, if there is room, and reports whether others are there already.
func (v *visitors) enter(who jid.JID) (first, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.total >= maxRequests || v.of[who] >= maxRequestsOfOne {
		return false, false
	}
	if v.of == nil {
		v.of = map[jid.JID]int{}
	}
	v.total++
	v.of[who.Clone()]++
	return v.total == 1, true
}

func (v *visitors) leave(who jid.JID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.total--
	if v.of[who]--; v.of[who] == 0 {
		delete(v.of, who)
	}
}

// errBusy is for who asks too much.
var errBusy = stanza.ResourceConstraint.With("too many requests at once")

// behind is how long what follows an answer waits, so that the answer is sent first.
const behind = 20 * time.Millisecond

// respond runs answer beside the handlers, as long as the session lasts, and returns the first stanza that it sends, the answer of
// the request, in the way of a handler, as a mux.Mux knows no other. What it sends behind that goes out as it is, once the handler
// has returned.
func (o *online) respond(ctx context.Context, answer func(send func(*stanza.Stanza) error)) (*xmlstream.Element, error) {
	first := make(chan *stanza.Stanza, 1)
	o.work.Go(func() {
		defer close(first)
		sent := 0
		answer(func(s *stanza.Stanza) error {
			sent++
			switch sent {
			case 1:
				first <- s
				return nil
			case 2:
				sleep(ctx, behind)
			}
			return o.session.Send(ctx, s)
		})
	})
	s, ok := <-first
	switch {
	case !ok:
		return nil, stanza.InternalServerError
	case s.Type == stanza.ErrorType:
		return nil, stanza.ParseError(s.Child(stanza.Client, "error"))
	}
	iq, err := s.IQ()
	if err != nil {
		return nil, err
	}
	return iq.Payload, nil
}

// take waits until no function of the maker runs: they are called one at a time.
func (r *run) take(ctx context.Context) error {
	select {
	case r.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// give lets the next one run.
func (r *run) give() { <-r.turn }
