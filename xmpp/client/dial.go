package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/transport"
)

// connectTimeout bounds one attempt to connect, so that others are left time.
const connectTimeout = 10 * time.Second

// Dial makes a session, over one connection: negotiated, bound, and able to send and handle stanzas. Presence is not sent. ctx
// bounds Dial and not the session, which lasts until Close is called, the connection is lost, or Done says so for another reason.
//
// The error is that of connecting, ErrConfig, ErrNotOffered, or one of stream.Initiator's Negotiate.
func Dial(ctx context.Context, c Config) (*Session, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	l, err := c.dial(ctx, nil)
	if err != nil {
		return nil, err
	}
	return newSession(ctx, &c, l, nil, nil), nil
}

// dial finds the server, connects and negotiates: a new session or, where the server lets it, the earlier one.
func (c *Config) dial(ctx context.Context, earlier *stream.Resumption) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	targets, err := c.targets(ctx)
	if err != nil {
		return nil, err
	}
	l, err := c.enter(ctx, targets, earlier)
	var e *stream.Error
	if errors.As(err, &e) && e.Condition == stream.SeeOtherHost { // followed once, so that no two servers can play ball with us
		c.Log.Debug("redirected", "host", e.Host)
		if targets, err = c.elsewhere(ctx, e.Host); err == nil {
			l, err = c.enter(ctx, targets, earlier)
		}
	}
	if err != nil {
		return nil, err
	}
	c.Log.Debug("connected", "jid", l.JID, "remote", l.conn.RemoteAddr(), "mechanism", l.Mechanism)
	return l, nil
}

// enter connects to the first target that it can, and negotiates there.
func (c *Config) enter(ctx context.Context, targets []target, earlier *stream.Resumption) (*link, error) {
	conn, err := c.connect(ctx, targets)
	if err != nil {
		return nil, err
	}
	in := stream.Initiator{
		JID: c.JID, Password: c.Password,
		TLS: c.TLS, AllowPlaintext: c.AllowPlaintext,
		Register: c.Register, Resume: earlier,
	}
	result, err := in.Negotiate(ctx, conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &link{conn, result}, nil
}

// connect returns a connection, with TLS already where the target is for that.
func (c *Config) connect(ctx context.Context, targets []target) (transport.Conn, error) {
	var failed []error
	for _, t := range targets {
		conn, err := c.connectTo(ctx, t)
		if err == nil {
			return conn, nil
		}
		failed = append(failed, fmt.Errorf("client: connect to %s: %w", t.addr, err))
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(failed...)
}

func (c *Config) connectTo(ctx context.Context, t target) (transport.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	raw, err := c.DialContext(ctx, "tcp", t.addr)
	if err != nil {
		return nil, err
	}
	conn := transport.NewTCP(raw, c.Limits)
	if !t.direct {
		return conn, nil
	}
	config, err := stream.TLSFor(c.TLS, c.JID)
	if err == nil {
		if config.NextProtos == nil {
			config.NextProtos = []string{"xmpp-client"} // XEP-0368#usecases
		}
		err = conn.Secure(ctx, config, false)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}
