package client

// Pending returns how many requests wait for an answer.
func Pending(s *Session) int {
	s.pending.mu.Lock()
	defer s.pending.mu.Unlock()
	return len(s.pending.open)
}

// SetCounters makes a session as if so many stanzas had been sent, and received, since it was enabled.
func SetCounters(s *Session, sent, received uint32) {
	s.out.mu.Lock()
	s.out.acks.sent = sent
	s.out.mu.Unlock()
	s.in.mu.Lock()
	s.in.received = s.in.before + uint64(received)
	s.in.mu.Unlock()
}
