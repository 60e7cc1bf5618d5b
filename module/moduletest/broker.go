// Package moduletest runs features without a broker around them, for their tests: a database that is real, and small stand-ins for
// the rest of a module.Host that a test can set and look into. What goes between a test and a feature is written as XML and
// read again, as on a stream.
package moduletest

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/store/sqlite"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// Domain is the domain of every Broker.
var Domain = jid.MustParse("example.org")

// Broker is one domain with the features under test.
type Broker struct {
	Host  *module.Host // what the features were given
	Hooks []*module.Hooks

	Clock    *Clock
	Network  *Network
	Sessions *Sessions
	Accounts *Accounts
	Roster   *Roster
	Outbox   *Outbox
}

// New makes a broker of the features, in their order, on a new database. Both are gone at the end of the test.
func New(t testing.TB, defs ...module.Def) *Broker {
	t.Helper()
	return NewWith(t, func(*module.Host) {}, defs...)
}

// NewWith is New with a host that prepare may change before the features are given it, as to put in the real accounts.
func NewWith(t testing.TB, prepare func(*module.Host), defs ...module.Def) *Broker {
	t.Helper()
	db := openDB(t, defs)
	b := &Broker{
		Clock:  &Clock{now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)},
		Roster: &Roster{}, Outbox: &Outbox{}, Network: &Network{},
	}
	b.Sessions = &Sessions{clock: b.Clock, lost: b.lost, ended: b.ended}
	b.Accounts = &Accounts{clock: b.Clock, db: db, removed: b.removed, gone: b.Sessions.closeAll}
	dir := &directory{domain: Domain}
	b.Host = &module.Host{
		Domain: Domain, Log: slog.New(slog.DiscardHandler), Now: b.Clock.Now, DB: db, Network: b.Network,
		Sessions: b.Sessions, Accounts: b.Accounts, Roster: b.Roster, Outbox: b.Outbox, Directory: dir,
		Hides: func(context.Context, jid.JID, jid.JID) bool { return false },
		Secret: func(purpose string) []byte {
			sum := sha256.Sum256([]byte(purpose))
			return sum[:]
		},
	}
	prepare(b.Host)
	for _, d := range defs {
		own := *b.Host
		h, err := d.Init(&own)
		if err != nil {
			t.Fatalf("%s: %v", d.Name, err)
		}
		b.Hooks = append(b.Hooks, h)
	}
	dir.hooks = b.Hooks
	return b
}

func openDB(t testing.TB, defs []module.Def) store.DB {
	t.Helper()
	ctx := context.Background()
	db, err := sqlite.OpenEphemeral(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	for _, d := range defs {
		if d.Migrations == nil {
			continue
		}
		if err := db.Migrate(ctx, store.Migrations{Name: d.Name, FS: d.Migrations}); err != nil {
			t.Fatalf("%s: %v", d.Name, err)
		}
	}
	return db
}

// removed runs what features do when an account is removed.
func (b *Broker) removed(tx *store.Tx, bare jid.JID) error {
	for _, h := range b.Hooks {
		if h.Removed != nil {
			if err := h.Removed(tx, bare); err != nil {
				return err
			}
		}
	}
	return nil
}

// ended tells the features that a session is gone.
func (b *Broker) ended(s module.Session) {
	for _, h := range b.Hooks {
		if h.Ended != nil {
			h.Ended(s)
		}
	}
}

// lost finds another way for a message that was sent to a session that has ended.
func (b *Broker) lost(s *stanza.Stanza) {
	if s.Kind == stanza.Message {
		b.toBare(context.Background(), s)
	}
}

// Bind makes a session that is not available yet.
func (b *Broker) Bind(full string) *Session {
	s := b.Sessions.add(jid.MustParse(full))
	for _, h := range b.Hooks {
		if h.Bound != nil {
			h.Bound(s)
		}
	}
	return s
}

// Online makes a session that is available with a priority, and tells the features.
func (b *Broker) Online(full string, priority int8) *Session {
	s := b.Bind(full)
	b.SetPriority(s, priority)
	return s
}

// SetPriority has a session broadcast that it is available with a priority, and tells the features.
func (b *Broker) SetPriority(s *Session, priority int8) {
	first := true
	for _, other := range b.Sessions.Of(s.JID().Bare()) {
		first = first && other.Presence() == nil
	}
	s.available(priority)
	for _, h := range b.Hooks {
		if h.Online != nil {
			h.Online(context.Background(), s, first)
		}
	}
}

// Clock is the time of a Broker, which stands still but for Advance.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance lets time pass.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
