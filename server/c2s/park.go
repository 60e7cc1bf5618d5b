package c2s

import (
	"context"
	"net"
	"time"

	"github.com/comity-iot/comity/xmpp/transport"
)

// An idle stream is parked: its goroutine ends and its buffers are freed; what is left is the connection and its state. One
// goroutine waits for all parked streams together and gives a stream a goroutine again when its client has sent something.
// A stream stays on its goroutine for parkAfter, for one that has just spoken will often speak again.
//
// A read that runs into its deadline can go on later, over TLS too: crypto/tls does not keep an error that is a time-out, which is
// proved at the start (transport.ReadsResume). A write that fails is final (transport.Conn), and never comes here.

// parkAfter is how long a stream is idle before it is parked, at most; half of it at least.
const parkAfter = time.Second

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
	parker parker // nil where there is none
	id     uint64 // of the parker; 0 before the first time
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
	if !ok || st.raw.parker == nil || !rester.Rest() {
		return false
	}
	st.alarm = time.Time{}
	return st.raw.parker.park(st.raw, func() { st.run(ctx) })
}
