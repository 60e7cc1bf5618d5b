package c2s

import (
	"errors"
	"time"
)

// Parking says how a test wants idle streams to be parked.
type Parking struct {
	After  time.Duration // how long they are idle before; 0 for never, ParkDeaf as for Server.Parking
	Parked chan struct{} // told of each stream that was parked, if it has room
}

// OpenFor is Open with another parking. Without any there is no goroutine that waits in the kernel, as synctest wants it.
func (s *Server) OpenFor(p Parking) error {
	s.open()
	switch p.After {
	case ParkDeaf:
		return nil
	case 0:
		s.park(nil, 0)
		return nil
	}
	inner := newParker(s.Log)
	if inner == nil {
		return errors.New("no parker")
	}
	s.park(&watched{inner, p.Parked}, p.After)
	return nil
}

// watched is a parker that tells of what it does.
type watched struct {
	parker
	parked chan struct{}
}

func (w *watched) park(c *conn, resume func()) bool {
	ok := w.parker.park(c, resume)
	if ok {
		select {
		case w.parked <- struct{}{}:
		default:
		}
	}
	return ok
}

func (w *watched) wake(c *conn) { w.parker.(waker).wake(c) }
