package session

import "sync"

// Workers run the writers of many sessions on goroutines that are used again: one that has written over TLS has a stack that is
// large enough for the next, where a new one would have to grow it. A nil *Workers runs each on a new one.
type Workers struct {
	jobs chan func()
	quit chan struct{}
	work sync.WaitGroup
	kept chan struct{} // a token for each goroutine that stays
}

// NewWorkers makes workers of which so many stay when their work is done. Any number may be at work.
func NewWorkers(stay int) *Workers {
	return &Workers{jobs: make(chan func()), quit: make(chan struct{}), kept: make(chan struct{}, stay)}
}

// Go runs job on another goroutine.
func (w *Workers) Go(job func()) {
	if w == nil {
		go job()
		return
	}
	select {
	case w.jobs <- job:
	default:
		w.work.Go(func() { w.run(job) })
	}
}

func (w *Workers) run(job func()) {
	job()
	select {
	case w.kept <- struct{}{}:
	default:
		return // enough of them stay
	}
	for {
		select {
		case job := <-w.jobs:
			job()
		case <-w.quit:
			return
		}
	}
}

// Close ends the workers that have nothing to do, and waits for the others. Nothing is given to Go any more.
func (w *Workers) Close() {
	close(w.quit)
	w.work.Wait()
}
