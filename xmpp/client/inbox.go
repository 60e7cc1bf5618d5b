package client

import (
	"sync"

	"github.com/comity-iot/comity/xmpp/stanza"
)

// inbox holds what waits for handlers, which are called one after the other. Its goroutine runs only while there is something.
type inbox struct {
	handle     func(*stanza.Stanza)
	limit      int            // of stanzas
	limitBytes int            // of their content
	work       sync.WaitGroup // the goroutine
	mu         sync.Mutex
	items      []*stanza.Stanza
	bytes      int // of what waits and what is being handled
	busy       bool
}

// put takes a stanza if there is room: whoever reads the stream must never wait for a handler, which may itself be waiting for
// an answer.
func (b *inbox) put(s *stanza.Stanza) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.items) >= b.limit || b.bytes >= b.limitBytes {
		return false
	}
	b.items = append(b.items, s)
	b.bytes += s.Content.Size()
	if !b.busy {
		b.busy = true
		b.work.Go(b.run)
	}
	return true
}

func (b *inbox) run() {
	for s := b.next(nil); s != nil; s = b.next(s) {
		b.handle(s)
	}
}

// next gives back the room of the stanza that was handled, and returns the one to handle now. With none, the goroutine ends.
func (b *inbox) next(handled *stanza.Stanza) *stanza.Stanza {
	b.mu.Lock()
	defer b.mu.Unlock()
	if handled != nil {
		b.bytes -= handled.Content.Size()
	}
	if len(b.items) == 0 {
		b.items, b.busy = nil, false
		return nil
	}
	s := b.items[0]
	b.items[0] = nil
	b.items = b.items[1:]
	return s
}
