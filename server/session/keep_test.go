package session_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/comity-iot/comity/server/session"
	"github.com/comity-iot/comity/xmpp/jid"
)

// handle lets the session's client send n stanzas.
func handle(t interface{ Fatal(...any) }, s *session.Session, w *wire, n int) {
	for range n {
		if !s.Begin(w) {
			t.Fatal("not the session's connection")
		}
		s.Done()
	}
}

// Numbers go on at zero behind 2^32-1, in both directions, and over a resumption. XEP-0198#acking
func TestNumbersWrap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, f := newWire(), &fate{}
		s := newSession(w, f)
		s.Keep(100, time.Minute, text("enabled"))
		synctest.Wait()
		s.SetCounters(math.MaxUint32-1, math.MaxUint32)
		for i := range 4 {
			s.Send(msg(fmt.Sprint(i + 1))) // numbers 2^32-1, 0, 1 and 2
			synctest.Wait()
		}
		if s.Sent() != 2 || s.Unacked() != 4 {
			t.Errorf("sent %d, unacknowledged %d", s.Sent(), s.Unacked())
		}
		handle(t, s, w, 2)
		if s.Handled() != 1 {
			t.Errorf("handled %d, want 1", s.Handled())
		}
		for _, h := range []uint32{3, math.MaxUint32 - 2, 1 << 31} {
			if err := s.Acked(h); !errors.Is(err, session.ErrNeverSent) {
				t.Errorf("h=%d: %v", h, err)
			}
		}
		if err := s.Acked(math.MaxUint32); err != nil || s.Unacked() != 3 {
			t.Errorf("%v, unacknowledged %d, want 3", err, s.Unacked())
		}
		s.Detach(w)
		again := newWire()
		if err := s.Resume(again, 0, reply); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got, want := again.log(), []string{"resumed", "3", "4"}; !slices.Equal(got, want) {
			t.Errorf("sent %q, want %q", got, want)
		}
		if err := s.Acked(2); err != nil || s.Unacked() != 0 {
			t.Errorf("%v, unacknowledged %d", err, s.Unacked())
		}
		s.Close(nil)
		s.Wait()
	})
}

// What is on its way while a client turns stream management on is not held: a write that fails must not lose it.
func TestKeepDuringAWrite(t *testing.T) {
	for _, resumed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w, f := newWire(), &fate{}
			s := newSession(w, f)
			w.hold(true)
			s.Send(msg("1"))
			synctest.Wait() // the writer has it
			s.Send(msg("2"))
			s.Keep(100, time.Minute, text("enabled"))
			s.Send(msg("3"))
			w.breakIt()
			synctest.Wait()
			want := []string{"1", "2", "3"}
			if !resumed {
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if !slices.Equal(f.undelivered, want) {
					t.Errorf("undelivered %q, want %q", f.undelivered, want)
				}
				return
			}
			again := newWire()
			if err := s.Resume(again, 0, reply); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			got := slices.DeleteFunc(again.log(), func(x string) bool { return x == "enabled" })
			if !slices.Equal(got, append([]string{"resumed"}, want...)) {
				t.Errorf("sent %q", got)
			}
			s.Close(nil)
			s.Wait()
		})
	}
}

// A write that fails has its stanzas go back in their order, before what was queued behind them.
func TestUndeliveredInOrderWithoutStreamManagement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, f := newWire(), &fate{}
		s := newSession(w, f)
		w.hold(true)
		s.Send(msg("1"))
		synctest.Wait()
		s.Send(msg("2"))
		s.Send(msg("3"))
		w.breakIt()
		s.Wait()
		if want := []string{"1", "2", "3"}; !slices.Equal(f.undelivered, want) {
			t.Errorf("undelivered %q, want %q", f.undelivered, want)
		}
	})
}

