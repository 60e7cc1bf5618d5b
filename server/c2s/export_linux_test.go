package c2s

// Parked counts the streams that are parked.
func (s *Server) Parked() int {
	e := s.parker.(*watched).parker.(*epoll)
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.parked)
}
