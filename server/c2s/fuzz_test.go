package c2s_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server/c2s"
	"github.com/comity-iot/comity/server/session"
	"github.com/comity-iot/comity/xep/sm"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/sasl"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// FuzzStream is a client that says anything, once it has come honestly to some stage of its stream. It says it in pieces of the sizes
// given, over and over (0: as much as is there), then closes its half and listens. Whatever it says, the stream ends at once, all
// that the server says is a proper stream, nobody gets in without a password, and nobody speaks for another.
func FuzzStream(f *testing.F) {
	for _, s := range streamSeeds() {
		f.Add(byte(s.at), []byte(s.said), []byte{0})
		f.Add(byte(s.at), []byte(s.said), []byte{1})
	}
	ignore := goleak.IgnoreCurrent()
	f.Cleanup(func() { // behind the end of the world
		if err := goleak.Find(ignore, goleak.IgnoreAnyFunction("internal/fuzz.RunFuzzWorker")); err != nil {
			f.Error(err)
		}
	})
	w := newFuzzWorld(f)
	f.Fuzz(func(t *testing.T, at byte, said, cuts []byte) {
		w.try(t, stage(at)%stages, said, cuts)
	})
}

// fuzzWorld is a world for one stream after the other.
type fuzzWorld struct {
	*world
	seen *witness
}

func newFuzzWorld(f *testing.F) *fuzzWorld {
	seen := &witness{}
	hooks, err := sm.Module().Init(&module.Host{Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		f.Fatal(err)
	}
	hooks.BeforeAuth = register(nil).BeforeAuth
	hooks.Outgoing = seen.outgoing
	hooks.Bound = seen.bound
	w := newWorld(f, options{hooks: hooks, settings: func(s *c2s.Settings) {
		s.Unlimited() // nobody waits
		s.AccountStanzas = 1 << 30
		s.PlaintextLoopback = true
		s.PreAuthBytes, s.StanzaBytes, s.StanzaDepth, s.StanzaNodes = 2000, 10_000, 16, 64
	}})
	w.tls.CurvePreferences = []tls.CurveID{tls.X25519} // the cheapest
	w.Credentials = guarded{w.people, seen}
	w.Hosts[domain].Session.Writing = append(w.Hosts[domain].Session.Writing, hooks.Writing)
	return &fuzzWorld{w, seen}
}

// mostSaid is less than a pipe holds, so that saying it never waits for the server.
const mostSaid = 32 << 10

// atOnce bounds what should take no time: far less than any time-out of the server, with room for a machine that is busy.
const atOnce = 15 * time.Second

func (w *fuzzWorld) try(t testing.TB, at stage, said, cuts []byte) {
	w.seen.reset()
	c := w.bring(t, at, cuts)
	said = c.filled(said)
	c.raw.Write(said[:min(len(said), mostSaid)]) // an error shows in what comes back, if in anything
	c.closeWrite()
	rest, err := io.ReadAll(c.raw)
	if err != nil && !(at == secured && errors.Is(err, io.ErrUnexpectedEOF)) { // TLS may be cut: its end is that of the stream
		t.Fatalf("the stream does not end: %v\n%s", err, rest)
	}
	w.await(t, 0)
	w.Router.Sessions(func(s *session.Session) bool {
		if !s.Kept() {
			t.Errorf("%s outlives its stream", s.JID())
		}
		s.Close(nil)
		s.Wait()
		return true
	})
	logins, err := audit(c.tape.heard)
	if err != nil {
		t.Fatalf("%v, in\n%s", err, c.tape.heard)
	}
	if err := w.seen.complaint(logins > 0); err != nil {
		t.Fatalf("%v\n%s", err, c.tape.heard)
	}
}

// await waits until so many streams are left.
func (w *fuzzWorld) await(t testing.TB, n int) {
	t.Helper()
	for begun := time.Now(); w.Count() != n; runtime.Gosched() {
		if time.Since(begun) > atOnce {
			t.Fatalf("%d streams are left, want %d", w.Count(), n)
		}
	}
}

// witness watches who gives a password, who is bound and who speaks.
type witness struct {
	mu       sync.Mutex
	verified map[string]bool
	sessions map[jid.JID]bool
	lost     map[jid.JID]bool // that were another stream's
	spoke    bool
	wrong    error
}

func (w *witness) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.verified, w.sessions, w.lost, w.spoke, w.wrong = map[string]bool{}, map[jid.JID]bool{}, nil, false, nil
}

// aside runs what another client does, which says nothing of the one that is watched.
func (w *witness) aside(other func()) {
	w.mu.Lock()
	verified, sessions := w.verified, w.sessions
	w.verified, w.sessions = map[string]bool{}, map[jid.JID]bool{}
	w.mu.Unlock()
	other()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lost = w.sessions
	w.verified, w.sessions, w.spoke = verified, sessions, false
}

// proves notes that somebody knows the password of a user.
func (w *witness) proves(user string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.verified[user] = true
}

func (w *witness) bound(s module.Session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sessions[s.JID()] = true
	if !w.verified[s.JID().Local()] {
		w.wrong = fmt.Errorf("%s is bound without a password", s.JID())
	}
}

// outgoing sees all that goes from clients to the router. RFC 6120 §8.1.2.1
func (w *witness) outgoing(_ context.Context, s module.Session, st *stanza.Stanza) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spoke = true
	if st.From != s.JID() || !w.sessions[s.JID()] && !w.lost[s.JID()] || !w.verified[s.JID().Local()] {
		w.wrong = fmt.Errorf("%s from %s; there are %v, and %v lost; the passwords given are of %v", st, s.JID(), w.sessions, w.lost, w.verified)
	}
	return nil
}

// complaint returns what was wrong; success says that a login was told so.
func (w *witness) complaint(success bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.wrong != nil:
		return w.wrong
	case success && len(w.verified) == 0:
		return errors.New("success without a password")
	case !success && (w.spoke || len(w.sessions) > 0):
		return errors.New("a session without success")
	}
	return nil
}

// guarded are people whose passwords are watched.
type guarded struct {
	*people
	seen *witness
}

func (g guarded) Credentials(domain jid.JID) sasl.ServerConfig {
	config := g.people.Credentials(domain)
	config.Credentials = g
	return config
}

func (g guarded) Verify(ctx context.Context, username, password string) error {
	err := g.people.Verify(ctx, username, password)
	if err == nil {
		g.seen.proves(username)
	}
	return err
}

// trickle is a connection that is read in pieces of the sizes given, over and over.
type trickle struct {
	from
	cuts []byte
	next int
}

func (c *trickle) Read(p []byte) (int, error) {
	if len(c.cuts) > 0 {
		if n := int(c.cuts[c.next%len(c.cuts)]); n > 0 {
			p = p[:min(n, len(p))]
		}
		c.next++
	}
	return c.from.Read(p)
}

func (c *trickle) CloseWrite() error {
	return c.from.Conn.(interface{ CloseWrite() error }).CloseWrite()
}

// tape keeps what is read.
type tape struct {
	net.Conn
	heard []byte
}

func (c *tape) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.heard = append(c.heard, p[:n]...)
	return n, err
}

func (c *tape) CloseWrite() error { return c.Conn.(interface{ CloseWrite() error }).CloseWrite() }
