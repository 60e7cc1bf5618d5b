// Package session holds bound resources: where stanzas for a client wait, leave, and are kept until acknowledged.
//
// A session outlives its connection. It owns a bounded queue and counters; a connection is attached to it, and detached when it is
// lost. Without stream management (XEP-0198) detaching ends the session; with it, the session waits to be resumed. An idle session holds
// no buffer and no goroutine: whoever puts the first stanza into an empty queue starts the writer, which ends with the queue.
package session

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Conn is what a session needs of the connection it is attached to. Write is called by one goroutine at a time; an error from it
// is final.
type Conn interface {
	Write(items ...xmlstream.Appender) error
	End() error
	SetWriteDeadline(time.Time) error
	Close() error
}

// Settings are the limits of a session.
type Settings struct {
	Queue      int           // stanzas that may wait
	QueueBytes int           // bytes that they may hold
	Write      time.Duration // how long one write may take
	Workers    *Workers      // on which writers run
	Budget     *Budget       // for what sessions hold together
}

// Hooks is what the session asks of the features, and tells the router.
type Hooks struct {
	Deliver []func(module.Session, *stanza.Stanza) *stanza.Stanza
	Writing []func(module.Session) xmlstream.Appender
	// Ended is told once that the session is gone, without locks held.
	Ended func(*Session)
	// Undelivered takes what the session could not hand over, in order. It comes after Ended, and may come again.
	Undelivered func(*Session, []*stanza.Stanza)
}

// Session implements module.Session.
type Session struct {
	jid      jid.JID
	since    time.Time
	settings *Settings
	hooks    *Hooks

	active   atomic.Int64 // unix nanoseconds
	presence atomic.Pointer[stanza.Stanza]
	priority atomic.Int32

	mu      sync.Mutex
	conn    Conn   // nil while detached
	queue   *batch // nil for none
	bytes   int    // in queue
	flying  int    // bytes being written that are not kept
	paid    int    // taken from the budget
	writing bool   // the writer runs
	ended   bool
	// finishing says that finish will see to what has failed.
	finishing bool
	keep      *kept      // nil without stream management
	out       sync.Mutex // held around each write to a connection; taken without mu
	due       time.Time  // deadline of the writes to dueFor; both with out
	dueFor    Conn
	failed    []xmlstream.Appender // stanzas of the last write, which failed; with out
	// handling is held while a stanza of the client is handled; taken before mu.
	handling sync.Mutex
	work     sync.WaitGroup
	write    func() // the writer, as a value: starting it costs no memory
}

var _ module.Session = (*Session)(nil)

// New makes a session for a full JID, attached to conn.
func New(full jid.JID, conn Conn, now time.Time, settings *Settings, hooks *Hooks) *Session {
	s := &Session{jid: full.Clone(), since: now, settings: settings, hooks: hooks, conn: conn}
	s.write = s.writeAll
	s.active.Store(now.UnixNano())
	return s
}

// JID implements module.Session.
func (s *Session) JID() jid.JID { return s.jid }

// Since implements module.Session.
func (s *Session) Since() time.Time { return s.since }

// Active implements module.Session.
func (s *Session) Active() time.Time { return time.Unix(0, s.active.Load()) }

// Touch notes that the client sent a stanza.
func (s *Session) Touch(now time.Time) { s.active.Store(now.UnixNano()) }

// Presence implements module.Session.
func (s *Session) Presence() *stanza.Stanza { return s.presence.Load() }

// Priority implements module.Session.
func (s *Session) Priority() int8 { return int8(s.priority.Load()) }

// SetPresence implements module.Session.
func (s *Session) SetPresence(p *stanza.Stanza) {
	if p != nil {
		s.priority.Store(int32(priority(p)))
		p = p.Compact()
	}
	s.presence.Store(p)
}

// Send implements module.Session.
func (s *Session) Send(st *stanza.Stanza) {
	for _, deliver := range s.hooks.Deliver {
		if st = deliver(s, st); st == nil {
			return
		}
	}
	s.push(st)
}

// Push puts an element that is no stanza into the queue.
func (s *Session) Push(item xmlstream.Appender) { s.push(item) }

func (s *Session) push(item xmlstream.Appender) {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		s.undelivered([]xmlstream.Appender{item})
		return
	}
	if s.queue == nil {
		s.queue = takeBatch()
	}
	s.queue.items = append(s.queue.items, item)
	s.bytes += size(item)
	crowded := s.crowded()
	if _, counts := item.(*stanza.Stanza); !counts || s.keep.room(s.settings.QueueBytes) > 0 {
		s.wake()
	}
	s.mu.Unlock()
	if crowded { // the receiver is too slow, or away too long: its senders never wait
		s.Close(stream.PolicyViolation.With("too slow: queue is full"))
	}
}

// crowded reports whether more waits than may. What was sent and not acknowledged counts with what is queued, for a resumption
// puts it there again. mu is held.
func (s *Session) crowded() bool {
	n, most := len(s.queue.items), s.settings.Queue
	bytes, mostBytes := s.bytes, s.settings.QueueBytes
	if k := s.keep; k != nil {
		n, most = n+len(k.stanzas), most+k.limit
		bytes, mostBytes = bytes+k.bytes, 2*mostBytes
	}
	return n > most || bytes > mostBytes || !s.pay()
}

