package main

import (
	"context"
	"sync"
)

// maxQueued bounds what waits in a queue; more is dropped, for whoever sends so much is up to no good.
const maxQueued = 10_000

// queue hands what handlers of a session see, which must not block, to who waits for it.
type queue[T any] struct {
	more chan struct{} // has an item when there is something

	mu    sync.Mutex
	items []T
}

func newQueue[T any]() *queue[T] { return &queue[T]{more: make(chan struct{}, 1)} }

// put never blocks.
func (q *queue[T]) put(item T) {
	q.mu.Lock()
	if len(q.items) < maxQueued {
		q.items = append(q.items, item)
	}
	q.mu.Unlock()
	select {
	case q.more <- struct{}{}:
	default:
	}
}

// empty reports whether there is nothing to take.
func (q *queue[T]) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) == 0
}

// next waits for an item. The error is the context's.
func (q *queue[T]) next(ctx context.Context) (item T, err error) {
	for {
		q.mu.Lock()
		if len(q.items) > 0 {
			item, q.items = q.items[0], q.items[1:]
			q.mu.Unlock()
			return item, nil
		}
		q.mu.Unlock()
		select {
		case <-q.more:
		case <-ctx.Done():
			return item, context.Cause(ctx)
		}
	}
}
