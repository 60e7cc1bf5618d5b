// Package server puts a broker together: accounts, router, client streams and the features of a module list, for one or more
// domains on one database. It knows no engine and no feature; cmd/comity hands them in.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/comity-iot/comity/cluster"
	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server/account"
	"github.com/comity-iot/comity/server/c2s"
	"github.com/comity-iot/comity/server/outbox"
	"github.com/comity-iot/comity/server/router"
	"github.com/comity-iot/comity/server/session"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
)

// Options are what a broker is made of.
type Options struct {
	Domains     []jid.JID
	DB          store.DB
	Secret      []byte       // content of the key file
	Modules     []module.Def // in the order in which their hooks run; made for this broker alone
	C2S         *c2s.Settings
	Certificate func() *c2s.Certificate
	Log         *slog.Logger
	Now         func() time.Time // nil for time.Now
	Parking     time.Duration    // how idle client streams wait, as of c2s.Server; 0 for what suits the platform
	// Cluster joins the broker with others on the same database and key file; nil for none. Open joins it and Close leaves it.
	Cluster cluster.Cluster
}

// Broker is a running broker.
type Broker struct {
	Accounts *account.Accounts

	log    *slog.Logger
	router *router.Router
	outbox *outbox.Outbox
	c2s    *c2s.Server
	runs   []func(context.Context) error
	stop   context.CancelFunc
	work   sync.WaitGroup
	failed chan error
}

// Open brings the schema up to date, makes the features and starts what they do in the background. Serve then lets clients in, and
// Close ends it all.
func Open(ctx context.Context, o Options) (*Broker, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := migrate(ctx, o); err != nil {
		return nil, err
	}
	accounts, err := account.New(o.DB, o.Secret, o.Now)
	if err != nil {
		return nil, err
	}
	base, stop := context.WithCancel(context.WithoutCancel(ctx))
	b := &Broker{
		Accounts: accounts, log: o.Log, stop: stop, failed: make(chan error, 1),
		router: router.New(base, o.Log, nowhere{}),
	}
	b.outbox = outbox.New(o.DB, o.Log, o.Now, b.router, b.router)
	b.runs = append(b.runs, b.outbox.Run)
	accounts.Online = func(bare jid.JID) bool { return len(b.router.Of(bare)) > 0 }
	accounts.Gone = b.closeSessions
	accounts.Removed = append(accounts.Removed, outbox.Forget)
	b.c2s = &c2s.Server{
		Settings: o.C2S, Log: o.Log, Router: b.router, Credentials: accounts,
		Hosts: map[string]*c2s.Host{}, Certificate: o.Certificate, Parking: o.Parking,
	}
	for _, d := range o.Domains {
		if err := b.addDomain(o, d); err != nil {
			stop()
			return nil, err
		}
	}
	if o.Cluster != nil {
		b.router.Join(o.Cluster)
	}
	b.c2s.Open()
	for _, run := range b.runs {
		b.work.Go(func() { b.run(base, run) })
	}
	return b, nil
}

func migrate(ctx context.Context, o Options) error {
	sets := []store.Migrations{account.Migrations(), outbox.Migrations()}
	for _, m := range o.Modules {
		if m.Migrations != nil {
			sets = append(sets, store.Migrations{Name: m.Name, FS: m.Migrations})
		}
	}
	if err := o.DB.Migrate(ctx, sets...); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	return nil
}

// run lets a feature work in the background; an error of it ends the broker.
func (b *Broker) run(ctx context.Context, run func(context.Context) error) {
	if err := run(ctx); err != nil && ctx.Err() == nil {
		select {
		case b.failed <- err:
		default:
		}
	}
}

// addDomain makes the features of one domain.
func (b *Broker) addDomain(o Options, addr jid.JID) error {
	presence := &lateRoster{}
	var hides []func(ctx context.Context, account, party jid.JID) bool
	dir := &directory{domain: addr}
	host := module.Host{
		Domain: addr, Now: o.Now, DB: o.DB, Network: b.router, Sessions: b.router,
		Accounts: b.Accounts, Roster: presence, Outbox: b.outbox, Directory: dir,
		Hides: func(ctx context.Context, account, party jid.JID) bool {
			for _, f := range hides {
				if f(ctx, account, party) {
					return true
				}
			}
			return false
		},
		Secret: func(purpose string) []byte { return account.Derive(o.Secret, "feature "+purpose) },
	}
	hooks := []*module.Hooks{{
		Online: func(_ context.Context, s module.Session, _ bool) { b.outbox.Wake(s.JID()) },
		Ended:  func(s module.Session) { b.outbox.Gone(s.JID()) },
	}}
	for _, def := range o.Modules {
		own := host
		own.Log = o.Log.With("module", def.Name)
		h, err := def.Init(&own)
		if err != nil {
			return fmt.Errorf("%s: %w", def.Name, err)
		}
		hooks = append(hooks, h)
		if h.Presence != nil {
			presence.Roster = h.Presence
		}
		if h.Hides != nil {
			hides = append(hides, h.Hides)
		}
		if h.Removed != nil {
			b.Accounts.Removed = append(b.Accounts.Removed, h.Removed)
		}
		if h.Run != nil {
			b.runs = append(b.runs, h.Run)
		}
	}
	if presence.Roster == nil {
		return errors.New("no feature for presence in the module list")
	}
	dir.learn(hooks)
	b.c2s.Hosts[addr.String()] = &c2s.Host{
		Domain: b.router.Serve(addr, b.Accounts, hooks), Hooks: hooks, Session: b.sessionHooks(hooks),
	}
	return nil
}

func (b *Broker) sessionHooks(hooks []*module.Hooks) *session.Hooks {
	sh := &session.Hooks{Ended: b.router.Ended, Undelivered: b.router.Undelivered}
	for _, h := range hooks {
		if h.Deliver != nil {
			sh.Deliver = append(sh.Deliver, h.Deliver)
		}
		if h.Writing != nil {
			sh.Writing = append(sh.Writing, h.Writing)
		}
	}
	return sh
}

// closeSessions ends the sessions of an account that was removed.
func (b *Broker) closeSessions(bare jid.JID) {
	for _, s := range b.router.Of(bare) {
		s.Close(stream.NotAuthorized) // XEP-0077#usecases-cancel
	}
}

// ServeClients accepts client streams until the listener is closed. direct says that they start with TLS. ctx outlives the streams:
// Close ends them in good order.
func (b *Broker) ServeClients(ctx context.Context, l net.Listener, direct bool) {
	b.work.Go(func() { b.c2s.Serve(ctx, l, direct) })
}

// Failed gives the error of a feature without which the broker cannot go on.
func (b *Broker) Failed() <-chan error { return b.failed }

// Sessions returns how many client streams there are.
func (b *Broker) Sessions() int { return b.c2s.Count() }

// Close ends all streams in good order, waits for what is under way, until ctx ends, and stops the features. The listeners are
// closed by who opened them, before.
func (b *Broker) Close(ctx context.Context) {
	b.c2s.Shutdown(ctx)
	b.router.EndSessions() // while there is still who stores what they leave
	b.router.Leave()
	b.stop()
	b.work.Wait()
	b.router.Wait() // what the features have handed to a service, too
}

// lateRoster stands for the roster while the features are being made: the one that has it may come after one that uses it.
type lateRoster struct{ module.Roster }

// nowhere stands for other servers, which this broker does not talk to yet.
type nowhere struct{}

// Send implements router.Sender.
func (nowhere) Send(context.Context, *stanza.Stanza) error { return stanza.RemoteServerNotFound }
