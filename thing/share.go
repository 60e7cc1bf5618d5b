package thing

import (
	"context"
	"sync"
)

// reads lets those who want the same field at the same time have the same value: however many ask, nobody waits for more than the
// read that is under way and one of their own.
type reads struct {
	mu   sync.Mutex
	next map[string]*shared // by field: those whose turn has not come yet
}

// shared is one call of a field's Read for all who came before it began.
type shared struct {
	wanted int                // by how many, guarded by reads.mu
	cancel context.CancelFunc // for when that is nobody
	done   chan struct{}      // closed when what follows is there
	value  Value
	err    error
}

// read reads a field, alone or together with others. The error is what to tell who asked, or the end of ctx.
func (r *run) read(ctx context.Context, f *field) (Value, error) {
	s := r.join(ctx, f)
	select {
	case <-s.done:
		return s.value, s.err
	case <-ctx.Done():
		r.reads.leave(f.Name, s)
		return Value{}, context.Cause(ctx)
	}
}

// join returns the next read of the field. It ends when nobody wants it any more, not when the first who did has gone.
func (r *run) join(ctx context.Context, f *field) *shared {
	r.reads.mu.Lock()
	defer r.reads.mu.Unlock()
	s := r.reads.next[f.Name]
	if s == nil {
		lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
		s = &shared{cancel: cancel, done: make(chan struct{})}
		if r.reads.next == nil {
			r.reads.next = map[string]*shared{}
		}
		r.reads.next[f.Name] = s
		r.work.Go(func() {
			defer cancel()
			defer close(s.done)
			s.value, s.err = r.call(lasting, f.Name, f.Timeout, func(ctx context.Context) (Value, error) {
				r.reads.begin(f.Name, s)
				return f.Read(ctx)
			})
		})
	}
	s.wanted++
	return s
}

// begin is called when the turn has come: whoever comes now wants a value from after that.
func (r *reads) begin(field string, s *shared) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next[field] == s {
		delete(r.next, field)
	}
}

func (r *reads) leave(field string, s *shared) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.wanted--; s.wanted > 0 {
		return
	}
	s.cancel()
	if r.next[field] == s {
		delete(r.next, field)
	}
}