// wake starts the writer where there is work and it does not run. mu is held.
func (s *Session) wake() {
	if s.conn == nil || s.writing || s.queue == nil {
		return
	}
	s.writing = true
	s.work.Add(1)
	s.settings.Workers.Go(s.write)
}

// writeAll sends what is queued, in batches of all that has come together meanwhile, and ends with the queue or the connection. There is
// one writer at a time, so that batches keep their order when the session goes on over another connection.
func (s *Session) writeAll() {
	defer s.work.Done()
	for {
		conn, b, loose := s.next()
		if b == nil {
			return
		}
		for _, writing := range s.hooks.Writing {
			if it := writing(s); it != nil {
				b.items = append(b.items, it)
			}
		}
		if s.writeTo(conn, b.items, loose) != nil {
			s.lost(conn)
		}
		giveBatch(b)
	}
}

// writeTo writes in the time that there is for it; half of that is left at least when the deadline is not set anew. Where it fails, the
// first loose of the items, which are not held, are in failed.
func (s *Session) writeTo(conn Conn, items []xmlstream.Appender, loose int) error {
	s.out.Lock()
	defer s.out.Unlock()
	if now := time.Now(); s.dueFor != conn || s.due.Sub(now) < s.settings.Write/2 {
		s.due, s.dueFor = now.Add(s.settings.Write), conn
		conn.SetWriteDeadline(s.due)
	}
	err := conn.Write(items...)
	if err != nil {
		for _, it := range items[:loose] {
			if _, ok := it.(*stanza.Stanza); ok {
				s.failed = append(s.failed, it)
			}
		}
	}
	return err
}

// next takes what may be written to the connection now, or nil where there is nothing more to do. The first loose of the batch are
// not held until acknowledged.
func (s *Session) next() (conn Conn, b *batch, loose int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil && s.queue != nil {
		b = s.take()
	}
	s.flying = 0
	defer s.refund()
	if b == nil {
		s.writing = false
		return nil, nil, 0
	}
	loose = s.keep.add(b.items)
	if s.paid > 0 {
		for _, it := range b.items[:loose] {
			s.flying += size(it)
		}
	}
	return s.conn, b, loose
}

// take removes from the queue what the client has room for: all there is, or else only what does not count and as many stanzas as may
// be unacknowledged. The others wait until it acknowledges some. It returns nil where nothing can go. mu is held.
func (s *Session) take() *batch {
	room := s.keep.room(s.settings.QueueBytes)
	if len(s.queue.items) <= room {
		b := s.queue
		s.queue, s.bytes = nil, 0
		return b
	}
	now, rest := takeBatch(), takeBatch()
	for _, it := range s.queue.items {
		to := now
		if _, counts := it.(*stanza.Stanza); counts {
			if room == 0 {
				to = rest
			} else {
				room--
			}
		}
		to.items = append(to.items, it)
	}
	giveBatch(s.queue)
	s.queue, s.bytes = nil, 0
	s.requeue(rest)
	if len(now.items) == 0 {
		giveBatch(now)
		return nil
	}
	return now
}

// lost ends the use of conn after a write that failed, and may have arrived in part. What was in it and is not held goes back to the
// front of the queue, to be sent again. Where the session has ended it is undelivered, before what is younger: by finish, if that waits
// for the write.
func (s *Session) lost(conn Conn) {
	s.out.Lock()
	s.mu.Lock()
	var left []xmlstream.Appender
	switch {
	case !s.ended:
		again := takeBatch()
		again.items = append(again.items, s.failed...)
		s.requeue(again)
		s.failed = nil
	case !s.finishing:
		left, s.failed = s.failed, nil
	}
	s.mu.Unlock()
	s.out.Unlock()
	s.Detach(conn)
	s.undelivered(left)
}

// requeue puts a batch before what is queued. mu is held.
func (s *Session) requeue(b *batch) {
	for _, it := range b.items {
		s.bytes += size(it)
	}
	if s.queue != nil {
		b.items = append(b.items, s.queue.items...)
		giveBatch(s.queue)
	}
	if s.queue = b; len(b.items) == 0 {
		giveBatch(b)
		s.queue = nil
	}
}

func (s *Session) undelivered(items []xmlstream.Appender) {
	var sts []*stanza.Stanza
	for _, it := range items {
		if st, ok := it.(*stanza.Stanza); ok {
			sts = append(sts, st)
		}
	}
	if len(sts) > 0 {
		s.hooks.Undelivered(s, sts)
	}
}

// priority of an available presence; malformed or absent is 0. RFC 6121 §4.7.2.3
func priority(p *stanza.Stanza) int8 {
	n, err := strconv.ParseInt(strings.TrimSpace(p.Child(stanza.Client, "priority").Text()), 10, 8)
	if err != nil {
		return 0
	}
	return int8(n)
}

func size(item xmlstream.Appender) int {
	if st, ok := item.(*stanza.Stanza); ok {
		return st.Content.Size() + headerSize
	}
	return headerSize
}

// headerSize stands for a start tag and the memory around a stanza.
const headerSize = 256

// batch is what goes in one write.
type batch struct{ items []xmlstream.Appender }

var batches = sync.Pool{New: func() any { return &batch{make([]xmlstream.Appender, 0, 16)} }}

func takeBatch() *batch { return batches.Get().(*batch) }

// giveBatch takes a batch back that nobody uses any more.
func giveBatch(b *batch) {
	if cap(b.items) > 1024 {
		return
	}
	clear(b.items)
	b.items = b.items[:0]
	batches.Put(b)
}
