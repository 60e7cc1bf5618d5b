package outbox

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/store/sqlite"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	service = jid.MustParse("discovery.example.org")
	lamp    = jid.MustParse("lamp@example.org")
)

// post is an outbox on a real database, between a network and sessions of the test's.
type post struct {
	*Outbox
	db    store.DB
	asked chan request // what was requested, to be answered
	sent  chan *stanza.Stanza

	mu     sync.Mutex
	online []module.Session
}

type request struct {
	*stanza.IQ
	answer chan error
}

// prepare makes an outbox that does not run yet.
func prepare(t *testing.T) *post {
	t.Helper()
	db, err := sqlite.OpenEphemeral(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := db.Migrate(t.Context(), Migrations()); err != nil {
		t.Fatal(err)
	}
	p := &post{db: db, asked: make(chan request), sent: make(chan *stanza.Stanza, 10)}
	p.Outbox = New(db, slog.New(slog.DiscardHandler), time.Now, p, p)
	return p
}

// start runs it until the end of the test.
func (p *post) start(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// open makes one that runs.
func open(t *testing.T) *post {
	t.Helper()
	p := prepare(t)
	p.start(t)
	return p
}

// Send implements module.Network.
func (p *post) Send(_ context.Context, s *stanza.Stanza) { p.sent <- s }

// Request implements module.Network.
func (p *post) Request(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	r := request{iq, make(chan error, 1)}
	select {
	case p.asked <- r:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case err := <-r.answer:
		return nil, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Of implements module.Sessions.
func (p *post) Of(jid.JID) []module.Session {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.online)
}

// Get implements module.Sessions.
func (p *post) Get(full jid.JID) module.Session {
	for _, s := range p.Of(full) {
		if s.JID() == full {
			return s
		}
	}
	return nil
}

// session is one that is available.
type session struct {
	module.Session
	full     jid.JID
	priority int8
}

func (s session) JID() jid.JID             { return s.full }
func (s session) Presence() *stanza.Stanza { return &stanza.Stanza{} }
func (s session) Priority() int8           { return s.priority }

func (p *post) login(full string, priority int8) jid.JID {
	s := session{full: jid.MustParse(full), priority: priority}
	p.mu.Lock()
	p.online = append(p.online, s)
	p.mu.Unlock()
	p.Wake(s.full)
	return s.full
}

func (p *post) logout(full jid.JID) {
	p.mu.Lock()
	p.online = slices.DeleteFunc(p.online, func(s module.Session) bool { return s.JID() == full })
	p.mu.Unlock()
	p.Gone(full)
}

// put puts pushes in one transaction, named by their topics.
func (p *post) put(t *testing.T, iq bool, topics ...string) {
	t.Helper()
	err := p.db.Update(t.Context(), func(tx *store.Tx) error {
		for _, topic := range topics {
			payload := xmlstream.New("urn:example", "push", xmlstream.A("n", topic))
			if err := p.Put(tx, module.Push{Topic: topic, From: service, To: lamp, IQ: iq, Payload: payload}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// expect waits for the request of a push and answers it.
func (p *post) expect(t *testing.T, to jid.JID, topic string, answer error) {
	t.Helper()
	r := <-p.asked
	if r.To != to || r.From != service || r.Payload.Attr("n") != topic {
		t.Errorf("asked %s of %s, want %s of %s", r.Payload, r.To, topic, to)
	}
	r.answer <- answer
}

func (p *post) wait(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if !p.Wait(ctx, service, lamp) {
		t.Error("not all was acknowledged")
	}
}

// To one receiver pushes go in their order, one at a time, to the session of the highest priority. An error is an answer too.
func TestInOrder(t *testing.T) {
	p := open(t)
	p.put(t, true, "a", "b", "c")
	p.login("lamp@example.org/low", -1)
	high := p.login("lamp@example.org/high", 1)
	// The first may have been on its way before the second session came.
	r := <-p.asked
	if r.Payload.Attr("n") != "a" {
		t.Errorf("asked %s first", r.Payload)
	}
	r.answer <- nil
	p.expect(t, high, "b", stanza.FeatureNotImplemented)
	p.expect(t, high, "c", nil)
	p.wait(t)
}

// A later word about the same replaces the earlier one that was not heard.
func TestReplaced(t *testing.T) {
	p := prepare(t) // so that nothing is on its way when it is replaced
	p.put(t, true, "a", "b")
	p.put(t, true, "a")
	x := p.login("lamp@example.org/x", 0)
	p.start(t)
	p.expect(t, x, "b", nil)
	p.expect(t, x, "a", nil)
	p.wait(t)
}

// What a session was asked that then ends, the next is asked at once.
func TestSessionEnds(t *testing.T) {
	p := open(t)
	x := p.login("lamp@example.org/x", 0)
	p.put(t, true, "a")
	r := <-p.asked
	if r.To != x {
		t.Errorf("asked %s", r.To)
	}
	p.logout(x)
	y := p.login("lamp@example.org/y", 0)
	p.expect(t, y, "a", nil)
	p.wait(t)
}

// The broker's own error for a session that is gone is no answer of the thing.
func TestGoneIsNoAnswer(t *testing.T) {
	p := open(t)
	x := p.login("lamp@example.org/x", 0)
	p.put(t, true, "a")
	r := <-p.asked
	p.mu.Lock()
	p.online = nil
	p.mu.Unlock()
	r.answer <- stanza.ServiceUnavailable
	if p.Get(x) != nil {
		t.Fatal("still there")
	}
	p.expect(t, p.login("lamp@example.org/y", 0), "a", nil)
	p.wait(t)
}

// A message is done once it is on its way, wherever that ends.
func TestMessage(t *testing.T) {
	p := open(t)
	p.put(t, false, "a")
	m := <-p.sent
	if m.To != lamp || m.From != service || m.Child("urn:example", "push") == nil {
		t.Errorf("sent %s", m)
	}
	p.wait(t)
}

// What an earlier run of the broker left is sent.
func TestLeft(t *testing.T) {
	p := prepare(t)
	p.put(t, true, "left")
	x := p.login("lamp@example.org/x", 0)
	p.start(t)
	p.expect(t, x, "left", nil)
	p.wait(t)
}

// A push of a transaction that fails was never there.
func TestRollback(t *testing.T) {
	p := open(t)
	p.login("lamp@example.org/x", 0)
	err := p.db.Update(t.Context(), func(tx *store.Tx) error {
		push := module.Push{Topic: "a", From: service, To: lamp, Payload: xmlstream.New("urn:example", "push")}
		if err := p.Put(tx, push); err != nil {
			return err
		}
		return stanza.Conflict
	})
	if err == nil {
		t.Fatal("the transaction did not fail")
	}
	p.wait(t)
	if len(p.sent) > 0 {
		t.Error("it was sent")
	}
}
