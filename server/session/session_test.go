package session_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server/session"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// wire is a connection whose writes can be held up and made to fail.
type wire struct {
	mu     sync.Mutex
	open   *sync.Cond
	got    []string // bodies of messages, "error:condition", "end", "closed"
	writes int
	held   bool
	broken bool
}

func newWire() *wire {
	w := &wire{}
	w.open = sync.NewCond(&w.mu)
	return w
}

func (w *wire) Write(items ...xmlstream.Appender) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.held && !w.broken {
		w.open.Wait()
	}
	if w.broken {
		return errors.New("broken")
	}
	w.writes++
	for _, it := range items {
		if st, ok := it.(*stanza.Stanza); ok {
			w.got = append(w.got, st.Body())
			continue
		}
		x := string(it.AppendXML(nil, stanza.Client))
		if _, rest, ok := strings.Cut(x, "<stream:error><"); ok {
			x = "error:" + rest[:strings.IndexByte(rest, ' ')]
		}
		w.got = append(w.got, x)
	}
	return nil
}

func (w *wire) End() error                       { w.note("end"); return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

func (w *wire) Close() error {
	w.breakIt()
	w.note("closed")
	return nil
}

func (w *wire) note(s string) {
	w.mu.Lock()
	w.got = append(w.got, s)
	w.mu.Unlock()
}

func (w *wire) hold(on bool) {
	w.mu.Lock()
	w.held = on
	w.mu.Unlock()
	w.open.Broadcast()
}

func (w *wire) breakIt() {
	w.mu.Lock()
	w.broken = true
	w.mu.Unlock()
	w.open.Broadcast()
}

func (w *wire) log() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.got)
}

// fate records what became of a session.
type fate struct {
	mu          sync.Mutex
	ended       int
	undelivered []string
}

func (f *fate) hooks() *session.Hooks {
	return &session.Hooks{
		Ended: func(*session.Session) {
			f.mu.Lock()
			f.ended++
			f.mu.Unlock()
		},
		Undelivered: func(_ *session.Session, sts []*stanza.Stanza) {
			f.mu.Lock()
			for _, st := range sts {
				f.undelivered = append(f.undelivered, st.Body())
			}
			f.mu.Unlock()
		},
	}
}

func msg(body string) *stanza.Stanza {
	return stanza.NewMessage(jid.MustParse("juliet@example.com/balcony"), stanza.Chat,
		xmlstream.New(stanza.Client, "body", xmlstream.Text(body)))
}

var settings = &session.Settings{Queue: 10, QueueBytes: 1 << 20, Write: time.Minute}

func newSession(w *wire, f *fate) *session.Session {
	return session.New(jid.MustParse("juliet@example.com/balcony"), w, time.Now(), settings, f.hooks())
}

func TestOneWriteForAllThatIsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, f := newWire(), &fate{}
		s := newSession(w, f)
		w.hold(true)
		s.Send(msg("1"))
		synctest.Wait() // the writer is at work on the first
		for i := range 5 {
			s.Send(msg(fmt.Sprint(i + 2)))
		}
		w.hold(false)
		synctest.Wait()
		if got := w.log(); !slices.Equal(got, []string{"1", "2", "3", "4", "5", "6"}) {
			t.Errorf("sent %q", got)
		}
		if w.writes != 2 {
			t.Errorf("%d writes, want 2", w.writes)
		}
		s.Close(nil)
		s.Wait()
		if f.ended != 1 || len(f.undelivered) > 0 {
			t.Errorf("ended %d times, undelivered %q", f.ended, f.undelivered)
		}
	})
}

func TestCloseSendsWhatIsQueuedThenTheError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, f := newWire(), &fate{}
		s := newSession(w, f)
		s.Send(msg("1"))
		s.Send(msg("2"))
		s.Close(stream.SystemShutdown)
		s.Wait()
		want := []string{"1", "2", "error:system-shutdown", "end", "closed"}
		if got := w.log(); !slices.Equal(got, want) {
			t.Errorf("sent %q, want %q", got, want)
		}
		s.Send(msg("late"))
		if !slices.Equal(f.undelivered, []string{"late"}) {
			t.Errorf("undelivered %q", f.undelivered)
		}
	})
}

// A receiver that does not read loses its session; its senders are not held up, and nothing is lost.
func TestSlowReceiverIsCutOff(t *testing.T) {
	w, f := newWire(), &fate{}
	s := newSession(w, f)
	w.hold(true)
	var want []string
	for i := range 20 {
		s.Send(msg(fmt.Sprint(i)))
		want = append(want, fmt.Sprint(i))
	}
	w.breakIt() // as the write deadline does
	s.Wait()
	// The last were sent after the end, and may come before those that waited.
	if f.ended != 1 || len(f.undelivered) != 20 {
		t.Errorf("ended %d times, undelivered %q, want all 20", f.ended, f.undelivered)
	}
	waited := slices.DeleteFunc(slices.Clone(f.undelivered), func(body string) bool { return len(body) > 1 })
	if !slices.Equal(waited, want[:10]) {
		t.Errorf("what waited is undelivered as %q", waited)
	}
}

func TestDetachWithoutStreamManagementEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, f := newWire(), &fate{}
		s := newSession(w, f)
		w.hold(true)
		s.Send(msg("in flight"))
		synctest.Wait()
		s.Send(msg("queued"))
		s.Detach(w)
		s.Wait()
		slices.Sort(f.undelivered)
		if f.ended != 1 || !slices.Equal(f.undelivered, []string{"in flight", "queued"}) {
			t.Errorf("ended %d times, undelivered %q", f.ended, f.undelivered)
		}
	})
}

type text string

func (t text) AppendXML(dst []byte, _ string) []byte { return append(dst, t...) }

func reply(uint32) xmlstream.Appender { return text("resumed") }

// XEP-0198#resumption
func TestResumeSendsAgainWhatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, f := newWire(), &fate{}
		s := newSession(w, f)
		s.Keep(100, time.Minute, text("enabled"))
		for i := range 4 {
			s.Send(msg(fmt.Sprint(i + 1)))
			synctest.Wait()
		}
		if err := s.Acked(1); err != nil {
			t.Fatal(err)
		}
		s.Detach(w)
		s.Send(msg("5")) // while away
		time.Sleep(59 * time.Second)
		if err := s.Resume(newWire(), 9, reply); !errors.Is(err, session.ErrNeverSent) {
			t.Errorf("resumed with a number never sent: %v", err)
		}
		again := newWire()
		if err := s.Resume(again, 2, reply); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got, want := again.log(), []string{"resumed", "3", "4", "5"}; !slices.Equal(got, want) {
			t.Errorf("sent %q, want %q", got, want)
		}
		if s.Sent() != 5 || s.Unacked() != 3 {
			t.Errorf("sent %d, unacknowledged %d", s.Sent(), s.Unacked())
		}
		if err := s.Acked(5); err != nil {
			t.Error(err)
		}
		s.Detach(again)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if f.ended != 1 || len(f.undelivered) > 0 {
			t.Errorf("ended %d times, undelivered %q", f.ended, f.undelivered)
		}
		if err := s.Resume(newWire(), 5, reply); !errors.Is(err, session.ErrGone) {
			t.Errorf("resumed after its end: %v", err)
		}
	})
}

func TestUnacknowledgedIsUndeliveredInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, f := newWire(), &fate{}
		s := newSession(w, f)
		s.Keep(100, time.Minute, text("enabled"))
		for i := range 3 {
			s.Send(msg(fmt.Sprint(i + 1)))
			synctest.Wait()
		}
		s.Detach(w)
		s.Send(msg("4"))
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if want := []string{"1", "2", "3", "4"}; !slices.Equal(f.undelivered, want) {
			t.Errorf("undelivered %q, want %q", f.undelivered, want)
		}
	})
}

func TestResumeTakesOverALiveStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, f := newWire(), &fate{}
		s := newSession(w, f)
		s.Keep(100, time.Minute, text("enabled"))
		w.hold(true)
		s.Send(msg("1"))
		synctest.Wait()
		again := newWire()
		if err := s.Resume(again, 0, reply); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got, want := again.log(), []string{"resumed", "1"}; !slices.Equal(got, want) {
			t.Errorf("sent %q, want %q", got, want)
		}
		if f.ended != 0 {
			t.Error("ended")
		}
		s.Close(nil)
		s.Wait()
	})
}

// A client is sent so much and no more until it acknowledges some; when too much waits the session ends. XEP-0198#acking
func TestClientThatNeverAcknowledges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, f := newWire(), &fate{}
		s := newSession(w, f) // of whose stanzas 10 may wait
		s.Keep(5, time.Minute, text("enabled"))
		for i := range 14 {
			s.Send(msg(fmt.Sprint(i + 1)))
			synctest.Wait()
		}
		s.Push(text("a"))
		synctest.Wait()
		if got, want := w.log(), []string{"enabled", "1", "2", "3", "4", "5", "a"}; !slices.Equal(got, want) {
			t.Errorf("sent %q, want %q", got, want)
		}
		if f.ended != 0 {
			t.Fatal("ended while there was room")
		}
		s.Send(msg("15"))
		s.Send(msg("16"))
		s.Wait()
		var all []string
		for i := range 16 {
			all = append(all, fmt.Sprint(i+1))
		}
		if f.ended != 1 || !slices.Equal(f.undelivered, all) {
			t.Errorf("ended %d times, undelivered %q", f.ended, f.undelivered)
		}
		if got := w.log(); !slices.Contains(got, "error:policy-violation") {
			t.Errorf("not told why: %q", got)
		}
	})
}

