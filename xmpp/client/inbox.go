package client

import (
	"sync"

	"github.com/comity-iot/comity/xmpp/stanza"
)

// inbox holds what waits for handlers, which are called one after the other. Its goroutine runs only while there is something. It
// counts what has come and what of it is handled: a stanza is once its handler has returned, and all that came before it are.
type inbox struct {
	handle     func(*stanza.Stanza)
	late       func()         // called when more is handled than the server was last told
	limit      int            // of stanzas
	limitBytes int            // of their content
	work       sync.WaitGroup // the goroutine
	mu         sync.Mutex
	items      []*numbered
	bytes      int // of what waits and what is being handled
	busy       bool
	received   uint64 // stanzas, over all connections of the session
	oldest     uint64 // the number of the one that is being handled, or else waits first, while busy
	counts     bool   // the server counts
	before     uint64 // how many had come by then
	owed       bool   // the server was told of fewer than had come
}

// numbered is a stanza that waits, and which it is of all that came.
type numbered struct {
	stanza *stanza.Stanza
	number uint64
}

// put takes a stanza, and counts it, if there is room: whoever reads the stream must never wait for a handler, which may itself be
// waiting for an answer.
func (b *inbox) put(s *stanza.Stanza) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.items) >= b.limit || b.bytes >= b.limitBytes {
		return false
	}
	b.received++
	b.items = append(b.items, &numbered{s, b.received})
	b.bytes += s.Content.Size()
	if !b.busy {
		b.busy, b.oldest = true, b.received
		b.work.Go(b.run)
	}
	return true
}

// pass counts a stanza that needs no handler.
func (b *inbox) pass() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.received++
}

func (b *inbox) run() {
	for it := b.next(nil); it != nil; it = b.next(it) {
		b.handle(it.stanza)
	}
}

// next gives back the room of the stanza that was handled, and returns the one to handle now. With none, the goroutine ends.
func (b *inbox) next(handled *numbered) *numbered {
	b.mu.Lock()
	if handled != nil {
		b.bytes -= handled.stanza.Content.Size()
	}
	if len(b.items) == 0 {
		b.items, b.busy = nil, false
		late := b.owed
		b.owed = false
		b.mu.Unlock()
		if late {
			b.late()
		}
		return nil
	}
	defer b.mu.Unlock()
	it := b.items[0]
	b.items[0] = nil
	b.items = b.items[1:]
	b.oldest = it.number
	return it
}

// begin is for the moment from which the server counts what it sends. XEP-0198#acking
func (b *inbox) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts, b.before = true, b.received
}

// counting reports whether the server counts.
func (b *inbox) counting() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.counts
}

// tell returns what the server is to be told, modulo 2^32, how many more have come, and whether the server counts at all.
func (b *inbox) tell() (h uint32, more int, counts bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	done := b.received
	if b.busy {
		done = max(b.oldest-1, b.before)
	}
	b.owed = done < b.received
	return uint32(done - b.before), int(b.received - done), b.counts
}
