// Package client is a client's session with its server (RFC 6120 version of March 2011, RFC 6121 for what stanzas mean):
// find the server (SRV records, XEP-0368 version 1.1.0), connect, secure, log in, bind; then send, request, and handle what
// comes. Dial makes one session; Stay keeps one, over as many connections as it takes (XEP-0198 version 1.6.3).
//
// Missing: of XEP-0198, the preferred address to reconnect to; SASL2 and Bind 2; DNSSEC and DANE; carriers other than TCP.
package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/mux"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Config says whose session is wanted, and how. JID and Password are required; zero in any other field means the default, in
// brackets.
type Config struct {
	JID      jid.JID // the account; a resourcepart is asked for [the server makes one]
	Password string

	// Addr is "host:port" to connect to [found by SRV records of the domain, then the domain at port 5222].
	Addr string
	// DirectTLS begins with TLS rather than STARTTLS, at Addr or, without one, only where SRV records say so (XEP-0368).
	DirectTLS bool
	// TLS is cloned; its ServerName is the domain of JID [the system's authorities].
	TLS *tls.Config
	// AllowPlaintext goes without TLS on the loopback interface, if the server lets it.
	AllowPlaintext bool
	// Register creates the account where the login fails and the server offers in-band registration; see stream.Initiator.
	Register func(ctx context.Context, r stanza.Requester) error

	// Mux has handlers already before the session begins, and keeps them for the next [a new one].
	Mux    *mux.Mux
	Limits xmlstream.Limits // on what the server may send
	Queue  int              // stanzas that may wait to be written and acknowledged, before Send blocks [256]
	// Unmanaged goes without stream management (XEP-0198) where the server offers it: without acknowledgements, and a session ends
	// with its connection.
	Unmanaged bool
	// Inbox and InboxBytes bound what may wait for handlers; what comes beyond is refused with resource-constraint, and
	// presence is dropped [1024, 4 MiB].
	Inbox, InboxBytes int

	Timeout     time.Duration // from the first look-up to a bound resource [30 s]
	Write       time.Duration // one write [30 s]
	KeepAlive   time.Duration // without having sent anything, after which a space is sent; negative for never [2 min]
	Ping        time.Duration // without having heard anything, after which the server is pinged; negative for never [5 min]
	PingTimeout time.Duration // to hear anything then [30 s]
	Backoff     Backoff       // of Stay

	Log *slog.Logger // [none]

	// Resolver finds the server [net.DefaultResolver].
	Resolver Resolver
	// DialContext connects, as that of net.Dialer [the same].
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Resolver looks up SRV records. *net.Resolver is one.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, addrs []*net.SRV, err error)
}

// LogValue hides the password.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("jid", c.JID), slog.String("addr", c.Addr), slog.String("password", "***"))
}

// Errors of a session, by errors.Is. Others that end one are a *stream.Error, stream.ErrClosed, and those of the network.
var (
	// ErrConfig: the Config cannot be meant.
	ErrConfig = errors.New("client: bad configuration")
	// ErrClosed: Close was called.
	ErrClosed = errors.New("client: session closed")
	// ErrSilent: the server did not answer a ping.
	ErrSilent = errors.New("client: the server is silent")
	// ErrNotOffered: the domain says in its SRV records that it has no such service.
	ErrNotOffered = errors.New("client: the domain offers no service for clients")
)

// Default values of Config.
const (
	defaultQueue       = 256
	defaultInbox       = 1024
	defaultInboxBytes  = 4 << 20
	defaultTimeout     = 30 * time.Second
	defaultWrite       = 30 * time.Second
	defaultKeepAlive   = 2 * time.Minute
	defaultPing        = 5 * time.Minute
	defaultPingTimeout = 30 * time.Second
)

func (c Config) withDefaults() (Config, error) {
	if c.JID.Local() == "" {
		return c, fmt.Errorf("%w: %q is no account", ErrConfig, c.JID)
	}
	set(&c.Queue, defaultQueue)
	set(&c.Inbox, defaultInbox)
	set(&c.InboxBytes, defaultInboxBytes)
	set(&c.Timeout, defaultTimeout)
	set(&c.Write, defaultWrite)
	set(&c.KeepAlive, defaultKeepAlive)
	set(&c.Ping, defaultPing)
	set(&c.PingTimeout, defaultPingTimeout)
	c.Backoff = c.Backoff.withDefaults()
	if c.Mux == nil {
		c.Mux = new(mux.Mux)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	if c.DialContext == nil {
		c.DialContext = new(net.Dialer).DialContext
	}
	return c, nil
}

// set replaces a zero value.
func set[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}
