package client

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// outbox holds what is to be written. Its goroutine runs only while there is something, and writes all that has come together
// as one.
type outbox struct {
	conn  transport.Conn
	limit time.Duration  // of one write
	fail  func(error)    // told of the write that failed
	slots chan struct{}  // one for each item that waits or is under way
	said  atomic.Int64   // when something was written last, in unix nanoseconds
	work  sync.WaitGroup // the goroutine. Nothing starts it after finish

	mu       sync.Mutex
	items    []xmlstream.Appender
	writing  bool
	finished bool // nothing more is taken
	ended    bool // the end of the stream was sent, or cannot be
}

// put takes an item as soon as there is room. It returns the end of ctx, and false where nothing is taken any more.
func (o *outbox) put(ctx context.Context, over <-chan struct{}, it xmlstream.Appender) (taken bool, err error) {
	select {
	case <-over: // even if there is room
		return false, nil
	default:
	}
	select {
	case o.slots <- struct{}{}:
		return o.add(it), nil
	case <-over:
		return false, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

// offer takes an item if there is room.
func (o *outbox) offer(it xmlstream.Appender) (taken bool) {
	select {
	case o.slots <- struct{}{}:
		return o.add(it)
	default:
		return false
	}
}

func (o *outbox) add(it xmlstream.Appender) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.finished {
		<-o.slots
		return false
	}
	o.items = append(o.items, it)
	o.wake()
	return true
}

// finish takes nothing more: what waits is still written, then last, then the end of the stream. Only the first call counts.
func (o *outbox) finish(last ...xmlstream.Appender) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.finished {
		return
	}
	o.finished = true
	o.items = append(o.items, last...)
	o.wake()
}

// wake is called with mu held.
func (o *outbox) wake() {
	if !o.writing && !o.ended {
		o.writing = true
		o.work.Go(o.write)
	}
}

func (o *outbox) write() {
	for {
		batch, end := o.next()
		if len(batch) == 0 && !end {
			return
		}
		limit := o.limit
		if end {
			limit = min(limit, farewell)
		}
		o.conn.SetWriteDeadline(time.Now().Add(limit))
		var err error
		if len(batch) > 0 {
			err = o.conn.Write(batch...)
		}
		if err == nil && end {
			err = o.conn.End()
		}
		if err != nil {
			o.stop()
			o.fail(err)
			return
		}
		o.said.Store(time.Now().UnixNano())
		if end {
			return // and what finish added last took no room
		}
		o.written(batch)
	}
}

// next returns all that waits, and whether the stream ends behind it. With neither, the goroutine ends.
func (o *outbox) next() (batch []xmlstream.Appender, end bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	batch, o.items = o.items, nil
	end = o.finished && !o.ended
	o.ended = o.finished
	o.writing = len(batch) > 0 || end
	return batch, end
}

// written makes room for as many items as were written. It is here that stream management (XEP-0198) will keep stanzas, and
// their room, until they are acknowledged.
func (o *outbox) written(batch []xmlstream.Appender) {
	for range batch {
		<-o.slots
	}
}

// stop ends all writing.
func (o *outbox) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.finished, o.ended, o.writing, o.items = true, true, false, nil
}
