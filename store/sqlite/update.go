package sqlite

import (
	"context"
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"github.com/comity-iot/comity/store"
)

// An update is one call of DB.Update on its way through the writer.
type update struct {
	fn    func(*store.Tx) error
	taken atomic.Bool   // by the writer, which will run it, or by its caller, who has given up
	done  chan struct{} // closed with the verdict

	// The verdict, written by the writer before done is closed.
	err      error
	panicked *store.PanicError
	exited   bool // fn ended its goroutine, as t.FailNow does
	after    []func()
	previous <-chan struct{} // closed when the functions after earlier commits have run
	finished chan struct{}   // to close when those of this one have
}

// Update implements store.DB.
func (db *DB) Update(ctx context.Context, fn func(*store.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	u := &update{fn: fn, done: make(chan struct{})}
	if err := db.writer.submit(u); err != nil {
		return err
	}
	select {
	case <-u.done:
	case <-ctx.Done():
		if u.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		<-u.done
	}
	return u.conclude()
}

// call runs fn. It does not return if fn ends the goroutine; exited says so to the writer's next one.
func (u *update) call(s store.Session) {
	u.err, u.panicked, u.after = nil, nil, nil
	u.exited = true
	defer func() {
		if v := recover(); v != nil {
			u.panicked = &store.PanicError{Value: v, Stack: debug.Stack()}
			u.err = u.panicked
			u.exited = false
		}
	}()
	u.after, u.err = store.Run(s, u.fn)
	u.exited = false
}

// conclude brings the verdict to the caller's goroutine: what happened to fn there, happens here.
func (u *update) conclude() error {
	switch {
	case u.exited:
		runtime.Goexit()
	case u.panicked != nil:
		panic(u.panicked)
	case u.err != nil:
		return u.err
	}
	if len(u.after) > 0 {
		defer close(u.finished) // also if one panics
		if u.previous != nil {
			<-u.previous
		}
		for _, f := range u.after {
			f()
		}
	}
	return nil
}
