package session_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/comity-iot/comity/server/session"
	"github.com/comity-iot/comity/xmpp/jid"
)

// What clients that do not read make the broker hold together is bounded: the session that asks for more ends, and gives back what it
// held. One that holds little is not asked.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := &session.Settings{Queue: 1000, QueueBytes: 1 << 20, Write: time.Minute, Budget: session.NewBudget(512 << 10)}
		large := strings.Repeat("x", 32<<10)
		open := func(name string) (*session.Session, *wire, *fate) {
			w, f := newWire(), &fate{}
			w.hold(true)
			return session.New(jid.MustParse(name+"@example.com/x"), w, time.Now(), shared, f.hooks()), w, f
		}
		fill := func(s *session.Session, n int) {
			for range n {
				s.Send(msg(large))
			}
		}
		a, wa, fa := open("a")
		b, wb, fb := open("b")
		c, wc, fc := open("c")
		fill(a, 13) // some 416 KiB of which 64 are free
		fill(b, 13)
		wb.hold(false) // for its farewell
		synctest.Wait()
		if fa.ended != 0 || fb.ended != 1 {
			t.Fatalf("ended %d and %d times, want the second to end", fa.ended, fb.ended)
		}
		fill(c, 2)
		if fc.ended != 0 {
			t.Error("one that holds little has ended")
		}
		fill(c, 3) // from what b gave back
		if fc.ended != 0 {
			t.Error("what was given back is not there")
		}
		wa.hold(false)
		synctest.Wait()
		fill(c, 8) // from what a does not need any more
		if fc.ended != 0 || fa.ended != 0 {
			t.Errorf("ended %d and %d times", fa.ended, fc.ended)
		}
		wc.hold(false)
		for _, s := range []*session.Session{a, b, c} {
			s.Close(nil)
			s.Wait()
		}
	})
}

// Whatever happens to sessions, when they have ended nothing of the budget is missing.
func TestBudgetIsGivenBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const all = 256 << 10
		budget := session.NewBudget(all)
		shared := &session.Settings{Queue: 100, QueueBytes: 200 << 10, Write: time.Minute, Budget: budget}
		var sessions []*session.Session
		var wires, lost []*wire
		for i := range 3 {
			w, f := newWire(), &fate{}
			s := session.New(jid.MustParse(fmt.Sprintf("s%d@example.com/x", i)), w, time.Now(), shared, f.hooks())
			if i > 0 {
				s.Keep(20, time.Hour, text("enabled"))
			}
			sessions, wires = append(sessions, s), append(wires, w)
		}
		one := rapid.IntRange(0, 2)
		t.Repeat(map[string]func(*rapid.T){
			"send": func(t *rapid.T) {
				size := rapid.SampledFrom([]int{10, 10_000, 60_000}).Draw(t, "size")
				sessions[one.Draw(t, "to")].Send(msg(strings.Repeat("x", size)))
			},
			"hold":   func(t *rapid.T) { wires[one.Draw(t, "of")].hold(rapid.Bool().Draw(t, "on")) },
			"ack":    func(t *rapid.T) { s := sessions[one.Draw(t, "of")]; s.Acked(s.Sent()) },
			"detach": func(t *rapid.T) { i := one.Draw(t, "of"); sessions[i].Detach(wires[i]) },
			"resume": func(t *rapid.T) {
				i := one.Draw(t, "of")
				w := newWire()
				if sessions[i].Resume(w, sessions[i].Sent(), reply) == nil {
					lost = append(lost, wires[i])
					wires[i] = w
				}
			},
			"close": func(t *rapid.T) { sessions[one.Draw(t, "of")].Close(nil) },
		})
		for _, w := range append(lost, wires...) {
			w.hold(false)
		}
		for _, s := range sessions {
			s.Close(nil)
			s.Wait()
		}
		if got := budget.Left(); got != all {
			t.Fatalf("%d of %d bytes are left", got, all)
		}
	})
}
