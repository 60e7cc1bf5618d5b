package session

import "sync/atomic"

// Budget bounds in bytes what all sessions of a broker hold together for clients that read slowly, are away or do not acknowledge. The
// first of each session are free, so that those whose clients keep up never look at it. A nil *Budget bounds nothing.
type Budget struct{ left atomic.Int64 }

// NewBudget makes a budget of so many bytes.
func NewBudget(bytes int64) *Budget {
	b := &Budget{}
	b.left.Store(bytes)
	return b
}

const (
	free = 64 << 10 // bytes that each session may hold for nothing
	step = 64 << 10 // by which more is taken
)

// take reports whether there was so much left, and takes it.
func (b *Budget) take(n int) bool {
	if b == nil {
		return true
	}
	if b.left.Add(-int64(n)) < 0 {
		b.left.Add(int64(n))
		return false
	}
	return true
}

func (b *Budget) give(n int) {
	if b != nil && n > 0 {
		b.left.Add(int64(n))
	}
}

// held is what the session holds in bytes: queued, being written, and unacknowledged. mu is held.
func (s *Session) held() int {
	n := s.bytes + s.flying
	if s.keep != nil {
		n += s.keep.bytes
	}
	return n
}

// pay takes from the budget what the session holds beyond what is free. It reports false where too little is left. mu is held.
func (s *Session) pay() bool {
	over := s.held() - free - s.paid
	if over <= 0 {
		return true
	}
	more := (over + step - 1) / step * step
	if !s.settings.Budget.take(more) {
		return false
	}
	s.paid += more
	return true
}

// refund gives back what the session does not need any more. mu is held.
func (s *Session) refund() {
	if s.paid == 0 {
		return
	}
	need := max(0, s.held()-free+step-1) / step * step
	if need < s.paid {
		s.settings.Budget.give(s.paid - need)
		s.paid = need
	}
}
