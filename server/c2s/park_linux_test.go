package c2s_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/comity-iot/comity/server/c2s"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// soon is an idle time so short that streams are parked all the time.
const soon = 2 * time.Millisecond

// always is so short that hardly any stream waits before it is parked, and long enough for a read.
const always = 200 * time.Microsecond

// parked is a world on sockets whose streams are parked, and where that can be waited for.
type parkedWorld struct {
	*world
	addr   string
	parked chan struct{}
}

func newParkedWorld(t testing.TB, after time.Duration, set func(*c2s.Settings)) *parkedWorld {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	parked := make(chan struct{}, 2000)
	w := newWorld(t, options{settings: set, listener: l, parking: c2s.Parking{After: after, Parked: parked}})
	return &parkedWorld{w, l.Addr().String(), parked}
}

// pieces is a client's socket that sends what is written to it in pieces.
type pieces struct {
	net.Conn
	write func(net.Conn, []byte) error // nil: as it comes
}

func (p *pieces) Write(b []byte) (int, error) {
	if p.write == nil {
		return p.Conn.Write(b)
	}
	if err := p.write(p.Conn, b); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (w *parkedWorld) dial() (*client, *pieces) {
	w.t.Helper()
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	p := &pieces{Conn: c}
	return w.over(p), p
}

func (w *parkedWorld) enter(user string) *client {
	w.t.Helper()
	c, _ := w.dial()
	return c.enter(user)
}

// forget makes wait tell of what is parked from now on.
func (w *parkedWorld) forget() {
	for {
		select {
		case <-w.parked:
		default:
			return
		}
	}
}

// descriptors counts what the process has open.
func descriptors(t testing.TB) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// leaves fails the test if what fn began is not all ended and closed.
func leaves(t *testing.T, fn func()) {
	t.Helper()
	ignore, before := goleak.IgnoreCurrent(), descriptors(t)
	fn()
	if err := goleak.Find(ignore); err != nil {
		t.Error(err)
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors more than before", after-before)
	}
}

// However a client's bytes are cut, and whether its stream is parked between two of them, in the middle of a TLS record too: each
// message comes back, in order, and what is sent to the client meanwhile reaches it.
func TestParkAnywhere(t *testing.T) {
	for name, set := range map[string]func(*c2s.Settings){"plain": plaintext, "TLS": nil} {
		for _, after := range []time.Duration{always, soon, 0} {
			t.Run(fmt.Sprint(name, " ", after), func(t *testing.T) {
				leaves(t, func() {
					w := newParkedWorld(t, after, set)
					rapid.Check(t, func(rt *rapid.T) { talk(rt, w, set == nil, after > 0) })
					w.ended()
				})
			})
		}
	}
}

func talk(t *rapid.T, w *parkedWorld, secure, parks bool) {
	c, socket := w.dial()
	c.enter("juliet")
	defer c.conn.Close()
	n := rapid.IntRange(1, 4).Draw(t, "messages")
	answers := make(chan error, 1)
	go func() { answers <- c.collect(n, n) }()
	socket.write = func(to net.Conn, b []byte) error {
		for len(b) > 0 {
			k := min(len(b), rapid.SampledFrom([]int{1, 3, 5, 6, 30, 10_000}).Draw(t, "piece"))
			w.forget()
			if _, err := to.Write(b[:k]); err != nil {
				return err
			}
			b = b[k:]
			// With TLS the stream is between two elements until a record is whole; without only at the end.
			if parks && (secure || len(b) == 0) && rapid.IntRange(0, 9).Draw(t, "pause") < 3 {
				<-w.parked
			}
		}
		return nil
	}
	var script string
	for i := range n {
		text := strings.Repeat("x", rapid.SampledFrom([]int{0, 20, 3000}).Draw(t, "size"))
		script += "<message to='" + c.jid.String() + "' id='" + strconv.Itoa(i) + "'>" + text + "</message>"
		if i == n-1 || rapid.Bool().Draw(t, "record ends") {
			if err := c.conn.Write(raw(script)); err != nil {
				t.Fatal(err)
			}
			script = ""
		}
	}
	for range n { // while it is parked, or not
		w.Router.Get(c.jid).Send(stanza.NewMessage(c.jid, stanza.Chat))
	}
	if err := <-answers; err != nil {
		t.Fatal(err)
	}
	if w.Router.Get(c.jid) == nil {
		t.Fatal("the session has ended")
	}
}

// collect reads until both so many of the client's own messages have come back, in order, and so many of others have come.
func (c *client) collect(own, others int) error {
	for next := 0; next < own || others > 0; {
		kind, err := c.conn.Next()
		if err != nil || kind != xmlstream.Complete {
			return fmt.Errorf("after %d messages: kind %d, %w", next, kind, err)
		}
		switch id := c.conn.Tokens().Element().Attr("id"); id {
		case "":
			others--
		case strconv.Itoa(next):
			next++
		default:
			return fmt.Errorf("message %s, want %d", id, next)
		}
	}
	return nil
}

// A stream that is parked ends like any other, whoever ends it.
func TestEndWhileParked(t *testing.T) {
	for name, end := range map[string]func(*parkedWorld, *client){
		"the client cuts": func(_ *parkedWorld, c *client) { c.conn.Close() },
		"the client resets": func(_ *parkedWorld, c *client) {
			c.raw.(*pieces).Conn.(*net.TCPConn).SetLinger(0)
			c.raw.Close()
		},
		"the client ends": func(_ *parkedWorld, c *client) { c.send("</stream:stream>"); c.ends("") },
		"the session ends": func(w *parkedWorld, c *client) {
			w.Router.Get(c.jid).Close(stream.NotAuthorized)
			c.ends(stream.NotAuthorized)
		},
		"the broker ends": func(w *parkedWorld, c *client) { go w.ended(); c.ends(stream.SystemShutdown) },
	} {
		t.Run(name, func(t *testing.T) {
			leaves(t, func() {
				w := newParkedWorld(t, soon, plaintext)
				c := w.enter("juliet")
				for w.Parked() == 0 {
					<-w.parked
				}
				end(w, c)
				for w.Count() > 0 {
					runtime.Gosched()
				}
				if w.Router.Get(c.jid) != nil {
					t.Error("the session goes on")
				}
				c.conn.Close()
				w.ended()
			})
		})
	}
}

// Closing and parking at the same moment: whichever comes first, the stream ends.
func TestEndWhileParking(t *testing.T) {
	leaves(t, func() {
		w := newParkedWorld(t, time.Millisecond, plaintext)
		var work sync.WaitGroup
		for range 4 {
			work.Go(func() {
				for range 25 {
					c := w.enter("juliet")
					w.Router.Get(c.jid).Close(stream.Reset)
					c.ends(stream.Reset)
				}
			})
		}
		work.Wait()
		w.ended()
		if n := w.Count(); n > 0 {
			t.Errorf("%d streams are left", n)
		}
	})
}

// A thousand streams are parked and hold no goroutine; the end of the broker reaches all of them.
func TestThousandParked(t *testing.T) {
	const n = 1000
	leaves(t, func() {
		w := newParkedWorld(t, 20*time.Millisecond, func(s *c2s.Settings) { plaintext(s); s.Sessions, s.PerAddress = n, 0 })
		before := runtime.NumGoroutine()
		clients := make([]*client, n)
		for i := range clients {
			clients[i] = w.enter("juliet")
		}
		for w.Parked() < n {
			<-w.parked
		}
		for runtime.NumGoroutine() > before+5 { // the last are just ending
			runtime.Gosched()
		}
		clients[n/2].echo("still here")
		go w.ended()
		for _, c := range clients {
			c.ends(stream.SystemShutdown)
		}
		w.ended()
	})
}

// A client that leaves half a record behind costs its buffer, which is bounded, and no goroutine; whenever the rest comes it is
// understood.
func TestHalfRecords(t *testing.T) {
	const n, each = 50, 64 << 10
	leaves(t, func() {
		w := newParkedWorld(t, soon, func(s *c2s.Settings) { s.Sessions = n })
		clients, rest := make([]*client, n), make([][]byte, n)
		for i := range clients {
			clients[i] = w.enter("juliet")
		}
		for w.Parked() < n {
			<-w.parked
		}
		goroutines, before := runtime.NumGoroutine(), heap()
		for i, c := range clients {
			c.raw.(*pieces).write = func(to net.Conn, b []byte) error {
				w.forget()
				half := len(b) - 10
				rest[i] = bytes.Clone(b[half:])
				_, err := to.Write(b[:half])
				return err
			}
			c.send("<message to='" + c.jid.String() + "' id='half'>" + strings.Repeat("x", 15_000) + "</message>")
			<-w.parked
		}
		for w.Parked() < n {
			<-w.parked
		}
		if cost := (heap() - before) / n; cost > each {
			t.Errorf("half a record costs %d bytes", cost)
		}
		if more := runtime.NumGoroutine() - goroutines; more > 2 {
			t.Errorf("%d goroutines more", more)
		}
		for i, c := range clients {
			if _, err := c.raw.(*pieces).Conn.Write(rest[i]); err != nil {
				t.Fatal(err)
			}
			if got := c.expect("message").Attr("id"); got != "half" {
				t.Errorf("message %q", got)
			}
			c.conn.Close()
		}
		w.ended()
	})
}

// Whoever leaves half a record behind for too long is cut off; with a session that is kept, it can be resumed.
func TestHalfRecordIsLate(t *testing.T) {
	for _, after := range []time.Duration{always, soon} {
		leaves(t, func() {
			w := newParkedWorld(t, after, func(s *c2s.Settings) { s.Element = 50 * time.Millisecond })
			c := w.enter("juliet")
			idle := w.enter("juliet")
			c.raw.(*pieces).write = func(to net.Conn, b []byte) error {
				_, err := to.Write(b[:len(b)-1])
				return err
			}
			c.send("<message to='" + c.jid.String() + "'/>")
			c.gone()
			for w.Router.Get(c.jid) != nil {
				runtime.Gosched()
			}
			idle.echo("silence is no crime")
			idle.conn.Close()
			c.conn.Close()
			w.ended()
		})
	}
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
