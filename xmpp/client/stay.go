package client

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/comity-iot/comity/xmpp/sasl"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
)

// Backoff says how long to wait between connections: a random time up to a bound that doubles with each failure, so that the
// things of a server that was down do not come back all at once. Zero means the default, in brackets.
type Backoff struct {
	Min    time.Duration // the first bound [1 s]
	Max    time.Duration // the last bound [2 min]
	Stable time.Duration // a session that lasted so long counts as a success, and the bound is the first again [1 min]
}

func (b Backoff) withDefaults() Backoff {
	set(&b.Min, time.Second)
	set(&b.Max, 2*time.Minute)
	set(&b.Stable, time.Minute)
	return b
}

// bound returns the longest wait after so many failures in a row, of which there is one at least.
func (b Backoff) bound(failures int) time.Duration {
	d := b.Min
	for ; failures > 1 && d < b.Max; failures-- {
		d *= 2
	}
	return min(d, b.Max)
}

// Stay keeps a session alive: it dials, calls fn with the session, and when that is over dials again, after a wait as
// c.Backoff says.
//
// fn sets up what the session is for, and may go on as long as it likes; its context ends with the session. Where it returns
// nil the session goes on without it. Its error ends Stay, unless the session was over by then.
//
// A session is not over when its connection is lost, where the server offers stream management (XEP-0198): it is resumed over
// another, and fn hears nothing of it. Where it cannot be, because it was away for too long or the server was started anew, it ends
// with ErrNotResumed, and so do its requests. Messages that Send has taken and the server not acknowledged are sent again first in
// the new session, with their ids and a note since when (XEP-0203), before fn is called: one that had arrived arrives twice. All else
// is dropped.
//
// Stay returns when ctx ends, with its cause; nil where the session was closed by its Close; the error of fn; or the error that
// waiting will not heal, see Permanent. It has then closed the session, and nothing of it is left running.
func Stay(ctx context.Context, c Config, fn func(context.Context, *Session) error) error {
	c, err := c.withDefaults()
	if err != nil {
		return err
	}
	if c.TLS == nil {
		c.TLS = &tls.Config{}
	}
	if c.TLS.ClientSessionCache == nil { // a handshake is most of what a login costs the server
		c.TLS = c.TLS.Clone()
		c.TLS.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	k := &keeper{Config: c}
	defer k.drop()
	for {
		err := k.session(ctx, fn)
		var stop *stopped
		switch {
		case errors.As(err, &stop):
			return stop.err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, ErrClosed):
			return nil
		case Permanent(err):
			return err
		}
		if k.next == nil && !k.pause(ctx, err) {
			return context.Cause(ctx)
		}
	}
}

// stopped is fn's wish to stay no longer.
type stopped struct{ err error }

func (s *stopped) Error() string { return s.err.Error() }

// keeper is what Stay remembers from one connection to the next. Its goroutine uses it and, while there is a session, that one's
// reader.
type keeper struct {
	Config
	failures int
	began    time.Time // the last attempt to connect
	next     *link     // with a new session, for the earlier one could not be resumed
	left     []entry   // of the last session
}

// session returns why there is no session, or none any more.
func (k *keeper) session(ctx context.Context, fn func(context.Context, *Session) error) error {
	l, err := k.link(ctx)
	if err != nil {
		return err
	}
	s := newSession(ctx, &k.Config, l, k.reconnect, k.left)
	k.Log.Info("connected", "jid", s.JID())
	defer func() {
		s.Close(context.WithoutCancel(ctx)) // the farewell has a time limit of its own, so it takes no notice of ctx
		k.left = s.out.left()
	}()

	var work sync.WaitGroup
	defer work.Wait()
	lasting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work.Go(func() {
		select {
		case <-s.Done():
			cancel(s.Err())
		case <-lasting.Done():
		}
	})
	if err := fn(lasting, s); err != nil && s.Err() == nil && ctx.Err() == nil {
		return &stopped{err}
	}
	select {
	case <-s.Done():
		return s.Err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// link returns the connection for the next session, which may be there already.
func (k *keeper) link(ctx context.Context) (*link, error) {
	if l := k.next; l != nil {
		k.next = nil
		return l, nil
	}
	k.began = time.Now()
	return k.dial(ctx, nil)
}

// drop closes a connection whose session nobody wants any more.
func (k *keeper) drop() {
	if k.next != nil {
		k.next.conn.Close()
	}
}

// reconnect is that of its sessions.
func (k *keeper) reconnect(ctx context.Context, cause error, r stream.Resumption) (*link, error) {
	for k.pause(ctx, cause) {
		k.began = time.Now()
		l, err := k.dial(ctx, &r)
		switch {
		case err == nil:
			if !l.Resumed.OK {
				k.next = l
			}
			return l, nil
		case Permanent(err):
			return nil, err
		}
		cause = err
	}
	return nil, context.Cause(ctx)
}

// pause waits before the next attempt to connect, the longer the more have failed. It reports whether ctx lets it.
func (k *keeper) pause(ctx context.Context, cause error) bool {
	if time.Since(k.began) >= k.Backoff.Stable {
		k.failures = 0
	}
	k.failures++
	wait := rand.N(k.Backoff.bound(k.failures) + 1)
	k.Log.Info("not connected", "jid", k.JID, "err", cause, "again_in", wait)
	return sleep(ctx, wait)
}

// sleep waits, and reports whether it did to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Permanent reports whether trying again is of no use, or does harm: the server does not want this account or this password,
// another session has taken the place of ours, the configuration is wrong. What an operator or time can set right, such as a
// certificate that has expired, is not permanent; nor is what an attacker in between can bring about.
func Permanent(err error) bool {
	if refused, ok := errors.AsType[*stream.AuthError](err); ok {
		return refused.Condition != sasl.TemporaryAuthFailure
	}
	if refused, ok := errors.AsType[*stanza.Error](err); ok { // of registration or binding
		return refused.Kind != stanza.Wait && refused.Condition != stanza.InternalServerError
	}
	if ended, ok := errors.AsType[*stream.Error](err); ok {
		switch ended.Condition {
		case stream.Conflict, stream.NotAuthorized, stream.HostGone, stream.UnsupportedVersion:
			return true
		}
		return false
	}
	return errors.Is(err, ErrConfig) || errors.Is(err, sasl.ErrUsername) || errors.Is(err, sasl.ErrPassword)
}
