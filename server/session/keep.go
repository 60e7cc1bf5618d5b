package session

import (
	"errors"
	"slices"
	"time"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
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

// overrun reports whether the client leaves too much unacknowledged.
func (k *kept) overrun(bytes int) bool {
	return k != nil && (len(k.stanzas) > k.limit || k.bytes > bytes)
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
	return s.keep.acked(h)
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

// ErrGone is the error of Resume for a session that has ended or keeps nothing.
var ErrGone = errors.New("session: gone")

// Resume attaches a new connection in place of the one that was lost or is still thought alive. What the client has not got is
// sent again, behind the reply, which is told how many stanzas of the client were handled. XEP-0198#resumption
func (s *Session) Resume(conn Conn, h uint32, reply func(handled uint32) xmlstream.Appender) error {
	s.handling.Lock() // a stanza that the old connection has read is handled and counted first
	defer s.handling.Unlock()
	s.mu.Lock()
	if s.ended || s.keep == nil {
		s.mu.Unlock()
		return ErrGone
	}
	k := s.keep
	if err := k.acked(h); err != nil {
		s.mu.Unlock()
		return err
	}
	k.start = nil
	if k.expire != nil {
		k.expire.Stop()
		k.expire = nil
	}
	old := s.conn
	again := takeBatch()
	again.items = append(again.items, reply(k.handled))
	for _, st := range k.stanzas {
		again.items = append(again.items, st)
	}
	k.sent -= uint32(len(k.stanzas))
	k.stanzas, k.bytes = nil, 0
	s.dropNonzas() // they were for the other stream: an old <a/> would contradict the reply
	s.requeue(again)
	s.conn = conn
	// Only a connection that is not being written to can be told: the other may be dead, and the new one would have to wait for it.
	tell := old != nil && s.out.TryLock()
	if tell {
		s.work.Add(1)
		go s.replaced(old)
	}
	s.wake()
	s.mu.Unlock()
	if old != nil && !tell {
		old.Close()
	}
	return nil
}

// dropNonzas leaves the stanzas in the queue. mu is held.
func (s *Session) dropNonzas() {
	if s.queue == nil {
		return
	}
	s.queue.items = slices.DeleteFunc(s.queue.items, func(it xmlstream.Appender) bool {
		_, ok := it.(*stanza.Stanza)
		if !ok {
			s.bytes -= size(it)
		}
		return !ok
	})
}

// replaced closes a connection whose session has gone on over another. It is given out, locked. XEP-0198#resumption
func (s *Session) replaced(old Conn) {
	defer s.work.Done()
	defer s.out.Unlock()
	defer old.Close()
	old.SetWriteDeadline(time.Now().Add(closeTimeout))
	if old.Write((&stream.Error{Condition: stream.Conflict}).Element()) == nil {
		old.End()
	}
}

// Detach takes a lost connection away. With stream management the session waits to be resumed; else it ends.
func (s *Session) Detach(conn Conn) {
	s.mu.Lock()
	if s.conn != conn || s.ended {
		s.mu.Unlock()
		conn.Close()
		return
	}
	if s.keep == nil {
		s.mu.Unlock()
		conn.Close() // first, so that nothing more is written to it
		s.end(nil)
		return
	}
	s.conn = nil
	s.keep.expire = time.AfterFunc(s.keep.wait, func() { s.end(nil) })
	s.mu.Unlock()
	conn.Close()
}

// Close implements module.Session: what is queued is still sent, then the error, if any, and the end of the stream.
func (s *Session) Close(err error) {
	final := &closing{}
	if err != nil {
		if final.err = stream.AsError(err); final.err == nil {
			final.err = &stream.Error{Condition: stream.InternalServerError}
		}
	}
	s.end(final)
}

// CloseFrom closes the session as conn's stream ends, and the connection alone where the session has gone on to another.
func (s *Session) CloseFrom(conn Conn, err error) {
	s.mu.Lock()
	elsewhere := !s.ended && s.conn != conn
	s.mu.Unlock()
	if elsewhere {
		conn.Close()
		return
	}
	s.Close(err)
}

// closing says how a stream is to be closed: with an error, or nil for none.
type closing struct{ err *stream.Error }

// end ends the session once: with final, its stream is closed in good order where there is one.
func (s *Session) end(final *closing) {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	s.ended = true
	conn, kept := s.conn, s.keep != nil
	var queue []xmlstream.Appender
	if s.queue != nil {
		queue = s.queue.items
	}
	s.conn, s.queue, s.bytes = nil, nil, 0
	var unacked []xmlstream.Appender
	if s.keep != nil {
		for _, st := range s.keep.stanzas {
			unacked = append(unacked, st)
		}
		if s.keep.expire != nil {
			s.keep.expire.Stop()
		}
	}
	s.work.Add(1)
	s.mu.Unlock()

	s.hooks.Ended(s) // sees the last presence still, to take it back
	s.presence.Store(nil)
	if conn != nil && final != nil {
		// Whoever ends a session must not wait for its client.
		go func() {
			defer s.work.Done()
			if s.finish(conn, queue, final) && !kept {
				return
			}
			s.undelivered(append(unacked, queue...))
		}()
		return
	}
	defer s.work.Done()
	s.undelivered(append(unacked, queue...))
}

// finish writes what is left and closes conn. It reports whether all was written.
func (s *Session) finish(conn Conn, queue []xmlstream.Appender, final *closing) bool {
	conn.SetWriteDeadline(time.Now().Add(closeTimeout)) // for a write under way too
	s.out.Lock()
	defer s.out.Unlock()
	defer conn.Close()
	conn.SetWriteDeadline(time.Now().Add(closeTimeout))
	if final.err != nil {
		queue = append(queue, final.err.Element())
	}
	if len(queue) > 0 && conn.Write(queue...) != nil {
		return false
	}
	return conn.End() == nil
}

// closeTimeout bounds the farewell to a client that reads slowly or not at all.
const closeTimeout = 2 * time.Second

// Wait returns once nothing of the session runs any more. It has ended before.
func (s *Session) Wait() { s.work.Wait() }
