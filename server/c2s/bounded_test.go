package c2s_test

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/server/c2s"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
)

// A thousand clients stop reading while another sends to all of them. What the server holds for each is bounded, also where a write
// takes all that waits just before the client stops again; those whose queue is full are told so and end; and meanwhile neither their
// sender nor anybody else waits at all, by a clock that stands still as long as there is work.
func TestClosedWindows(t *testing.T) {
	const n, queue = 1000, 32 << 10
	inTime(t, options{settings: func(s *c2s.Settings) {
		s.Unlimited()
		s.Sessions, s.QueueBytes = n, queue
	}}, func(t *testing.T, w *world) {
		f := w.flood(n)
		synctest.Wait()
		goroutines, before, begun := runtime.NumGoroutine(), held(), time.Now()
		f.turn(shut)
		cost := func(most int) {
			t.Helper()
			synctest.Wait()
			each, goroutines := (held()-before)/n, runtime.NumGoroutine()-goroutines
			t.Logf("a closed window costs %d bytes, of a queue of %d; all %d have %d goroutines", each, queue, n, goroutines)
			if each > most || goroutines > n+stay {
				t.Errorf("that is more than %d bytes or a goroutine", most)
			}
		}
		// Beside what waits there is what is being written, as stanzas and as bytes. A stanza of this size takes less than twice the
		// memory that is counted for it.
		f.rounds(t, queue*3/4)
		cost(2 * queue)
		f.turn(once)
		synctest.Wait()
		f.rounds(t, queue*3/4)
		cost(5 * queue)
		if got := f.alive(); got != n {
			t.Fatalf("%d sessions go on, want %d: no queue is full", got, n)
		}
		f.rounds(t, queue*3/4)
		if got := f.alive(); got > 0 {
			t.Fatalf("%d sessions go on with queues that are more than full", got)
		}
		if took := time.Since(begun); took > 0 {
			t.Errorf("somebody waited for %v", took)
		}
		f.turn(open)
		for _, c := range f.clients {
			el := c.next()
			for el.Is(stanza.Client, "message") {
				el = c.next()
			}
			if got := stream.ParseError(el); got.Condition != stream.PolicyViolation {
				t.Fatalf("ended with %v", got)
			}
			c.ends("")
		}
		if left := runtime.NumGoroutine() - goroutines + n; left > stay {
			t.Errorf("%d goroutines are left of those that wrote", left)
		}
	})
}

// Clients that never read again are cut off soon after their queues were full. On a real clock: that of synctest stands still while
// somebody waits for the lock of a write.
func TestClosedWindowsForGood(t *testing.T) {
	const n, queue = 20, 16 << 10
	w := newWorld(t, options{settings: func(s *c2s.Settings) {
		plaintext(s)
		s.Unlimited()
		s.QueueBytes, s.Write = queue, time.Hour
	}})
	f := w.flood(n)
	f.turn(shut)
	f.rounds(t, 2*queue)
	for _, c := range f.clients {
		c.gone()
	}
	for f.one.pass(f.other); w.Count() > 3; {
		runtime.Gosched()
	}
}

// stay is more than how many goroutines wait to write when their work is done.
const stay = 50

// flood is one client who sends to many, and two others.
type flood struct {
	w                  *world
	sender, one, other *client
	clients            []*client
	valves             []*valve
	sent               int
}

func (w *world) flood(n int) *flood {
	w.people.add("mercutio")
	w.people.add("benvolio")
	f := &flood{w: w, sender: w.enter("juliet"), one: w.enter("mercutio"), other: w.enter("benvolio")}
	for range n {
		c, v := w.valved("romeo")
		f.clients, f.valves = append(f.clients, c), append(f.valves, v)
	}
	return f
}

func (f *flood) turn(to position) {
	for _, v := range f.valves {
		v.turn(to)
	}
}

// rounds sends each client so many bytes, as they count in a queue; or less where its session has ended. After each stanza to all, the
// sender and the others show that they are not held up.
func (f *flood) rounds(t *testing.T, bytes int) {
	t.Helper()
	const size = 1024
	body := "<body>" + strings.Repeat("x", size-len("<body></body>")) + "</body>"
	for range bytes / (size + 256) { // which stand for a start tag
		f.sent++
		for _, c := range f.clients { // errors do not come back
			f.sender.send(fmt.Sprintf("<message to='%s' type='error' id='%d'>%s</message>", c.jid, f.sent, body))
		}
		f.sender.echo("handled")
		f.one.pass(f.other)
		f.other.pass(f.one)
	}
}

// alive counts the sessions that go on.
func (f *flood) alive() int { return len(f.w.Router.Of(f.clients[0].jid.Bare())) }

// A client that reads nothing is given up even where little is sent to it.
func TestClosedWindowInTime(t *testing.T) {
	inTime(t, options{}, func(t *testing.T, w *world) {
		c, v := w.valved("romeo")
		v.turn(shut)
		begun := time.Now()
		w.Router.Get(c.jid).Send(stanza.NewMessage(c.jid, stanza.Headline))
		c.gone()
		if took := time.Since(begun); took != w.Settings.Write || w.Router.Get(c.jid) != nil {
			t.Errorf("after %v", took)
		}
	})
}

// pass sends a message to another client, who gets it.
func (c *client) pass(to *client) {
	c.t.Helper()
	c.send("<message to='" + to.jid.String() + "' id='pass'/>")
	if got := to.expect("message"); got.Attr("from") != c.jid.String() {
		c.t.Fatalf("got %v", got)
	}
}

// valved is a client with a session, and what lets through what the server says to it.
func (w *world) valved(user string) (*client, *valve) {
	w.t.Helper()
	here, there := pipeFrom("127.0.0.1:4711")
	v := &valve{Conn: there, turned: make(chan struct{})}
	w.dials <- v
	return w.over(here).enter(user), v
}

// valve is a server's socket whose writes wait, as they do when TCP's window is closed: until it is opened, the deadline or the end.
type valve struct {
	net.Conn

	mu     sync.Mutex
	at     position
	due    time.Time
	turned chan struct{} // closed when any of this changes
}

type position int

const (
	open position = iota
	once          // for one write
	shut
)

func (v *valve) change(how func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	how()
	close(v.turned)
	v.turned = make(chan struct{})
}

func (v *valve) turn(to position) { v.change(func() { v.at = to }) }

// through reports whether a write may go, and else what to wait for and until when.
func (v *valve) through() (bool, chan struct{}, time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	at := v.at
	if at == once {
		v.at = shut
	}
	return at != shut, v.turned, v.due
}

func (v *valve) Write(p []byte) (int, error) {
	for {
		ok, turned, due := v.through()
		if ok {
			return v.Conn.Write(p)
		}
		late := time.NewTimer(time.Until(due))
		select {
		case <-turned:
			late.Stop()
		case <-late.C:
			return 0, os.ErrDeadlineExceeded
		}
	}
}

func (v *valve) SetWriteDeadline(due time.Time) error {
	v.change(func() { v.due = due })
	return v.Conn.SetWriteDeadline(due)
}

func (v *valve) Close() error {
	v.turn(open)
	return v.Conn.Close()
}

// held is what the program holds in bytes, in its heap and on its stacks.
func held() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}
