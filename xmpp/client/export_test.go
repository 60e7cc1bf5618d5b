package client

// Pending returns how many requests wait for an answer.
func Pending(s *Session) int {
	s.pending.mu.Lock()
	defer s.pending.mu.Unlock()
	return len(s.pending.open)
}
