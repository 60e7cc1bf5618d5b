package c2s_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server/c2s"
	"github.com/comity-iot/comity/server/router"
	"github.com/comity-iot/comity/server/session"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/sasl"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream/streamtest"
)

const domain = "example.com"

// world is a server with its listener in memory, and one domain with juliet and romeo.
type world struct {
	*c2s.Server
	t      testing.TB
	people *people
	dials  chan net.Conn
	tls    *tls.Config // of a client that trusts the server
	ended  func()      // ends all there is

	once sync.Once
}

// shutdown ends the server, once.
func (w *world) shutdown(ctx context.Context) { w.once.Do(func() { w.Shutdown(ctx) }) }

// options change a world before it opens.
type options struct {
	settings func(*c2s.Settings)
	hooks    *module.Hooks
	domains  []string
	parking  c2s.Parking
	listener net.Listener // nil for one in memory
	direct   bool
}

func newWorld(t testing.TB, o options) *world {
	t.Helper()
	w := &world{t: t, people: newPeople(), dials: make(chan net.Conn)}
	settings := c2s.Defaults()
	if o.settings != nil {
		o.settings(settings)
	}
	if o.domains == nil {
		o.domains = []string{domain}
	}
	ca := streamtest.NewCA(t)
	w.tls = ca.Client()
	w.tls.ServerName = domain
	w.tls.DynamicRecordSizingDisabled = true // what is written at once is one record
	config := ca.Server(domain)
	log := slog.New(slog.DiscardHandler)
	w.Server = &c2s.Server{
		Settings: settings, Log: log, Router: router.New(context.Background(), log, nowhere{}), Credentials: w.people,
		Hosts:       map[string]*c2s.Host{},
		Certificate: func() *c2s.Certificate { return &c2s.Certificate{Config: config, Leaf: config.Certificates[0].Leaf} },
	}
	hooks := []*module.Hooks{{Presence: presence{}}}
	if o.hooks != nil {
		hooks = append(hooks, o.hooks)
	}
	for _, d := range o.domains {
		w.Hosts[d] = &c2s.Host{
			Domain: w.Router.Serve(jid.MustParse(d), w.people, hooks), Hooks: hooks,
			Session: &session.Hooks{Ended: w.Router.Ended, Undelivered: w.Router.Undelivered},
		}
	}
	if err := w.OpenFor(o.parking); err != nil {
		t.Fatal(err)
	}
	l := o.listener
	if l == nil {
		l = listener{w.dials, make(chan struct{})}
	}
	var work sync.WaitGroup
	work.Go(func() { w.Serve(context.Background(), l, o.direct) })
	w.ended = sync.OnceFunc(func() {
		l.Close()
		work.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		w.shutdown(ctx)
		w.Router.EndSessions()
		w.Router.Wait()
	})
	t.Cleanup(w.ended)
	return w
}

// connect opens a connection in memory, from the loopback interface as it seems.
func (w *world) connect() net.Conn {
	here, there := pipeFrom("127.0.0.1:4711")
	w.dials <- there
	return here
}

type listener struct {
	dials  chan net.Conn
	closed chan struct{}
}

func (l listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.dials:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l listener) Close() error   { close(l.closed); return nil }
func (l listener) Addr() net.Addr { return nil }

// nowhere is where other servers are.
type nowhere struct{}

func (nowhere) Send(context.Context, *stanza.Stanza) error { return stanza.RemoteServerNotFound }

// people implements c2s.Credentials, sasl.Credentials, sasl.Verifier and module.Accounts: everybody's password is "secret".
type people struct {
	module.Accounts
	mu   sync.Mutex
	all  map[string]module.AccountInfo // by localpart
	keys map[sasl.Hash]sasl.Keys
}

func newPeople() *people {
	p := &people{all: map[string]module.AccountInfo{"juliet": {}, "romeo": {}, "tybalt": {Disabled: true}}, keys: map[sasl.Hash]sasl.Keys{}}
	for _, h := range []sasl.Hash{sasl.SHA1, sasl.SHA256} {
		k, err := sasl.DeriveKeys(h, "secret", sasl.NewSalt(), sasl.MinIterations)
		if err != nil {
			panic(err)
		}
		p.keys[h] = k
	}
	return p
}

func (p *people) Credentials(jid.JID) sasl.ServerConfig {
	return sasl.ServerConfig{Credentials: p, Secret: make([]byte, 32), Iterations: sasl.MinIterations}
}

func (p *people) Keys(_ context.Context, username string, h sasl.Hash) (sasl.Keys, error) {
	k, ok := p.keys[h]
	if _, known := p.find(username); !known || !ok {
		return k, sasl.ErrNoUser
	}
	return k, nil
}

func (p *people) Verify(_ context.Context, username, password string) error {
	if _, ok := p.find(username); !ok || password != "secret" {
		return sasl.ErrProof
	}
	return nil
}

func (p *people) Account(_ context.Context, bare jid.JID) (module.AccountInfo, error) {
	info, ok := p.find(bare.Local())
	if !ok {
		return info, store.ErrNotFound
	}
	return info, nil
}

func (p *people) Exists(_ context.Context, bare jid.JID) bool {
	_, ok := p.find(bare.Local())
	return ok
}

func (p *people) find(local string) (module.AccountInfo, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	info, ok := p.all[local]
	return info, ok
}

func (p *people) add(local string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all[local] = module.AccountInfo{}
}

func (p *people) remove(local string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.all, local)
}

// presence keeps what a session says, and tells nobody.
type presence struct{ module.Presence }

func (presence) Out(_ context.Context, s module.Session, p *stanza.Stanza) error {
	if p.Type == stanza.Unavailable {
		p = nil
	}
	s.SetPresence(p)
	return nil
}

func (presence) In(context.Context, *stanza.Stanza) error { return nil }
func (presence) Gone(context.Context, module.Session)     {}

// pipeFrom is a connection in memory that seems to come from an address.
func pipeFrom(addr string) (here, there net.Conn) {
	here, there = streamtest.Pipe()
	return here, from{there, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr))}
}

type from struct {
	net.Conn
	addr net.Addr
}

func (f from) RemoteAddr() net.Addr { return f.addr }
