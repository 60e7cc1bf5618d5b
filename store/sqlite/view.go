package sqlite

import (
	"context"
	"errors"

	"github.com/comity-iot/comity/store"
)

// readers is the pool of connections that only read.
type readers struct {
	path    string
	free    chan *conn // nil stands for one that is not open yet
	closing chan struct{}
}

func newReaders(path string, n int) *readers {
	r := &readers{path: path, free: make(chan *conn, n), closing: make(chan struct{})}
	for range n {
		r.free <- nil
	}
	return r
}

func (r *readers) take(ctx context.Context) (*conn, error) {
	select {
	case <-r.closing:
		return nil, store.ErrClosed
	default:
	}
	select {
	case c := <-r.free:
		if c != nil {
			return c, nil
		}
		c, err := dial(ctx, r.path, append(commonPragmas(), "query_only(ON)"))
		if err != nil {
			r.free <- nil
		}
		return c, err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-r.closing:
		return nil, store.ErrClosed
	}
}

// give ends the connection's transaction and puts it back, or another in its place if it will not end.
func (r *readers) give(c *conn) error {
	err := c.control("ROLLBACK")
	if err != nil {
		err = errors.Join(err, c.close())
		c = nil
	}
	r.free <- c
	return err
}

// close waits for the Views and closes their connections.
func (r *readers) close() error {
	close(r.closing)
	var errs []error
	for range cap(r.free) {
		if c := <-r.free; c != nil {
			errs = append(errs, c.close())
		}
	}
	return errors.Join(errs...)
}

// View implements store.DB. When ctx ends, so does the statement that is running, and the View with ctx.Err().
func (db *DB) View(ctx context.Context, fn func(*store.Tx) error) error {
	var after []func()
	err := db.readers.with(ctx, func(c *conn) (err error) {
		after, err = store.Run(&session{conn: c, ctx: ctx}, fn)
		return err
	})
	if err != nil {
		return err
	}
	for _, f := range after {
		f()
	}
	return nil
}

// with runs f in a read transaction, whose snapshot is that of its first query.
func (r *readers) with(ctx context.Context, f func(*conn) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	c, err := r.take(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if e := r.give(c); err == nil {
			err = e
		}
	}()
	if err := c.control("BEGIN"); err != nil {
		return err
	}
	return f(c)
}
