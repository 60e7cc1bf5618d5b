package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// crowd is many sessions, each with a goroutine that reads.
type crowd struct {
	sessions []*session
	stop     context.CancelCauseFunc
	readers  sync.WaitGroup
	closing  atomic.Bool
	managed  atomic.Int64 // sessions with XEP-0198
	lost     atomic.Int64 // sessions that have ended, where they may
}

// gathering says how a crowd comes together.
type gathering struct {
	sm     bool
	how    func(i int) dialing // may be nil
	deaf   func(i int) bool    // those do not read once they are in; may be nil
	mortal func(i int) bool    // the server may end those; may be nil
	quiet  bool                // no word of progress
}

// gather logs in the first n accounts. The context that it returns ends with ctx, with close, and when a session breaks, of which it
// has the cause then.
func (r *run) gather(ctx context.Context, n int, g gathering) (*crowd, context.Context, error) {
	accounts, err := r.Accounts.first(n)
	if err != nil {
		return nil, nil, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	c := &crowd{sessions: make([]*session, n), stop: stop}
	what := "logged in"
	if g.quiet {
		what = ""
	}
	err = r.each(ctx, n, what, func(ctx context.Context, i int) error {
		var how dialing
		if g.how != nil {
			how = g.how(i)
		}
		s, err := r.dialer.login(ctx, i, accounts[i], how)
		if err != nil {
			return err
		}
		c.sessions[i] = s
		managed, err := s.enter(ctx, g.sm)
		if err != nil {
			return fmt.Errorf("%s: %w", s.jid, err)
		}
		if managed {
			c.managed.Add(1)
		}
		if g.deaf == nil || !g.deaf(i) {
			mortal := g.mortal != nil && g.mortal(i)
			c.readers.Go(func() { c.read(s, mortal) })
		}
		return nil
	})
	if err == nil {
		err = r.identify(ctx, c.sessions[0])
	}
	if err != nil {
		c.close()
		return nil, nil, err
	}
	return c, ctx, nil
}

// read is the life of a session's reader.
func (c *crowd) read(s *session, mortal bool) {
	for {
		err := s.step()
		switch {
		case err == nil:
			continue
		case c.closing.Load():
		case mortal:
			c.lost.Add(1)
		default:
			c.stop(fmt.Errorf("%s: %w", s.jid, err))
		}
		return
	}
}

// farewell bounds the end of the streams: that of one write, and the time for all servers' ends to come.
const farewell = 5 * time.Second

// close ends all streams in good order, where the server takes part in that in time. Again it does nothing.
func (c *crowd) close() {
	if c.closing.Swap(true) {
		return
	}
	c.stop(context.Canceled)
	for _, s := range c.sessions {
		if s != nil {
			s.conn.SetWriteDeadline(time.Now().Add(farewell / 10))
			s.mu.Lock()
			s.conn.End() // closing follows, whatever comes of it
			s.mu.Unlock()
		}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.readers.Wait()
	}()
	late := time.NewTimer(farewell)
	defer late.Stop()
	select {
	case <-ended:
	case <-late.C:
	}
	for _, s := range c.sessions {
		if s != nil {
			s.conn.Close()
		}
	}
	<-ended
}

// each does something n times, as many at a time as logins may be, and stops at the first error. what, if not empty, is what it is,
// for a word of progress.
func (r *run) each(ctx context.Context, n int, what string, do func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		next, made atomic.Int64
		workers    sync.WaitGroup
	)
	for range min(n, r.Parallel) {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := do(ctx, i); err != nil {
					cancel(err)
					return
				}
				if m := made.Add(1); what != "" && (m%100 == 0 || m == int64(n)) {
					r.say("%d of %d %s", m, n, what)
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}
