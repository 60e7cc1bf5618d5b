package client_test

import (
	"context"
	"errors"
	"io"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/stream/streamtest"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

var offersSM = xmlstream.New(stream.NSSM, "sm")

// manage takes the client to a session whose stanzas are counted. It returns what the client asked with.
func manage(p *streamtest.Peer, enabled string) *xmlstream.Element {
	p.Header(p.Mechanisms()...)
	if !p.Authenticate(accounts) {
		p.Fatalf("login failed")
	}
	p.Bind(full, offersSM)
	el := p.Expect(stream.NSSM, "enable")
	p.Send(enabled)
	return el
}

const (
	enabled   = "<enabled xmlns='urn:xmpp:sm:3'/>"
	resumable = "<enabled xmlns='urn:xmpp:sm:3' id='one' resume='true' max='600'/>"
	requested = "<r xmlns='urn:xmpp:sm:3'/>"
)

func acknowledge(p *streamtest.Peer, h int) {
	p.Send("<a xmlns='urn:xmpp:sm:3' h='" + strconv.Itoa(h) + "'/>")
}

// expectBody waits for a message, behind which the client may have been too fast to ask for an acknowledgement.
func expectBody(p *streamtest.Peer, body string) *xmlstream.Element {
	m := p.Next()
	for m.Is(stream.NSSM, "r") {
		m = p.Next()
	}
	if got := m.ChildText(stanza.Client, "body"); !m.Is(stanza.Client, "message") || got != body {
		p.Fatalf("got %v, want body %q", m, body)
	}
	return m
}

// expectAck waits for an acknowledgement.
func expectAck(p *streamtest.Peer, h string) {
	if a := p.Expect(stream.NSSM, "a"); a.Attr("h") != h {
		p.Fatalf("got %v, want h='%s'", a, h)
	}
}

// awaitAck does too, where handlers may have been slow enough to make the client say less before.
func awaitAck(p *streamtest.Peer, h string) {
	for a := p.Expect(stream.NSSM, "a"); a.Attr("h") != h; {
		a = p.Expect(stream.NSSM, "a")
	}
}

// part lets the client go.
func part(p *streamtest.Peer) {
	p.ExpectGone()
	p.Conn.End()
}

// managed dials to a server that counts.
func managed(t *testing.T, change func(*client.Config), script func(*streamtest.Peer)) *client.Session {
	t.Helper()
	c := config(t, func(p *streamtest.Peer) {
		if el := manage(p, enabled); el.Attr("resume") != "" {
			p.Fatalf("Dial cannot resume, but says %v", el)
		}
		script(p)
	})
	if change != nil {
		change(&c)
	}
	s, err := client.Dial(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) })
	return s
}

// XEP-0198#acking: one request is under way at a time, and whoever waits for a stanza waits until it is acknowledged.
func TestSendAcked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := managed(t, nil, func(p *streamtest.Peer) {
			if m := expectBody(p, "1"); m.Attr("id") == "" {
				p.Fatalf("nobody could tell if %v came twice", m)
			}
			p.Expect(stream.NSSM, "r")
			expectBody(p, "2")
			expectBody(p, "3")
			time.Sleep(time.Minute)
			acknowledge(p, 1)
			p.Expect(stream.NSSM, "r")
			time.Sleep(time.Minute)
			acknowledge(p, 3)
			p.ExpectGone()
			p.Conn.End()
		})
		synctest.Wait()
		began := time.Now()
		after := func(want time.Duration, err error) {
			t.Helper()
			if took := time.Since(began); took != want || err != nil {
				t.Errorf("after %v, want %v: %v", took, want, err)
			}
		}
		s.Send(t.Context(), message("1"))
		synctest.Wait()
		flushed := make(chan error)
		go func() { flushed <- s.Flush(t.Context()) }()
		synctest.Wait()
		s.Send(t.Context(), message("2"))
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.SendAcked(short, message("3")); err != context.DeadlineExceeded {
			t.Errorf("not acknowledged yet: %v", err)
		}
		after(time.Minute, <-flushed)
		after(2*time.Minute, s.Flush(t.Context()))
		after(2*time.Minute, s.Flush(t.Context())) // of nothing
		s.Close(t.Context())
	})
}

