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
	for failures := 0; ; {
		began := time.Now()
		err := stayOnce(ctx, c, fn)
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
		if time.Since(began) >= c.Backoff.Stable {
			failures = 0
		}
		failures++
		pause := rand.N(c.Backoff.bound(failures) + 1)
		c.Log.Info("not connected", "jid", c.JID, "err", err, "again_in", pause)
		if !sleep(ctx, pause) {
			return context.Cause(ctx)
		}
	}
}

// stopped is fn's wish to stay no longer.
type stopped struct{ err error }

func (s *stopped) Error() string { return s.err.Error() }

// stayOnce returns why there is no session, or none any more.
func stayOnce(ctx context.Context, c Config, fn func(context.Context, *Session) error) error {
	s, err := Dial(ctx, c)
	if err != nil {
		return err
	}
	c.Log.Info("connected", "jid", s.JID())
	// The farewell has a time limit of its own, so it takes no notice of ctx.
	defer s.Close(context.WithoutCancel(ctx))

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
