package c2s

import (
	"context"
	"net"
	"time"

	"github.com/comity-iot/comity/xmpp/transport"
)

// An idle stream is parked: its goroutine ends and its buffers are freed; what is left is the connection and its state. One
// goroutine waits for all parked streams together and gives a stream a goroutine again when its client has sent something.
// A stream stays on its goroutine for parkAfter, for one that has just spoken will often speak again. One that had been parked for
// longer than that speaks now and then, as most things do: it reads what there is, without waiting, and is parked again at once.
//
// A read that runs into its deadline can go on later, over TLS too: crypto/tls does not keep an error that is a time-out, which is
// proved at the start (transport.ReadsResume). A write that fails is final (transport.Conn), and never comes here.

// parkAfter is how long a stream is idle before it is parked, at most; half of it at least.
const parkAfter = time.Second

// What Server.Parking may be, besides a time. A broker chooses for itself; tests try them all.
const (
	// ParkNever lets each stream keep its goroutine, as it is where there is no epoll.
	ParkNever time.Duration = -1
	// ParkDeaf does so too, and nothing ends its reads, as it is where TLS does not go on after a time-out.
	ParkDeaf time.Duration = -2
)

// parker waits for what parked streams receive.
type parker interface {
	// park lets the stream go until it has something to read or is closed: then resume is called, once. It returns false where the
	// stream cannot be parked, and its goroutine has to go on.
	park(c *conn, resume func()) bool
	// close ends the waiting, after which nothing can be parked.
	close()
}

// conn is a client's socket. Closing it wakes a parked stream.
type conn struct {
	net.Conn
	parker parker  // nil where there is none
	id     uint64  // of the parker; 0 before the first time
	sys    sysConn // of the parker
	eager  bool    // a read takes what there is and does not wait
}

// Close closes the socket.
func (c *conn) Close() error {
	err := c.Conn.Close()
	if w, ok := c.parker.(waker); ok {
		w.wake(c)
	}
	return err
}

// waker is a parker that must be told of a socket that is closed.
type waker interface{ wake(*conn) }

// run serves the stream until it ends or is parked.
func (st *clientStream) run(ctx context.Context) {
	for {
		err := st.next(ctx)
		switch {
		case err == nil:
		case err == errIdle:
			if st.parkNow(ctx) {
				return
			}
		default:
			st.end(err)
			return
		}
	}
}

// parkNow reports whether the stream is parked. Nothing of it may be touched then: it may run already on another goroutine.
func (st *clientStream) parkNow(ctx context.Context) bool {
	rester, ok := st.conn.(transport.Rester)
	if !ok || st.raw.parker == nil {
		return false
	}
	idle, partial := rester.Rest(st.server.Settings.TrimTLS)
	if !idle {
		return false
	}
	st.alarm = time.Time{}
	st.conn.SetReadDeadline(time.Time{}) // or a timer would run for nobody
	st.parked = time.Now()
	st.owes(partial)
	if st.raw.parker.park(st.raw, func() { st.resume(ctx) }) {
		return true
	}
	st.paid()
	st.raw.eager = false
	return false
}

// resume goes on with a parked stream.
func (st *clientStream) resume(ctx context.Context) {
	st.paid()
	st.raw.eager = st.server.idle > 0 && time.Since(st.parked) >= st.server.idle
	st.run(ctx)
}

// owes cuts the connection of a client that has begun a TLS record and does not end it, in the time that there is for an element.
func (st *clientStream) owes(partial bool) {
	if !partial {
		st.begun = time.Time{}
		return
	}
	if st.begun.IsZero() {
		st.begun = st.parked
	}
	st.late = time.AfterFunc(st.begun.Add(st.server.Settings.Element).Sub(st.parked), func() { st.raw.Close() })
}

// paid stops the clock that owes has set.
func (st *clientStream) paid() {
	if st.late != nil {
		st.late.Stop()
		st.late = nil
	}
}