// What is not acknowledged keeps its room: Send waits.
func TestUnacknowledgedIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := managed(t, func(c *client.Config) { c.Queue = 3 }, func(p *streamtest.Peer) {
			expectBody(p, "1")
			p.Expect(stream.NSSM, "r")
			expectBody(p, "2")
			expectBody(p, "3")
			time.Sleep(time.Minute)
			acknowledge(p, 2)
			expectBody(p, "4")
			expectBody(p, "5")
			acknowledge(p, 5)
			part(p)
		})
		synctest.Wait()
		began := time.Now()
		for i := range 5 {
			if err := s.Send(t.Context(), message(strconv.Itoa(i+1))); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if took := time.Since(began); (took > 0) != (i > 2) {
				t.Errorf("%d was taken after %v", i+1, took)
			}
			if i == 2 {
				short, cancel := context.WithTimeout(t.Context(), time.Second)
				if err := s.Send(short, message("too much")); err != context.DeadlineExceeded {
					t.Errorf("sent into a full queue: %v", err)
				}
				cancel()
			}
		}
		s.Close(t.Context())
	})
}

// XEP-0198#acking: a request is answered at once, with what handlers have done; when they have done the rest, that is told too.
func TestHandledMeansHandled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := managed(t, nil, func(p *streamtest.Peer) {
			p.Expect(stanza.Client, "presence")
			p.Expect(stream.NSSM, "r")
			p.Send(requested)
			expectAck(p, "0")
			p.Send("<message><body>quick</body></message><message><body>slow</body></message><message><body>waits</body></message>")
			p.Send("<iq type='result' id='stray'/><iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>" + requested)
			if el := p.Expect(stanza.Client, "iq"); el.Attr("type") != "result" {
				p.Fatalf("got %v", el)
			}
			for p.Next().Is(stream.NSSM, "r") { // behind the answer, or not
			}
			close(release)
			expectAck(p, "5")
			part(p)
		})
		var got []string
		s.HandleMessage(stanza.Client, "body", func(st *stanza.Stanza) {
			if got = append(got, st.Body()); st.Body() == "slow" {
				<-release
			}
		})
		s.Send(t.Context(), stanza.NewPresence(romeo, stanza.Available))
		synctest.Wait()
		s.Close(t.Context())
		if len(got) != 3 {
			t.Errorf("handled %q", got)
		}
	})
}

// XEP-0198#acking: right before the stream is closed, the server is told once more.
func TestAcknowledgesBeforeTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := managed(t, nil, func(p *streamtest.Peer) {
			p.Send("<message><body>1</body></message>")
			p.Expect(stanza.Client, "presence")
			expectAck(p, "1")
			p.Expect(stream.NSSM, "r")
			farewell(p)
		})
		synctest.Wait()
		s.Send(t.Context(), stanza.NewPresence(romeo, stanza.Available))
		s.Close(t.Context())
	})
}

// XEP-0198#acking: behind 4294967295 comes 0, both ways.
func TestCountersWrap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := make(chan struct{})
		s := managed(t, nil, func(p *streamtest.Peer) {
			<-begin
			for range 2 {
				p.Send("<message><body>x</body></message>")
			}
			time.Sleep(time.Second) // for the handlers
			p.Send(requested)
			expectAck(p, "0")
			expectBody(p, "1")
			p.Expect(stream.NSSM, "r")
			acknowledge(p, 1<<32-1)
			expectBody(p, "2")
			p.Expect(stream.NSSM, "r")
			expectBody(p, "3")
			acknowledge(p, 0)
			p.Expect(stream.NSSM, "r")
			acknowledge(p, 1)
			part(p)
		})
		synctest.Wait()
		client.SetCounters(s, 1<<32-2, 1<<32-2)
		close(begin)
		time.Sleep(2 * time.Second)
		for i := range 3 {
			s.Send(t.Context(), message(strconv.Itoa(i+1)))
			synctest.Wait()
		}
		if err := s.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		s.Close(t.Context())
	})
}

// XEP-0198#errors: who acknowledges what was not sent is told so; a number that is none is no better.
func TestAcknowledgesTooMuch(t *testing.T) {
	for name, tt := range map[string]struct {
		says string
		want stream.Condition
	}{
		"too high":      {"<a xmlns='urn:xmpp:sm:3' h='2'/>", stream.UndefinedCondition},
		"went back":     {"<a xmlns='urn:xmpp:sm:3' h='1'/><a xmlns='urn:xmpp:sm:3' h='0'/>", stream.UndefinedCondition},
		"no number":     {"<a xmlns='urn:xmpp:sm:3'/>", stream.BadFormat},
		"too large":     {"<a xmlns='urn:xmpp:sm:3' h='4294967296'/>", stream.BadFormat},
		"enabled twice": {enabled, stream.UnsupportedStanzaType},
		"failed later":  {"<failed xmlns='urn:xmpp:sm:3'/>", stream.UnsupportedStanzaType},
		"resumed":       {"<resumed xmlns='urn:xmpp:sm:3' h='1'/>", stream.UnsupportedStanzaType},
	} {
		t.Run(name, func(t *testing.T) {
			s := managed(t, nil, func(p *streamtest.Peer) {
				p.Expect(stanza.Client, "message")
				p.Expect(stream.NSSM, "r")
				p.Send(tt.says)
				expectAck(p, "0")
				e := stream.ParseError(p.Expect(stream.NS, "error"))
				if e.Condition != tt.want || (e.App != nil) != (tt.want == stream.UndefinedCondition) {
					p.Fatalf("got %v with %v", e, e.App)
				}
				if n := e.App.Attr("send-count"); e.App != nil && (!e.App.Is(stream.NSSM, "handled-count-too-high") || n != "1") {
					p.Fatalf("got %v", e.App)
				}
				p.ExpectEnd()
			})
			s.Send(t.Context(), message("1"))
			<-s.Done()
			s.Close(t.Context())
		})
	}
}