// What waits for room is sent as the client acknowledges, in its order.
func TestRoomForMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, f := newWire(), &fate{}
		s := newSession(w, f)
		s.Keep(3, time.Minute, text("enabled"))
		want := []string{"enabled"}
		for i := range 8 {
			s.Send(msg(fmt.Sprint(i + 1)))
			want = append(want, fmt.Sprint(i+1))
		}
		for h := range 8 {
			synctest.Wait()
			if got := w.log(); !slices.Equal(got, want[:1+min(h+3, 8)]) {
				t.Fatalf("after %d: sent %q", h, got)
			}
			if err := s.Acked(uint32(h + 1)); err != nil {
				t.Fatal(err)
			}
		}
		s.Close(nil)
		s.Wait()
		if len(f.undelivered) > 0 {
			t.Errorf("undelivered %q", f.undelivered)
		}
	})
}

// All that may wait may also wait after a resumption, when what was sent waits again.
func TestResumeWithAllThatMayWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, f := newWire(), &fate{}
		s := newSession(w, f)
		s.Keep(5, time.Minute, text("enabled"))
		for i := range 15 {
			s.Send(msg(fmt.Sprint(i + 1)))
			synctest.Wait()
		}
		s.Detach(w)
		again := newWire()
		if err := s.Resume(again, 1, reply); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s.Send(msg("16")) // one was acknowledged
		synctest.Wait()
		if got, want := again.log(), []string{"resumed", "2", "3", "4", "5", "6"}; !slices.Equal(got, want) || f.ended != 0 {
			t.Errorf("sent %q, want %q; ended %d", got, want, f.ended)
		}
		s.Close(nil)
		s.Wait()
	})
}

func TestDeliverHooksChangeAndDrop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, f := newWire(), &fate{}
		hooks := f.hooks()
		hooks.Deliver = append(hooks.Deliver, func(_ module.Session, st *stanza.Stanza) *stanza.Stanza {
			if st.Body() == "drop" {
				return nil
			}
			return st
		})
		s := session.New(jid.MustParse("juliet@example.com/balcony"), w, time.Now(), settings, hooks)
		s.Send(msg("drop"))
		s.Send(msg("keep"))
		synctest.Wait()
		if got := w.log(); !slices.Equal(got, []string{"keep"}) {
			t.Errorf("sent %q", got)
		}
		s.Close(nil)
		s.Wait()
	})
}

// Senders, a reader that loses the link, and resumptions, all at once: whatever was sent arrives on one of the wires or is undelivered.
func TestNothingIsLostInARace(t *testing.T) {
	w, f := newWire(), &fate{}
	big := &session.Settings{Queue: 100000, QueueBytes: 1 << 30, Write: time.Minute}
	s := session.New(jid.MustParse("juliet@example.com/balcony"), w, time.Now(), big, f.hooks())
	s.Keep(100000, time.Minute, text("enabled"))
	const senders, each = 8, 500
	var wg sync.WaitGroup
	for g := range senders {
		wg.Go(func() {
			for i := range each {
				s.Send(msg(fmt.Sprintf("%d:%d", g, i)))
			}
		})
	}
	wires := []*wire{w}
	for range 50 {
		last := wires[len(wires)-1]
		s.Detach(last)
		next := newWire()
		// The client has what it got in full; here it admits to nothing, and gets all again.
		if err := s.Resume(next, 0, reply); err != nil {
			t.Fatal(err)
		}
		wires = append(wires, next)
	}
	wg.Wait()
	s.Close(nil)
	s.Wait()
	seen := map[string]bool{}
	for _, w := range wires {
		for _, b := range w.log() {
			seen[b] = true
		}
	}
	for _, b := range f.undelivered {
		seen[b] = true
	}
	for g := range senders {
		for i := range each {
			if !seen[fmt.Sprintf("%d:%d", g, i)] {
				t.Fatalf("lost %d:%d", g, i)
			}
		}
	}
}

func TestPriorityOfPresence(t *testing.T) {
	for text, want := range map[string]int8{"": 0, "5": 5, " -3 ": -3, "127": 127, "128": 0, "x": 0} {
		s := newSession(newWire(), &fate{})
		s.SetPresence(stanza.NewPresence(jid.JID{}, stanza.Available,
			xmlstream.New(stanza.Client, "priority", xmlstream.Text(text))))
		if got := s.Priority(); got != want {
			t.Errorf("priority %q is %d, want %d", text, got, want)
		}
	}
}
