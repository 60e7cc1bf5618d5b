package client_test

import (
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream/streamtest"
)

// spaces notes when single spaces are written.
type spaces struct {
	net.Conn
	mu sync.Mutex
	at []time.Duration
	t0 time.Time
}

func (c *spaces) Write(p []byte) (int, error) {
	if string(p) == " " {
		c.mu.Lock()
		c.at = append(c.at, time.Since(c.t0))
		c.mu.Unlock()
	}
	return c.Conn.Write(p)
}

// RFC 6120 §4.6.1: where nothing else was sent for a while, a space is.
func TestKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noted := &spaces{t0: time.Now()}
		n := &network{t: t, scripts: []func(*streamtest.Peer){func(p *streamtest.Peer) {
			enter(p)
			p.Expect(stanza.Client, "message")
			farewell(p)
		}}, wrap: func(c net.Conn) net.Conn {
			noted.Conn = c
			return noted
		}}
		c := n.config()
		c.KeepAlive, c.Ping = time.Minute, -1
		s, err := client.Dial(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(150 * time.Second) // 1:00, 2:00
		s.Send(t.Context(), message("1"))
		time.Sleep(65 * time.Second) // 3:30
		s.Close(t.Context())
		if want := []time.Duration{time.Minute, 2 * time.Minute, 210 * time.Second}; !slices.Equal(noted.at, want) {
			t.Errorf("spaces at %v, want %v", noted.at, want)
		}
	})
}

// XEP-0199#c2s: a server that was not heard of is pinged, and lives as long as it answers, with an error for all we care.
func TestPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := session(t, func(c *client.Config) { c.KeepAlive = -1 }, func(p *streamtest.Peer) {
			after := func(want time.Duration) string {
				iq := p.Expect(stanza.Client, "iq")
				if iq.Child("urn:xmpp:ping", "ping") == nil || iq.Attr("to") != domain || iq.Attr("type") != "get" {
					p.Fatalf("got %v", iq)
				}
				if got := time.Since(began); got != want {
					p.Fatalf("ping after %v, want %v", got, want)
				}
				return iq.Attr("id")
			}
			id := after(5 * time.Minute)
			time.Sleep(29 * time.Second)
			p.Send("<iq type='error' id='" + id + "'><error type='cancel'><service-unavailable xmlns='" + stanza.NSErrors + "'/></error></iq>")
			time.Sleep(2 * time.Minute)
			p.Send("<message><body>still here</body></message>") // 7:29
			after(12*time.Minute + 29*time.Second)
			p.ExpectGone()
		})
		<-s.Done()
		if took := time.Since(began); took != 12*time.Minute+59*time.Second || s.Err() != client.ErrSilent {
			t.Errorf("over after %v: %v", took, s.Err())
		}
	})
}

// A large stanza over a slow link is a sign of life.
func TestSlowLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := make(chan string, 1)
		s := session(t, func(c *client.Config) {
			c.KeepAlive, c.Ping, c.PingTimeout = -1, 10*time.Second, 5*time.Second
		}, func(p *streamtest.Peer) {
			p.Expect(stanza.Client, "presence")
			p.Send("<message><body>")
			for range 60 {
				time.Sleep(4 * time.Second)
				p.Send("x")
			}
			p.Send("</body></message>")
			p.ExpectGone()
		})
		s.HandleMessage(stanza.Client, "body", func(st *stanza.Stanza) { got <- st.Body() })
		s.Send(t.Context(), &stanza.Stanza{Kind: stanza.Presence})
		select {
		case body := <-got:
			if len(body) != 60 {
				t.Errorf("got %q", body)
			}
		case <-s.Done():
			t.Error(s.Err())
		}
		s.Close(t.Context())
	})
}

// A server that is left in peace is one, for as long as it likes.
func TestNoWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := session(t, func(c *client.Config) { c.KeepAlive, c.Ping = -1, -1 }, farewell)
		time.Sleep(24 * time.Hour)
		if err := s.Close(t.Context()); err != nil || s.Err() != client.ErrClosed {
			t.Error(err, s.Err())
		}
	})
}
