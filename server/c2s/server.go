// Package c2s receives the streams of clients: STARTTLS and direct TLS, authentication, resource binding, and then the stanzas
// until the stream ends (RFC 6120; XEP-0368).
//
// What is missing: streams that declare their content's namespace with a prefix (RFC 6120 §4.8.2 calls both styles acceptable).
//
// Server listens and counts; a stream negotiates (negotiate.go) and then serves (serve.go). Everything that a stream
// knows is in its struct, not on a goroutine's stack, so that an idle one can be parked.
package c2s

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/module/rate"
	"github.com/comity-iot/comity/server/router"
	"github.com/comity-iot/comity/server/session"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/sasl"
	"github.com/comity-iot/comity/xmpp/transport"
)

// Certificate is what the broker shows to clients, and its leaf, which some clients bind their login to.
type Certificate struct {
	Config *tls.Config
	Leaf   *x509.Certificate
}

// Credentials checks logins for one domain.
type Credentials interface {
	// Credentials returns what the domain's logins share.
	Credentials(domain jid.JID) sasl.ServerConfig
	// Account returns the account to serve after a login; a disabled one is an error.
	Account(ctx context.Context, bare jid.JID) (module.AccountInfo, error)
}

// Host is one domain as clients meet it.
type Host struct {
	Domain  *router.Domain
	Hooks   []*module.Hooks
	Session *session.Hooks // what the domain's sessions call
}

// Server receives client streams.
type Server struct {
	Settings    *Settings
	Log         *slog.Logger
	Router      *router.Router
	Credentials Credentials
	Hosts       map[string]*Host    // by domain
	Certificate func() *Certificate // asked for each stream, so that it may be renewed
	// Parking is how long a stream is idle, at most, before it gives up its goroutine, where the platform and TLS allow that: 0 for a
	// second, or ParkNever or ParkDeaf. docs/adr/0005-parking.md
	Parking time.Duration

	sessions session.Settings
	parker   parker        // nil where each stream keeps its goroutine
	idle     time.Duration // how long a read waits before it gives up for the time being; 0 for ever
	quit     chan struct{} // closed by Shutdown

	shares   shares
	failures *rate.Limit[netip.Addr] // logins

	mu      sync.Mutex
	streams map[*clientStream]struct{}
	perAddr map[netip.Addr]int
	closing bool
	work    sync.WaitGroup
}

// Open makes ready; Shutdown is its end.
func (s *Server) Open() {
	s.open()
	if err := transport.ReadsResume(); err != nil {
		s.Log.Warn("idle streams keep a goroutine each, and a stanza may take for ever", "err", err)
		return
	}
	switch s.Parking {
	case ParkDeaf:
	case ParkNever:
		s.park(nil, 0)
	default:
		s.park(newParker(s.Log), cmp.Or(s.Parking, parkAfter))
	}
}

func (s *Server) open() {
	s.streams = map[*clientStream]struct{}{}
	s.perAddr = map[netip.Addr]int{}
	s.failures = rate.New[netip.Addr](s.Settings.AddressAttempts, attemptsWithin)
	s.sessions = session.Settings{
		Queue: s.Settings.QueueStanzas, QueueBytes: s.Settings.QueueBytes, Write: s.Settings.Write,
		Workers: session.NewWorkers(stayingWriters), Budget: session.NewBudget(int64(s.Settings.QueuesBytes)),
	}
	s.quit = make(chan struct{})
}

// attemptsWithin is for what time logins that failed are counted.
const attemptsWithin = 10 * time.Minute

// park says how idle streams are parked; without a parker they are not, and time out only to see that no stanza takes too long.
func (s *Server) park(p parker, after time.Duration) {
	s.parker, s.idle = p, after
	if p == nil {
		s.idle = s.Settings.Element
	}
}

// stayingWriters is how many goroutines wait to write: more than can run at a time, for a write may have to wait for the network.
const stayingWriters = 16

// Serve accepts streams until the listener is closed. direct says that they start with TLS.
func (s *Server) Serve(ctx context.Context, l net.Listener, direct bool) {
	for {
		c, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
				return
			}
			// Out of descriptors: others' streams go on, this one has to come again.
			s.Log.Warn("accept failed", "err", err)
			select {
			case <-time.After(100 * time.Millisecond):
				continue
			case <-ctx.Done():
				return
			}
		}
		s.accept(ctx, c, direct)
	}
}

func (s *Server) accept(ctx context.Context, c net.Conn, direct bool) {
	st := newStream(s, c)
	if !s.admit(st) {
		c.Close()
		return
	}
	go st.begin(ctx, direct)
}

// admit counts a new stream unless there are too many.
func (s *Server) admit(st *clientStream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	addr := st.remote.Addr()
	if s.closing ||
		s.Settings.Streams > 0 && len(s.streams) >= s.Settings.Streams ||
		s.Settings.PerAddress > 0 && s.perAddr[addr] >= s.Settings.PerAddress {
		return false
	}
	s.streams[st] = struct{}{}
	s.perAddr[addr]++
	s.work.Add(1)
	return true
}

func (s *Server) release(st *clientStream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.streams[st]; !ok {
		return
	}
	delete(s.streams, st)
	s.work.Done()
	if st.share != nil {
		s.shares.leave(st.account, st.share)
	}
	addr := st.remote.Addr()
	if s.perAddr[addr]--; s.perAddr[addr] == 0 {
		delete(s.perAddr, addr)
	}
}

// Shutdown takes no more streams and ends all there are, those that have a session with system-shutdown; then it waits for them. When
// ctx ends their connections are cut. It is called once.
func (s *Server) Shutdown(ctx context.Context) {
	close(s.quit)
	s.mu.Lock()
	s.closing = true
	var open []*clientStream
	for st := range s.streams {
		open = append(open, st)
	}
	s.mu.Unlock()
	for _, st := range open {
		st.shutdown()
	}
	done := make(chan struct{})
	go func() { s.work.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		for _, st := range open {
			st.conn.Close()
		}
		<-done
	}
	s.sessions.Workers.Close()
	if s.parker != nil {
		s.parker.close()
	}
}

// Count returns how many streams there are.
func (s *Server) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.streams)
}
