package client

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// outbox holds what is to be written and, with stream management, what the server has not acknowledged. It outlives connections.
// Its goroutine runs only while there is something to write, and writes all that has come together as one.
type outbox struct {
	limit time.Duration                  // of one write
	tell  func() (h uint32, counts bool) // what <a/> is to say; called with mu held
	slots chan struct{}                  // one for each stanza that waits, is under way or is kept
	said  atomic.Int64                   // when something was written last, in unix nanoseconds
	work  sync.WaitGroup                 // the goroutine. Nothing starts it without a connection, or after the end of the stream

	mu       sync.Mutex
	conn     transport.Conn // nil between two connections
	items    []entry        // stanzas that wait
	acks     acks
	due      due
	last     xmlstream.Appender // what goes before the end of the stream
	batch    []xmlstream.Appender
	failed   error // of the write that failed
	writing  bool
	finished bool // nothing more is taken
	ended    bool // the end of the stream was sent, or cannot be
}

// entry is a stanza between Send and the server.
type entry struct {
	stanza  *stanza.Stanza
	since   time.Time // when it was taken; zero without stream management
	receipt *receipt  // nil where nobody waits for it
}

// due is what goes out with the next write besides stanzas. It takes no room.
type due struct{ enable, space, answer, ask bool }

// put takes a stanza as soon as there is room. It returns the end of ctx, and false where nothing is taken any more.
func (o *outbox) put(ctx context.Context, over <-chan struct{}, e entry) (taken bool, err error) {
	select {
	case <-over: // even if there is room
		return false, nil
	default:
	}
	select {
	case o.slots <- struct{}{}:
		return o.add(e), nil
	case <-over:
		return false, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

// offer takes a stanza if there is room.
func (o *outbox) offer(st *stanza.Stanza) (taken bool) {
	select {
	case o.slots <- struct{}{}:
		return o.add(entry{stanza: st})
	default:
		return false
	}
}

func (o *outbox) add(e entry) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.finished {
		<-o.slots
		return false
	}
	o.items = append(o.items, o.acks.prepare(e))
	o.wake()
	return true
}

// say has something written that is no stanza.
func (o *outbox) say(what func(*due)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	what(&o.due)
	o.wake()
}

// finish takes nothing more: what waits is still written, then last, which may be nil, then the end of the stream. Only the first
// call counts.
func (o *outbox) finish(last xmlstream.Appender) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.finished {
		return
	}
	o.finished, o.last = true, last
	o.due.answer = true // XEP-0198#acking: right before the stream is closed
	o.wake()
}

// stop ends all writing.
func (o *outbox) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.finished, o.ended = true, true
}

// attach goes on writing, to a new connection.
func (o *outbox) attach(conn transport.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.said.Store(time.Now().UnixNano())
	o.conn, o.failed = conn, nil
	o.wake()
}

// detach closes the connection, and returns when nothing is being written any more.
func (o *outbox) detach() {
	o.mu.Lock()
	conn := o.conn
	o.conn = nil
	o.mu.Unlock()
	conn.Close()
	o.work.Wait()
}

// cut closes the connection, if there is one.
func (o *outbox) cut() {
	o.mu.Lock()
	conn := o.conn
	o.mu.Unlock()
	if conn != nil {
		conn.Close()
	}
}

// wake is called with mu held.
func (o *outbox) wake() {
	idle := len(o.items) == 0 && o.due == due{} && !o.finished
	if idle || o.writing || o.ended || o.conn == nil || o.failed != nil {
		return
	}
	o.writing = true
	conn := o.conn
	o.work.Go(func() { o.write(conn) })
}

func (o *outbox) write(conn transport.Conn) {
	for {
		batch, done, end := o.next(conn)
		if len(batch) == 0 && !end {
			return
		}
		limit := o.limit
		if end {
			limit = min(limit, farewell)
		}
		conn.SetWriteDeadline(time.Now().Add(limit))
		var err error
		if len(batch) > 0 {
			err = conn.Write(batch...)
		}
		if err == nil && end {
			err = conn.End()
		}
		if err != nil {
			o.fail(conn, err)
			return
		}
		clear(batch)
		o.said.Store(time.Now().UnixNano())
		o.free(done)
		if end {
			return
		}
	}
}

// next returns all that is to be written to conn, how many stanzas of it are done with then, and whether the stream ends behind it.
// With nothing, the goroutine ends.
func (o *outbox) next(conn transport.Conn) (batch []xmlstream.Appender, done int, end bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writing = false
	if o.conn != conn || o.ended {
		return nil, 0, false
	}
	batch = o.batch[:0]
	if o.due.enable {
		batch = append(batch, o.acks.enable())
	}
	for _, e := range o.items {
		batch = append(batch, e.stanza)
	}
	if o.due.space {
		batch = append(batch, whitespace{})
	}
	if o.due.answer {
		if h, counts := o.tell(); counts {
			batch = append(batch, acknowledgement(h))
		}
	}
	if o.acks.keep(o.items) {
		if o.acks.ask(o.due.ask) {
			batch = append(batch, request)
		}
	} else {
		done = len(o.items)
	}
	clear(o.items)
	o.items, o.due = o.items[:0], due{}
	if end = o.finished; end {
		o.ended = true
		if o.last != nil {
			batch = append(batch, o.last)
		}
	}
	o.batch = batch
	o.writing = len(batch) > 0 || end
	return batch, done, end
}

// fail notes why a write failed. The reader sees to the rest.
func (o *outbox) fail(conn transport.Conn, err error) {
	o.mu.Lock()
	if o.conn == conn {
		o.failed = err
	}
	o.writing = false
	o.mu.Unlock()
	conn.Close()
}

// failure returns why writing failed, nil if it did not.
func (o *outbox) failure() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failed
}

// hasEnded reports whether the end of the stream was sent, or cannot be.
func (o *outbox) hasEnded() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ended
}

// free makes room for n stanzas.
func (o *outbox) free(n int) {
	for range n {
		<-o.slots
	}
}
