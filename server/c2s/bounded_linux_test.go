package c2s_test

import (
	"bytes"
	"crypto/tls"
	"net"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/comity-iot/comity/server/c2s"
)

// Two thousand clients begin a TLS record and fall silent, some behind its head, which says how much there will be, some in the middle.
// They hold no goroutine, and a buffer that is no larger than a record; those who go on are understood.
func TestThousandsOfHalfRecords(t *testing.T) {
	const n, most = 2000, 24 << 10
	leaves(t, func() {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		sockets := &sockets{Listener: l}
		parked := make(chan struct{}, 100*n)
		w := &parkedWorld{newWorld(t, options{
			listener: sockets, parking: c2s.Parking{After: soon, Parked: parked},
			settings: func(s *c2s.Settings) { s.Unlimited(); s.Sessions = n },
		}), l.Addr().String(), parked}
		w.tls.CurvePreferences = []tls.CurveID{tls.X25519} // the cheapest
		clients, rest := make([]*client, n), make([][]byte, n)
		for i := range clients {
			clients[i] = w.enter("juliet")
		}
		sockets.rest(w)
		goroutines, before := runtime.NumGoroutine(), held()
		for i, c := range clients {
			c.raw.(*pieces).write = func(to net.Conn, b []byte) error {
				part := len("\x17\x03\x03\x40\x11") // RFC 8446 §5.1
				if i%2 == 0 {
					part = len(b) / 2
				}
				if i%100 < 2 { // of the others it is not to be kept here
					rest[i] = bytes.Clone(b[part:])
				}
				_, err := to.Write(b[:part])
				return err
			}
			c.send("<message to='" + c.jid.String() + "' id='half'>" + strings.Repeat("x", 16_000) + "</message>")
		}
		sockets.rest(w)
		for runtime.NumGoroutine() > goroutines+stay { // the last are just ending
			runtime.Gosched()
		}
		each := (held() - before) / n
		t.Logf("part of a record costs %d bytes; all %d have %d goroutines", each, n, runtime.NumGoroutine()-goroutines)
		if each > most {
			t.Errorf("that is more than %d bytes", most)
		}
		for i, c := range clients {
			if rest[i] != nil {
				if _, err := c.raw.(*pieces).Conn.Write(rest[i]); err != nil {
					t.Fatal(err)
				}
				if got := c.expect("message").Attr("id"); got != "half" {
					t.Errorf("message %q", got)
				}
			}
			c.conn.Close()
		}
		w.ended()
	})
}

// sockets keeps the connections that it accepts.
type sockets struct {
	net.Listener
	mu  sync.Mutex
	all []syscall.RawConn
}

func (l *sockets) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, raw)
	return c, nil
}

// rest waits until nothing that clients have sent is unread, and all streams are parked.
func (l *sockets) rest(w *parkedWorld) {
	w.t.Helper()
	l.mu.Lock()
	all := l.all
	l.mu.Unlock()
	for _, raw := range all {
		for unread(raw) {
			<-w.parked
		}
	}
	for w.Parked() < len(all) {
		<-w.parked
	}
}

// unread reports whether a socket has something to be read.
func unread(raw syscall.RawConn) (some bool) {
	raw.Control(func(fd uintptr) {
		n, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		some = n > 0 && err == nil
	})
	return some
}
