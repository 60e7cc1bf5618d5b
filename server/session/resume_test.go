package session_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// An answer that was on its way to the lost connection would take back what the reply to resume says: only stanzas are sent on.
// XEP-0198#resumption
func TestResumeDropsWhatIsNoStanza(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, f := newWire(), &fate{}
		s := newSession(w, f)
		s.Keep(100, time.Minute, text("enabled"))
		synctest.Wait()
		s.Detach(w)
		s.Send(msg("1"))
		s.Push(text("<a h='0'/>"))
		s.Send(msg("2"))
		again := newWire()
		if err := s.Resume(again, 0, reply); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got, want := again.log(), []string{"resumed", "1", "2"}; !slices.Equal(got, want) {
			t.Errorf("sent %q, want %q", got, want)
		}
		s.Close(nil)
		s.Wait()
	})
}

// A stream whose session has gone on over another connection ends alone, however it ends.
func TestOldStreamEndsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, f := newWire(), &fate{}
		s := newSession(w, f)
		s.Keep(100, time.Minute, text("enabled"))
		again := newWire()
		if err := s.Resume(again, 0, reply); err != nil {
			t.Fatal(err)
		}
		s.CloseFrom(w, nil)
		synctest.Wait()
		if f.ended != 0 || s.Begin(w) || !s.Begin(again) {
			t.Errorf("ended %d times", f.ended)
		}
		s.Pass()
		if s.Handled() != 0 {
			t.Error("counted what is no stanza")
		}
		s.CloseFrom(again, nil)
		s.Wait()
		if f.ended != 1 {
			t.Errorf("ended %d times", f.ended)
		}
	})
}
