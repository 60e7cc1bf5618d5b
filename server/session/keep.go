package session

import (
	"errors"
	"math"
	"time"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// kept is what stream management (XEP-0198) makes a session hold. The session's mu guards it. A nil *kept holds nothing.
type kept struct {
	limit   int
	wait    time.Duration
	stanzas []*stanza.Stanza   // sent and not acknowledged, oldest first
	bytes   int                // in stanzas
	sent    uint32             // the last of them has this number
	handled uint32             // stanzas received and handled
	start   xmlstream.Appender // what is sent behind this counts; nil once it was sent
	expire  *time.Timer        // runs while detached
}

// add notes a batch that is about to be sent, and returns how many at its beginning are not kept: those before start.
func (k *kept) add(batch []xmlstream.Appender) (loose int) {
	if k == nil {
		return len(batch)
	}
	for i, it := range batch {
		if k.start != nil {
			loose = i + 1
			if it == k.start {
				k.start = nil
			}
			continue
		}
		if st, ok := it.(*stanza.Stanza); ok {
			k.stanzas = append(k.stanzas, st)
			k.bytes += size(st)
			k.sent++
		}
	}
	return loose
}

// room returns how many more stanzas may be sent before the client acknowledges some. A client that does not, or whose
// acknowledgements get lost, is sent nothing more, hears nothing, and so has a reason to come again.
func (k *kept) room(bytes int) int {
	switch {
	case k == nil:
		return math.MaxInt
	case k.bytes >= bytes:
		return 0
	}
	return max(0, k.limit-len(k.stanzas))
}

// ErrNeverSent is the error of Acked for stanzas that were not sent.
var ErrNeverSent = errors.New("session: acknowledges more than was sent")

// acked drops what the client has. Numbers wrap at 2^32. XEP-0198#acking
func (k *kept) acked(h uint32) error {
	open := k.sent - h // still unacknowledged
	if open > uint32(len(k.stanzas)) {
		return ErrNeverSent
	}
	n := len(k.stanzas) - int(open)
	for _, st := range k.stanzas[:n] {
		k.bytes -= size(st)
	}
	clear(k.stanzas[:n])
	k.stanzas = k.stanzas[n:]
	if len(k.stanzas) == 0 {
		k.stanzas = nil
	}
	return nil
}

// Keep implements module.Session.
func (s *Session) Keep(limit int, wait time.Duration, reply xmlstream.Appender) bool {
	s.mu.Lock()
	if s.keep != nil || s.ended {
		s.mu.Unlock()
		return false
	}
	s.keep = &kept{limit: limit, wait: wait, start: reply}
	s.mu.Unlock()
	s.push(reply)
	return true
}

// Acked implements module.Session.
func (s *Session) Acked(h uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keep == nil {
		return ErrNeverSent
	}
	if err := s.keep.acked(h); err != nil {
		return err
	}
	s.refund()
	s.wake() // what waited for room
	return nil
}

// Begin claims the session for handling a stanza that conn has read. It reports false where the session has gone on to
// another connection: then the stanza is not to be handled, for the client has been told so. After true comes Done.
func (s *Session) Begin(conn Conn) bool {
	s.handling.Lock()
	s.mu.Lock()
	current := s.conn == conn
	s.mu.Unlock()
	if !current {
		s.handling.Unlock()
	}
	return current
}

// Pass ends what Begin began for an element that is no stanza and does not count.
func (s *Session) Pass() { s.handling.Unlock() }

// Done counts the stanza as handled: its effects are durable where they are to be.
func (s *Session) Done() {
	s.mu.Lock()
	if s.keep != nil {
		s.keep.handled++
	}
	s.mu.Unlock()
	s.handling.Unlock()
}

// Kept reports whether the session outlives its connection.
func (s *Session) Kept() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keep != nil
}

// Sent implements module.Session.
func (s *Session) Sent() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keep == nil {
		return 0
	}
	return s.keep.sent
}

// Handled implements module.Session.
func (s *Session) Handled() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keep == nil {
		return 0
	}
	return s.keep.handled
}

// Unacked implements module.Session.
func (s *Session) Unacked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keep == nil {
		return 0
	}
	return len(s.keep.stanzas)
}
