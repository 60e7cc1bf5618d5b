package sqlite

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/comity-iot/comity/store"
)

// maxBatch bounds what one batch delays those behind it.
const maxBatch = 512

// writer owns the one connection that writes.
type writer struct {
	conn    *conn
	session store.Session
	log     logKeeper
	room    room
	wake    chan struct{} // capacity 1: pending or closed has changed
	between chan func()   // work to do outside of any transaction
	done    chan struct{} // closed when the writer has ended

	mu      sync.Mutex
	pending []*update // oldest first
	closed  bool

	// The rest is the goroutine's own.
	batch []*update     // begun, and without a verdict
	last  chan struct{} // update.finished of the last commit that had something to follow it
}

func startWriter(c *conn, log logKeeper, r room) *writer {
	w := &writer{
		conn:    c,
		session: &session{conn: c, ctx: context.Background()}, // what has begun finishes
		log:     log,
		room:    r,
		wake:    make(chan struct{}, 1),
		between: make(chan func()),
		done:    make(chan struct{}),
	}
	go w.run()
	return w
}

// submit queues an update. The queue needs no bound of its own: each update in it is a caller that waits.
func (w *writer) submit(u *update) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return store.ErrClosed
	}
	w.pending = append(w.pending, u)
	w.signal()
	return nil
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// next takes the oldest update whose caller still waits for it, or nil.
func (w *writer) next() *update {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.pending) > 0 {
		u := w.pending[0]
		w.pending[0] = nil
		w.pending = w.pending[1:]
		if u.taken.CompareAndSwap(false, true) {
			return u
		}
	}
	return nil
}

// close ends the writer when everything pending has its verdict.
func (w *writer) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.signal()
	<-w.done
}

func (w *writer) ended() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed && len(w.pending) == 0
}

// outside runs f on the writer's connection while no transaction is open.
func (w *writer) outside(ctx context.Context, f func() error) error {
	verdict := make(chan error, 1)
	select {
	case w.between <- func() { verdict <- f() }:
		return <-verdict
	case <-ctx.Done():
		return ctx.Err()
	case <-w.done:
		return store.ErrClosed
	}
}

// run is the writer's goroutine. When an update ends it (runtime.Goexit), another takes its place.
func (w *writer) run() {
	ended := false
	defer func() {
		if ended {
			close(w.done)
		} else {
			go w.run()
		}
	}()
	w.apart()
	idle := time.NewTimer(logIdle)
	defer idle.Stop()
	for !ended {
		select {
		case f := <-w.between:
			f()
		default:
		}
		if w.commit() {
			w.log.grown(w.conn)
			continue
		}
		if ended = w.ended(); ended {
			break
		}
		if w.log.dirty {
			idle.Reset(w.log.idle())
		}
		select {
		case <-w.wake:
		case f := <-w.between:
			f()
		case <-idle.C:
			w.log.empty(w.conn)
		}
	}
}

// commit runs all that is pending as one transaction, and says whether there was anything.
func (w *writer) commit() bool {
	u := w.next()
	if u == nil {
		return false
	}
	if u.err = w.conn.control("BEGIN IMMEDIATE"); u.err != nil {
		w.announce(u)
		return true
	}
	for u != nil {
		w.batch = append(w.batch, u)
		if !w.savepoint(u) {
			w.apart()
			return true
		}
		if len(w.batch) == maxBatch {
			break
		}
		u = w.next()
	}
	if err := w.conn.control("COMMIT"); err != nil {
		w.apart()
		return true
	}
	for _, u := range w.batch {
		w.announce(u)
	}
	clear(w.batch)
	w.batch = w.batch[:0]
	return true
}

// savepoint runs an update inside the batch. It returns false when the batch is lost: SQLite rolls back the whole
// transaction by itself at some errors, a full disk among them.
func (w *writer) savepoint(u *update) bool {
	if w.conn.control("SAVEPOINT u") != nil {
		return false
	}
	u.call(w.session)
	if u.err != nil && w.conn.control("ROLLBACK TO u") != nil {
		return false
	}
	return w.conn.control("RELEASE u") == nil
}

// apart gives each update of a batch that could not be committed a transaction of its own, so that each caller gets its
// own verdict. Those that had failed run again too: what they ran into may have been undone.
func (w *writer) apart() {
	for len(w.batch) > 0 {
		_ = w.conn.control("ROLLBACK") // an error says that SQLite has done so already
		u := w.batch[0]
		if !u.exited {
			w.alone(u)
		}
		w.announce(u)
		w.batch = slices.Delete(w.batch, 0, 1)
	}
}

func (w *writer) alone(u *update) {
	if u.err = w.conn.control("BEGIN IMMEDIATE"); u.err != nil {
		return
	}
	u.call(w.session)
	if u.err == nil {
		u.err = w.conn.control("COMMIT")
	}
	if u.err != nil {
		_ = w.conn.control("ROLLBACK") // likewise
	}
}

// announce gives an update its place in the order of commits and wakes its caller.
func (w *writer) announce(u *update) {
	u.err = w.room.judge(u.err)
	if u.err == nil && len(u.after) > 0 {
		u.previous, u.finished = w.last, make(chan struct{})
		w.last = u.finished
	}
	close(u.done)
}
