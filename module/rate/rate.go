// Package rate bounds how often something may happen for each of many parties, in bounded memory.
package rate

import (
	"sync"
	"time"
)

// maxParties is how many parties a Limit knows at once.
const maxParties = 1 << 16

// Limit lets something happen a number of times within a span of time for each party, counted from the first time.
//
// When it knows as many parties as it can, a new one is refused until the span of another is over: memory is bounded, and whoever
// has very many addresses can only stop what is limited here.
type Limit[P comparable] struct {
	times int
	span  time.Duration

	mu      sync.Mutex
	parties map[P]window
	sweep   time.Time // before then no window ends
}

type window struct {
	used int
	ends time.Time
}

// New makes a limit. Zero times is no limit.
func New[P comparable](times int, span time.Duration) *Limit[P] {
	return &Limit[P]{times: times, span: span, parties: map[P]window{}}
}

// Spent reports whether a party has used up what it may.
func (l *Limit[P]) Spent(p P, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	w, ok := l.parties[p]
	return l.times > 0 && ok && now.Before(w.ends) && w.used >= l.times
}

// Take counts one time for a party, and reports whether it may.
func (l *Limit[P]) Take(p P, now time.Time) bool {
	if l.times <= 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	w, known := l.parties[p]
	switch {
	case !known && !l.room(now):
		return false
	case !known || !now.Before(w.ends):
		w = window{ends: now.Add(l.span)}
	case w.used >= l.times:
		return false
	}
	w.used++
	l.parties[p] = w
	return true
}

// room reports whether one more party can be known. It looks through all of them only when a window may have ended.
func (l *Limit[P]) room(now time.Time) bool {
	if len(l.parties) < maxParties {
		return true
	}
	if now.Before(l.sweep) {
		return false
	}
	l.sweep = now.Add(l.span)
	for p, w := range l.parties {
		if !now.Before(w.ends) {
			delete(l.parties, p)
		} else if w.ends.Before(l.sweep) {
			l.sweep = w.ends
		}
	}
	return len(l.parties) < maxParties
}
