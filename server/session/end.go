package session

import (
	"time"

	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

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
	paid := s.paid
	s.paid = 0
	s.finishing = conn != nil && final != nil
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
			defer s.settings.Budget.give(paid)
			failed, written := s.finish(conn, queue, final)
			if written && !kept {
				return
			}
			s.undelivered(append(append(failed, unacked...), queue...))
		}()
		return
	}
	defer s.work.Done()
	defer s.settings.Budget.give(paid)
	s.undelivered(append(unacked, queue...))
}

// finish writes what is left and closes conn. It reports whether all was written, and what was in a write before that failed.
func (s *Session) finish(conn Conn, queue []xmlstream.Appender, final *closing) (failed []xmlstream.Appender, written bool) {
	conn.SetWriteDeadline(time.Now().Add(closeTimeout)) // for a write under way too
	s.out.Lock()
	defer s.out.Unlock()
	defer conn.Close()
	failed, s.failed = s.failed, nil
	conn.SetWriteDeadline(time.Now().Add(closeTimeout))
	if final.err != nil {
		queue = append(queue, final.err.Element())
	}
	if len(queue) > 0 && conn.Write(queue...) != nil {
		return failed, false
	}
	return failed, conn.End() == nil && len(failed) == 0
}

// closeTimeout bounds the farewell to a client that reads slowly or not at all.
const closeTimeout = 2 * time.Second

// Wait returns once nothing of the session runs any more. It has ended before.
func (s *Session) Wait() { s.work.Wait() }
