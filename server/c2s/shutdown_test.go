package c2s_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/server/c2s"
	"github.com/comity-iot/comity/server/session"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// RFC 6120 §4.9.3.20
func TestShutdown(t *testing.T) {
	inTime(t, options{}, func(t *testing.T, w *world) {
		bound, negotiating, silent := w.enter("juliet"), w.dial(), w.dial()
		negotiating.open()
		bound.send(bound.message("last"))
		synctest.Wait()
		begun := time.Now()
		done := make(chan struct{})
		go func() { w.ended(); close(done) }()
		bound.expect("message")
		bound.ends(stream.SystemShutdown)
		negotiating.gone()
		silent.gone()
		<-done
		if took := time.Since(begun); took > 0 || w.Count() > 0 {
			t.Errorf("took %v, %d streams are left", took, w.Count())
		}
	})
}

func TestShutdownTakesNoMore(t *testing.T) {
	inTime(t, options{}, func(t *testing.T, w *world) {
		c := w.enter("juliet")
		done := make(chan struct{})
		go func() { w.shutdown(t.Context()); close(done) }()
		c.ends(stream.SystemShutdown)
		<-done
		w.dial().gone()
		if w.Count() > 0 {
			t.Error("a stream was taken")
		}
	})
}

// A client that reads nothing holds the end up no longer than the farewell, however long a write may take otherwise. On a real clock:
// that of synctest stands still while somebody waits for the lock of a write.
func TestShutdownOfSlowReaders(t *testing.T) {
	w := newWorld(t, options{settings: func(s *c2s.Settings) { plaintext(s); s.Write = time.Hour }})
	c, other := w.enter("juliet"), w.enter("romeo")
	// More than the pipe holds; and it is being written.
	other.send("<message to='" + c.jid.String() + "'>" + strings.Repeat("x", 100_000) + "</message>")
	if _, err := c.raw.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	w.shutdown(context.Background())
	if w.Count() > 0 {
		t.Errorf("%d streams are left", w.Count())
	}
}

// What waits because its sender was too fast is handled before the end.
func TestShutdownOfFastSenders(t *testing.T) {
	slow := func(s *c2s.Settings) { s.BytesSecond, s.Burst = 1, 0 }
	inTime(t, options{settings: slow}, func(t *testing.T, w *world) {
		c := w.enter("juliet")
		go c.conn.Write(raw(c.message("1")))
		synctest.Wait()
		begun := time.Now()
		w.ended()
		if took := time.Since(begun); took > 0 {
			t.Errorf("took %v", took)
		}
	})
}

// When the time for an orderly end is over, connections are cut.
func TestShutdownIsOver(t *testing.T) {
	inTime(t, options{}, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		c := w.enter("juliet")
		begun := time.Now()
		w.shutdown(ctx)
		c.conn.Close()
		if took := time.Since(begun); took > 0 || w.Count() > 0 {
			t.Errorf("took %v, %d streams are left", took, w.Count())
		}
	})
}

// Clients that bind while the broker ends have a session and are told, or have none; nothing is left of either.
func TestBindDuringShutdown(t *testing.T) {
	inTime(t, options{settings: func(s *c2s.Settings) { s.Sessions = 100 }}, func(t *testing.T, w *world) {
		var work sync.WaitGroup
		for range 30 {
			c := w.dial()
			c.logIn("juliet")
			work.Go(func() {
				c.conn.Write(raw("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"))
				for {
					if kind, err := c.conn.Next(); err != nil || kind == xmlstream.End {
						return
					}
				}
			})
		}
		w.ended()
		work.Wait()
		if n := w.Count(); n > 0 {
			t.Errorf("%d streams are left", n)
		}
		w.Router.Sessions(func(s *session.Session) bool { t.Errorf("%s is left", s.JID()); return true })
	})
}
