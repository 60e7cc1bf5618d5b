package session

// SetCounters puts a session whose client has acknowledged everything close to where its numbers wrap.
func (s *Session) SetCounters(sent, handled uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep.sent, s.keep.handled = sent, handled
}

// Left is what nobody has taken.
func (b *Budget) Left() int64 { return b.left.Load() }