// A server that counts nothing is known for it, and its clients are not held up.
func TestNoAcks(t *testing.T) {
	const many = 20
	take := func(p *streamtest.Peer) {
		for range many {
			p.Expect(stanza.Client, "message")
		}
		farewell(p)
	}
	for name, tt := range map[string]struct {
		unmanaged bool
		script    func(*streamtest.Peer)
	}{
		"not offered": {false, func(p *streamtest.Peer) {
			enter(p)
			take(p)
		}},
		"refused": {false, func(p *streamtest.Peer) {
			manage(p, "<failed xmlns='urn:xmpp:sm:3'><internal-server-error xmlns='"+stanza.NSErrors+"'/></failed>")
			take(p)
		}},
		"not wanted": {true, func(p *streamtest.Peer) {
			p.Header(p.Mechanisms()...)
			p.Authenticate(accounts)
			p.Bind(full, offersSM)
			take(p)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, tt.script)
			c.Queue, c.Unmanaged = 4, tt.unmanaged
			s, err := client.Dial(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			for range many { // each is sent all the same
				if err := s.SendAcked(t.Context(), message("1")); err != client.ErrNoAcks {
					t.Errorf("got %v", err)
				}
			}
			if err := s.Flush(t.Context()); err != client.ErrNoAcks {
				t.Errorf("flush: %v", err)
			}
			s.Close(t.Context())
		})
	}
}

// Before the server has said that it counts, it is asked nothing, and what comes does not count. XEP-0198#acking
func TestSlowToEnable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := managedLate(t, func(p *streamtest.Peer) {
			expectBody(p, "1")
			p.Send("<message><body>early</body></message>")
			time.Sleep(time.Second)
			p.Send(enabled)
			p.Expect(stream.NSSM, "r")
			p.Send("<message><body>counts</body></message>")
			time.Sleep(time.Second) // for the handlers
			p.Send(requested)
			expectAck(p, "1")
			acknowledge(p, 1)
			part(p)
		})
		if err := s.SendAcked(t.Context(), message("1")); err != nil {
			t.Error(err)
		}
		s.Close(t.Context())
	})
}

func managedLate(t *testing.T, script func(*streamtest.Peer)) *client.Session {
	t.Helper()
	c := config(t, func(p *streamtest.Peer) {
		manage(p, "")
		script(p)
	})
	s, err := client.Dial(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A lost connection ends a session of Dial, and all who wait.
func TestLostWithoutResume(t *testing.T) {
	s := managed(t, nil, func(p *streamtest.Peer) { expectBody(p, "1") })
	if err := s.SendAcked(t.Context(), message("1")); err == nil || err != s.Err() || errors.Is(err, client.ErrNotResumed) {
		t.Errorf("got %v, over: %v", err, s.Err())
	}
	if err := s.Flush(t.Context()); !errors.Is(err, s.Err()) {
		t.Errorf("flush: %v", err)
	}
	if !errors.Is(s.Err(), io.EOF) && !errors.Is(s.Err(), io.ErrClosedPipe) {
		t.Error(s.Err())
	}
}

// A silent server is asked for an acknowledgement in place of a ping. XEP-0198#scenarios-efficient
func TestPingIsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := managed(t, func(c *client.Config) { c.KeepAlive = -1 }, func(p *streamtest.Peer) {
			p.Expect(stream.NSSM, "r")
			time.Sleep(29 * time.Second)
			acknowledge(p, 0)
			p.Expect(stream.NSSM, "r")
			p.ExpectGone()
		})
		<-s.Done()
		if took := time.Since(began); took != 10*time.Minute+59*time.Second || s.Err() != client.ErrSilent {
			t.Errorf("over after %v: %v", took, s.Err())
		}
	})
}
