package bench

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// loginPatience bounds a login, which waits for others at a busy server.
const loginPatience = 2 * time.Minute

// dialer makes connections to the server.
type dialer struct {
	*Options
	tls *tls.Config
}

// newDialer returns one that speaks TLS 1.3 with X25519, as all servers know it, unless the post-quantum exchange is to be offered.
func newDialer(o *Options) *dialer {
	c := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: o.Roots, ServerName: o.Domain, CurvePreferences: []tls.CurveID{tls.X25519}}
	if o.PostQuantum {
		c.CurvePreferences = []tls.CurveID{tls.X25519MLKEM768, tls.X25519}
	}
	if o.Direct {
		c.NextProtos = []string{"xmpp-client"} // XEP-0368#usecases
	}
	return &dialer{o, c}
}

// remembering returns a dialer with TLS sessions of its own, which it resumes.
func (d *dialer) remembering() *dialer {
	c := d.tls.Clone()
	c.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	return &dialer{d.Options, c}
}

// dialing says what is special about a connection.
type dialing struct {
	window int       // bytes of the socket's receive buffer, 0 for what the kernel thinks
	cut    *cuttable // made to be between TLS and the socket; may be nil
}

// tcp opens connection number i.
func (d *dialer) tcp(ctx context.Context, i int) (net.Conn, error) { return d.socket(ctx, i, 0) }

func (d *dialer) socket(ctx context.Context, i, window int) (net.Conn, error) {
	nd := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { lateBind(fd, d.Server.Addr().Is4(), window) })
	}}
	if from := source(d.Server.Addr(), i); from != nil {
		nd.LocalAddr = from
	}
	return nd.DialContext(ctx, "tcp", d.Server.String())
}

// connect opens connection number i, up to where a stream begins.
func (d *dialer) connect(ctx context.Context, i int, how dialing) (*transport.TCP, error) {
	raw, err := d.socket(ctx, i, how.window)
	if err != nil {
		return nil, err
	}
	if how.cut != nil {
		how.cut.Conn = raw
		raw = how.cut
	}
	conn := transport.NewTCP(raw, xmlstream.Limits{})
	if d.Direct {
		if err := conn.Secure(ctx, d.tls, false); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return conn, nil
}

// login makes session number i. It is bound and has sent nothing yet.
func (d *dialer) login(ctx context.Context, i int, a Account, how dialing) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, loginPatience)
	defer cancel()
	conn, err := d.connect(ctx, i, how)
	if err != nil {
		return nil, advise("Is the server running there? If it is, see its limits of connections per address, and of open files here and there (ulimit -n).",
			"connection %d: %w", i+1, err)
	}
	result, err := stream.Initiator{JID: a.JID, Password: a.Password, TLS: d.tls}.Negotiate(ctx, conn)
	if err != nil {
		conn.Close()
		return nil, advise("Do the accounts exist, with this password, and is --ca the authority of the server's certificate? See: comity bench accounts --help",
			"login of %s: %w", a.JID, err)
	}
	return &session{conn: conn, jid: result.JID, features: result.Features, mechanism: result.Mechanism}, nil
}

// cuttable is a socket that can be made to send half of what it is given.
type cuttable struct {
	net.Conn
	half atomic.Bool
}

// Write implements net.Conn.
func (c *cuttable) Write(b []byte) (int, error) {
	if !c.half.Load() {
		return c.Conn.Write(b)
	}
	if _, err := c.Conn.Write(b[:len(b)/2]); err != nil {
		return 0, err
	}
	return len(b), nil
}
