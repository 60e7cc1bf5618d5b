package client_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/stream/streamtest"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// RFC 6120 §9.1.4 and §4.4: a session sends, and is closed by either side in turn.
func TestSession(t *testing.T) {
	s := session(t, nil, func(p *streamtest.Peer) {
		p.Expect(stanza.Client, "presence")
		if got := p.Expect(stanza.Client, "message"); got.ChildText(stanza.Client, "body") != "1" || got.Attr("to") != romeo.String() {
			p.Fatalf("got %v", got)
		}
		farewell(p)
	})
	if s.JID().String() != full || s.Features().Child(stream.NSBind, "bind") == nil || s.Err() != nil {
		t.Errorf("session of %s with %v, %v", s.JID(), s.Features(), s.Err())
	}
	for _, st := range []*stanza.Stanza{{Kind: stanza.Presence}, message("1")} {
		if err := s.Send(t.Context(), st); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // once more does no harm
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	<-s.Done()
	if err := s.Err(); err != client.ErrClosed {
		t.Errorf("over: %v", err)
	}
	if err := s.Send(t.Context(), message("2")); err != client.ErrClosed {
		t.Errorf("send: %v", err)
	}
	if _, err := s.Request(t.Context(), ask(romeo)); err != client.ErrClosed {
		t.Errorf("request: %v", err)
	}
}

// How a session ends that the client did not close, and that the end is answered in good order where there is anyone.
func TestEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		script func(*streamtest.Peer)
		want   error
	}{
		"closed by the server": {func(p *streamtest.Peer) {
			p.Conn.End()
			p.ExpectEnd()
		}, stream.ErrClosed},
		"stream error": {func(p *streamtest.Peer) {
			p.Write((&stream.Error{Condition: stream.Conflict, Text: "Replaced by new connection"}).Element())
			p.Conn.End()
			p.ExpectEnd()
		}, stream.Conflict},
		"connection lost": {func(p *streamtest.Peer) {}, io.EOF},
		"features again": {func(p *streamtest.Peer) {
			p.Write(stream.Features(offersBind))
			p.ExpectError(stream.UnsupportedStanzaType)
		}, stream.UnsupportedStanzaType},
		"not XML": {func(p *streamtest.Peer) {
			p.Send("<message></presence>")
			p.ExpectError(stream.NotWellFormed)
		}, nil},
		"forbidden XML": {func(p *streamtest.Peer) {
			p.Send("<!-- psst -->")
			p.ExpectError(stream.RestrictedXML)
		}, nil},
		"too large": {func(p *streamtest.Peer) {
			p.Conn.Write(streamtest.Raw("<message><body>" + strings.Repeat("x", 300<<10))) // in part
			p.ExpectError(stream.PolicyViolation)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			begin := make(chan struct{})
			s := session(t, nil, func(p *streamtest.Peer) {
				p.Expect(stanza.Client, "iq")
				close(begin)
				tt.script(p)
			})
			failed := make(chan error)
			go func() {
				_, err := s.Request(t.Context(), ask(romeo))
				failed <- err
			}()
			<-begin
			err := <-failed
			<-s.Done()
			if s.Err() == nil || tt.want != nil && !errors.Is(s.Err(), tt.want) {
				t.Errorf("over: %v", s.Err())
			}
			if err != s.Err() {
				t.Errorf("request: %v", err)
			}
			if err := s.Send(t.Context(), message("1")); err != s.Err() {
				t.Errorf("send: %v", err)
			}
		})
	}
}

