package outbox

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/store/sqlite"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// A push that nobody had acknowledged when the broker ended is sent by the next, in the order in which it was put.
func TestNextBroker(t *testing.T) {
	path := filepath.Join(t.TempDir(), "comity.db")
	life := func(live func(*post)) {
		db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.Migrate(t.Context(), Migrations()); err != nil {
			t.Fatal(err)
		}
		p := &post{db: db, asked: make(chan request), sent: make(chan *stanza.Stanza, 10)}
		p.Outbox = New(db, slog.New(slog.DiscardHandler), time.Now, p, p)
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- p.Run(ctx) }()
		live(p)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	life(func(p *post) {
		x := p.login("lamp@example.org/x", 0)
		p.put(t, true, "a", "b", "c")
		p.expect(t, x, "a", nil)
		if r := <-p.asked; r.Payload.Attr("n") != "b" { // and it ends while the lamp thinks
			t.Errorf("asked %s", r.Payload)
		}
	})
	life(func(p *post) { p.put(t, true, "d") }) // nobody is there
	life(func(p *post) {
		x := p.login("lamp@example.org/x", 0)
		for _, topic := range []string{"b", "c", "d"} {
			p.expect(t, x, topic, nil)
		}
		p.wait(t)
	})
	life(func(p *post) {
		p.login("lamp@example.org/x", 0)
		p.wait(t)
	})
}

// A thing that does not answer is asked again when it comes online the next time, or when there is more to tell, and not in between.
func TestNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t)
		x := p.login("lamp@example.org/x", 0)
		p.put(t, true, "a")
		<-p.asked
		time.Sleep(time.Hour)
		synctest.Wait()
		select {
		case r := <-p.asked:
			t.Fatalf("asked again: %s", r.Payload)
		default:
		}
		p.Wake(x)
		<-p.asked
		time.Sleep(time.Hour)
		p.put(t, true, "b")
		p.expect(t, x, "a", nil)
		p.expect(t, x, "b", nil)
		p.wait(t)
	})
}

// Wait is about one sender and one receiver, and ends with its context.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t)
		waits := func(from, to string) bool {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			begun := time.Now()
			done := p.Wait(ctx, jid.MustParse(from), jid.MustParse(to))
			if took := time.Since(begun); !done && took != 10*time.Second || done && took > 0 {
				t.Errorf("%v after %v", done, took)
			}
			return done
		}
		if !waits("discovery.example.org", "lamp@example.org") {
			t.Error("waited for nothing")
		}
		p.put(t, true, "a")
		for _, w := range []struct {
			from, to string
			done     bool
		}{
			{"discovery.example.org", "lamp@example.org", false},
			{"discovery.example.org", "lamp@example.org/x", false},
			{"example.org", "lamp@example.org", true},
			{"discovery.example.org", "other@example.org", true},
		} {
			if got := waits(w.from, w.to); got != w.done {
				t.Errorf("from %s to %s: %v", w.from, w.to, got)
			}
		}
		answered := make(chan bool)
		go func() { answered <- p.Wait(t.Context(), service, lamp) }()
		synctest.Wait()
		p.expect(t, p.login("lamp@example.org/x", 0), "a", nil)
		if !<-answered {
			t.Error("acknowledged, but it is not told")
		}
	})
}

// What waits for an account that is removed is not for who takes its name.
func TestForget(t *testing.T) {
	p := open(t)
	p.put(t, true, "a", "b")
	other := jid.MustParse("other@example.org")
	err := p.db.Update(t.Context(), func(tx *store.Tx) error {
		push := module.Push{Topic: "a", From: service, To: other, IQ: true, Payload: xmlstream.New("urn:example", "push")}
		if err := p.Put(tx, push); err != nil {
			return err
		}
		return Forget(tx, lamp)
	})
	if err != nil {
		t.Fatal(err)
	}
	p.wait(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if p.Wait(ctx, service, other) {
		t.Error("another's was forgotten too")
	}
}

// Receivers do not wait for each other.
func TestBesideEachOther(t *testing.T) {
	p := open(t)
	p.login("lamp@example.org/x", 0)
	p.put(t, true, "a")
	slow := <-p.asked
	m := module.Push{Topic: "a", From: service, To: jid.MustParse("owner@example.org"), Payload: xmlstream.New("urn:example", "push"), Text: "May I?"}
	if err := p.db.Update(t.Context(), func(tx *store.Tx) error { return p.Put(tx, m) }); err != nil {
		t.Fatal(err)
	}
	if got := <-p.sent; got.To != m.To || got.Body() != "May I?" || got.Type != stanza.Normal {
		t.Errorf("sent %s", got)
	}
	slow.answer <- nil
	p.wait(t)
}
