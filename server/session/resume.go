package session

import (
	"errors"
	"slices"
	"time"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

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

// replaced closes a connection whose session has gone on over another, and unlocks out. XEP-0198#resumption
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
