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
// bounds Dial and not the session, which lasts until Close is called or Done says so.
//
// The error is that of connecting, ErrConfig, ErrNotOffered, or one of stream.Initiator's Negotiate.
func Dial(ctx context.Context, c Config) (*Session, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	dialing, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	targets, err := c.targets(dialing)
	if err != nil {
		return nil, err
	}
	conn, result, err := c.enter(dialing, targets)
	var e *stream.Error
	if errors.As(err, &e) && e.Condition == stream.SeeOtherHost { // followed once, so that no two servers can play ball with us
		c.Log.Debug("redirected", "host", e.Host)
		if targets, err = c.elsewhere(dialing, e.Host); err == nil {
			conn, result, err = c.enter(dialing, targets)
		}
	}
	if err != nil {
		return nil, err
	}
	c.Log.Debug("connected", "jid", result.JID, "remote", conn.RemoteAddr(), "mechanism", result.Mechanism)
	return newSession(ctx, &c, conn, result), nil
}

// enter connects to the first target that it can, and negotiates there.
func (c *Config) enter(ctx context.Context, targets []target) (transport.Conn, stream.Result, error) {
	conn, err := c.connect(ctx, targets)
	if err != nil {
		return nil, stream.Result{}, err
	}
	in := stream.Initiator{
		JID: c.JID, Password: c.Password,
		TLS: c.TLS, AllowPlaintext: c.AllowPlaintext,
		Register: c.Register,
	}
	result, err := in.Negotiate(ctx, conn)
	if err != nil {
		conn.Close()
		return nil, stream.Result{}, err
	}
	return conn, result, nil
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