// A server that does not close its half is left after a while; one that does not read either, too.
func TestCloseUnanswered(t *testing.T) {
	for name, script := range map[string]func(*streamtest.Peer){
		"reads":         func(p *streamtest.Peer) { p.ExpectGone() }, // the end of the stream
		"does not read": func(*streamtest.Peer) {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				s := session(t, nil, func(p *streamtest.Peer) {
					script(p)
					<-release
				})
				defer close(release)
				for range 10 {
					s.Send(t.Context(), message(strings.Repeat("x", 20_000)))
				}
				began := time.Now()
				if err := s.Close(t.Context()); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took != 5*time.Second {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

func TestCloseCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := session(t, nil, func(p *streamtest.Peer) { <-release })
		defer close(release)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		s.Close(ctx)
		<-s.Done()
		if took := time.Since(began); took != time.Second || s.Err() != client.ErrClosed {
			t.Errorf("took %v, %v", took, s.Err())
		}
	})
}

// Whatever Send took before Close arrives, in the order of each sender, and Send says so of the rest.
func TestSendAndClose(t *testing.T) {
	const senders = 8
	var got [senders]int
	peerDone := make(chan struct{})
	s := session(t, func(c *client.Config) { c.Queue = 16 }, func(p *streamtest.Peer) {
		defer close(peerDone)
		for {
			kind, err := p.Conn.Next()
			if err != nil || kind == xmlstream.End {
				p.Conn.End()
				return
			}
			var from, n int
			from, n = numbers(p.Conn.Tokens().Element().ChildText(stanza.Client, "body"))
			if got[from] != n {
				p.Fatalf("sender %d: number %d after %d", from, n, got[from])
			}
			got[from]++
		}
	})
	var sent [senders]int
	var all atomic.Int64
	enough := make(chan struct{})
	var work sync.WaitGroup
	for i := range senders {
		work.Go(func() {
			for {
				err := s.Send(t.Context(), message(strconv.Itoa(i)+" "+strconv.Itoa(sent[i])))
				if err != nil {
					if err != client.ErrClosed {
						t.Error(err)
					}
					return
				}
				sent[i]++
				if all.Add(1) == 2000 {
					close(enough)
				}
			}
		})
	}
	<-enough
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	work.Wait()
	<-peerDone
	if got != sent {
		t.Errorf("arrived %v, sent %v", got, sent)
	}
}

func numbers(s string) (a, b int) {
	first, second, _ := strings.Cut(s, " ")
	a, _ = strconv.Atoi(first)
	b, _ = strconv.Atoi(second)
	return a, b
}

// A full queue makes Send wait, for its context or for the end of the session; a write that takes too long is that end.
func TestQueueFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := session(t, func(c *client.Config) { c.Queue = 4 }, func(*streamtest.Peer) { <-release })
		defer close(release)
		large := message(strings.Repeat("x", 100_000)) // does not fit into the pipe
		for range 4 {
			if err := s.Send(t.Context(), large); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Send(ctx, large); err != context.DeadlineExceeded {
			t.Errorf("queue is full: %v", err)
		}
		began := time.Now()
		err := s.Send(t.Context(), large)
		if took := time.Since(began); took != 29*time.Second {
			t.Errorf("waited for %v", took)
		}
		var timeout net.Error
		if err == nil || err != s.Err() || !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("a write took too long: %v, over: %v", err, s.Err())
		}
	})
}

// What comes together is written together.
func TestBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counted := &countingConn{block: make(chan struct{})}
		n := &network{t: t, scripts: []func(*streamtest.Peer){func(p *streamtest.Peer) {
			enter(p)
			for range 101 {
				p.Expect(stanza.Client, "message")
			}
			farewell(p)
		}}, wrap: func(c net.Conn) net.Conn {
			counted.Conn = c
			return counted
		}}
		s, err := client.Dial(t.Context(), n.config())
		if err != nil {
			t.Fatal(err)
		}
		counted.armed.Store(true)
		s.Send(t.Context(), message("0"))
		synctest.Wait() // it is being written
		for i := range 100 {
			s.Send(t.Context(), message(strconv.Itoa(i)))
		}
		close(counted.block)
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := counted.writes.Load(); n != 3 { // the first, the others, the end of the stream
			t.Errorf("%d writes", n)
		}
	})
}

// countingConn counts writes once armed, and holds them up until block is closed.
type countingConn struct {
	net.Conn
	armed  atomic.Bool
	writes atomic.Int32
	block  chan struct{}
}

func (c *countingConn) Write(p []byte) (int, error) {
	if c.armed.Load() {
		c.writes.Add(1)
		<-c.block
	}
	return c.Conn.Write(p)
}