// Few stanzas that are large hold as much memory as many: their bytes are bounded as those of the queue.
func TestUnacknowledgedBytesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, f := newWire(), &fate{}
		small := &session.Settings{Queue: 1000, QueueBytes: 10_000, Write: time.Minute}
		s := session.New(jid.MustParse("juliet@example.com/balcony"), w, time.Now(), small, f.hooks())
		s.Keep(1000, time.Minute, text("enabled"))
		large := strings.Repeat("x", 4000)
		for i := range 10 { // acknowledged in time, any number
			s.Send(msg(large))
			synctest.Wait()
			if err := s.Acked(uint32(i + 1)); err != nil {
				t.Fatal(err)
			}
		}
		for range 4 {
			s.Send(msg(large))
			synctest.Wait()
		}
		if got := s.Unacked(); got != 3 || f.ended != 0 {
			t.Errorf("unacknowledged %d, ended %d times", got, f.ended)
		}
		s.Send(msg(large)) // of 4256 bytes as they are counted, the 5th is more than 10000 sent and 10000 queued
		s.Wait()
		if f.ended != 1 || len(f.undelivered) != 5 {
			t.Errorf("ended %d times, undelivered %d", f.ended, len(f.undelivered))
		}
		if got := w.log(); !slices.Contains(got, "error:policy-violation") {
			t.Errorf("not told why")
		}
	})
}

// XEP-0198#resumption: who had the session before is told that it has gone on elsewhere.
func TestConflictAtTheOldStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, f := newWire(), &fate{}
		s := newSession(w, f)
		s.Keep(100, time.Minute, text("enabled"))
		s.Send(msg("1"))
		synctest.Wait()
		again := newWire()
		if err := s.Resume(again, 1, reply); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got, want := w.log(), []string{"enabled", "1", "error:conflict", "end", "closed"}; !slices.Equal(got, want) {
			t.Errorf("the old stream was sent %q, want %q", got, want)
		}
		if s.Begin(w) {
			t.Error("a stanza of the old stream was taken")
		}
		handle(t, s, again, 1)
		s.Detach(w) // as its reader does
		s.Send(msg("2"))
		synctest.Wait()
		if got, want := again.log(), []string{"resumed", "2"}; !slices.Equal(got, want) || f.ended != 0 {
			t.Errorf("the new stream was sent %q, want %q; ended %d", got, want, f.ended)
		}
		s.Close(nil)
		s.Wait()
	})
}

// Nobody knows whether what is written last has come: without an acknowledgement it goes another way too.
func TestCloseWithStreamManagement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, f := newWire(), &fate{}
		s := newSession(w, f)
		s.Keep(100, time.Minute, text("enabled"))
		synctest.Wait()
		w.hold(true)
		s.Send(msg("1"))
		synctest.Wait()
		s.Send(msg("2"))
		w.hold(false)
		s.Close(nil)
		s.Wait()
		if want := []string{"1", "2"}; !slices.Equal(f.undelivered, want) {
			t.Errorf("undelivered %q, want %q", f.undelivered, want)
		}
	})
}

// Whatever the order of events: what a client got and acknowledged it does not get again, and everything else it gets in order or it
// is undelivered.
func TestAnyLife(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, f := newWire(), &fate{}
		big := &session.Settings{Queue: 1000, QueueBytes: 1 << 20, Write: time.Minute}
		s := session.New(jid.MustParse("juliet@example.com/balcony"), w, time.Now(), big, f.hooks())
		s.Keep(1000, time.Hour, text("enabled"))
		wires, sent, had := []*wire{w}, 0, 0 // had: received in full and in order, counted by the client
		count := func() {
			last := wires[len(wires)-1]
			for _, b := range last.log() {
				if b == fmt.Sprint(had+1) {
					had++
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"send": func(*rapid.T) { sent++; s.Send(msg(fmt.Sprint(sent))) },
			"ack": func(t *rapid.T) {
				count()
				if err := s.Acked(uint32(had)); err != nil {
					t.Fatal(err)
				}
			},
			"resume": func(t *rapid.T) {
				if rapid.Bool().Draw(t, "cut first") {
					s.Detach(wires[len(wires)-1])
				}
				count()
				next := newWire()
				if err := s.Resume(next, uint32(had), reply); err != nil {
					t.Fatal(err)
				}
				wires = append(wires, next)
			},
		})
		s.Close(nil)
		s.Wait()
		count()
		want := had + 1
		for _, b := range f.undelivered { // what was acknowledged is not among them
			if n := 0; b != "" {
				fmt.Sscan(b, &n)
				want = max(want, n+1)
			}
		}
		if want != sent+1 {
			t.Fatalf("sent %d, received %d, undelivered %q", sent, had, f.undelivered)
		}
	})
}
