package client_test

import (
	"context"
	"errors"
	"io"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/mux"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/stream/streamtest"
)

// A connection that is lost is made again, after a wait that doubles up to a bound, and is short again after a while that all
// was well. Handlers of the configuration go on.
func TestStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const sessions = 12
		lasts := func(d time.Duration) func(*streamtest.Peer) {
			return func(p *streamtest.Peer) {
				enter(p)
				p.Expect(stanza.Client, "presence")
				p.Send("<message><body>" + strconv.Itoa(int(d)) + "</body></message>")
				time.Sleep(d)
			}
		}
		var scripts []func(*streamtest.Peer)
		for i := range sessions - 1 {
			d := time.Second
			if i == 9 {
				d = time.Hour
			}
			scripts = append(scripts, lasts(d))
		}
		n := &network{t: t, scripts: append(scripts, func(p *streamtest.Peer) {
			enter(p)
			p.Expect(stanza.Client, "presence")
			farewell(p)
		})}
		c := n.config()
		c.KeepAlive, c.Ping = -1, -1
		c.Mux = new(mux.Mux)
		handled := 0
		c.Mux.HandleMessage(stanza.Client, "body", func(*stanza.Stanza) { handled++ })

		var waits []time.Duration
		var over time.Time
		ctx, cancel := context.WithCancel(t.Context())
		err := client.Stay(ctx, c, func(ctx context.Context, s *client.Session) error {
			if !over.IsZero() {
				waits = append(waits, time.Since(over))
			}
			if err := s.Send(ctx, &stanza.Stanza{Kind: stanza.Presence}); err != nil {
				return err
			}
			if len(waits) == sessions-1 {
				cancel()
			}
			<-ctx.Done()
			over = time.Now()
			if cause := context.Cause(ctx); cause != s.Err() && cause != context.Canceled {
				t.Errorf("context ended with %v, session with %v", cause, s.Err())
			}
			return nil
		})
		if err != context.Canceled {
			t.Error(err)
		}
		if handled != sessions-1 {
			t.Errorf("%d messages handled", handled)
		}
		bound := time.Second
		for i, w := range waits {
			if i == 9 {
				bound = time.Second
			}
			if w > bound {
				t.Errorf("wait %d: %v, at most %v", i, w, bound)
			}
			bound = min(2*bound, 2*time.Minute)
		}
	})
}

// What trying again will not heal ends it; what it may heal does not. All are tried for an hour at most.
func TestStayGivesUp(t *testing.T) {
	failure := func(condition string) func(*streamtest.Peer) {
		return func(p *streamtest.Peer) {
			p.Header(p.Mechanisms()...)
			p.Expect(stream.NSSASL, "auth")
			p.Write(stream.Failure(condition))
			p.ExpectEnd()
		}
	}
	unbound := func(condition stanza.Condition) func(*streamtest.Peer) {
		return func(p *streamtest.Peer) {
			p.Header(p.Mechanisms()...)
			p.Authenticate(accounts)
			p.Header(offersBind)
			iq := p.Expect(stanza.Client, "iq")
			p.Send("<iq type='error' id='" + iq.Attr("id") + "'>" + stanza.AsError(condition).Element().String() + "</iq>")
			p.ExpectEnd()
		}
	}
	ended := func(condition stream.Condition) func(*streamtest.Peer) {
		return func(p *streamtest.Peer) {
			enter(p)
			p.Write((&stream.Error{Condition: condition}).Element())
			p.ExpectEnd()
		}
	}
	for name, tt := range map[string]struct {
		script func(*streamtest.Peer)
		final  error
	}{
		"wrong password":        {failure("not-authorized"), nil},
		"disabled":              {failure("account-disabled"), nil},
		"busy with logins":      {failure("temporary-auth-failure"), context.DeadlineExceeded},
		"resource refused":      {unbound(stanza.NotAllowed), stanza.NotAllowed},
		"too many resources":    {unbound(stanza.ResourceConstraint), context.DeadlineExceeded},
		"replaced":              {ended(stream.Conflict), stream.Conflict},
		"shutting down":         {ended(stream.SystemShutdown), context.DeadlineExceeded},
		"too slow":              {ended(stream.PolicyViolation), context.DeadlineExceeded},
		"cut in mid-login":      {func(p *streamtest.Peer) { p.Header(p.Mechanisms()...) }, context.DeadlineExceeded},
		"no TLS, perhaps taken": {func(p *streamtest.Peer) { p.Header(); p.ExpectEnd() }, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{t: t, scripts: []func(*streamtest.Peer){tt.script}}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				err := client.Stay(ctx, n.config(), func(context.Context, *client.Session) error { return nil })
				dialled := len(n.addrs())
				if tt.final == context.DeadlineExceeded {
					if err != tt.final || dialled < 20 {
						t.Errorf("%v after %d connections", err, dialled)
					}
					return
				}
				if !client.Permanent(err) || tt.final != nil && !errors.Is(err, tt.final) || dialled != 1 {
					t.Errorf("%v after %d connections", err, dialled)
				}
			})
		})
	}
}

// The function ends it all with its error, and the session with its Close.
func TestStayEnds(t *testing.T) {
	broke := errors.New("sensor broke")
	for name, tt := range map[string]struct {
		fn   func(context.Context, *client.Session) error
		want error
	}{
		"by error": {func(context.Context, *client.Session) error { return broke }, broke},
		"by close": {func(_ context.Context, s *client.Session) error {
			s.Close(context.Background())
			return nil
		}, nil},
		"by close, with an error of the session": {func(ctx context.Context, s *client.Session) error {
			s.Close(context.Background())
			return s.Send(ctx, message("1"))
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := config(t, func(p *streamtest.Peer) {
					enter(p)
					farewell(p)
				})
				if err := client.Stay(t.Context(), c, tt.fn); err != tt.want {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// An error of fn that comes of the connection is no reason to give up.
func TestStaySurvivesLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		n := &network{t: t, scripts: []func(*streamtest.Peer){enter}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := client.Stay(ctx, n.config(), func(ctx context.Context, s *client.Session) error {
			calls.Add(1)
			_, err := s.Request(ctx, ask(romeo))
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("request: %v", err)
			}
			return err
		})
		if err != context.DeadlineExceeded || calls.Load() < 3 {
			t.Errorf("%v after %d calls", err, calls.Load())
		}
	})
}
