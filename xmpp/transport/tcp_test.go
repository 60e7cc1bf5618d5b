package transport_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream/streamtest"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

const (
	domain = "example.com"
	header = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.com' " +
		"from='juliet@example.com' id='s1' version='1.0' xml:lang='de'>"
)

type raw string

func (r raw) AppendXML(dst []byte, _ string) []byte { return append(dst, r...) }

// pipe returns a Conn and what is at its other end.
func pipe() (*transport.TCP, net.Conn) {
	here, there := streamtest.Pipe()
	return transport.NewTCP(here, xmlstream.Limits{}), there
}

func write(t *testing.T, c net.Conn, s string) {
	t.Helper()
	if _, err := c.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
}

// expect waits for what comes next, and for an element of that name where it is one.
func expect(t *testing.T, c transport.Conn, want xmlstream.Kind, local string) {
	t.Helper()
	kind, err := c.Next()
	if err != nil || kind != want {
		t.Fatalf("kind %d, %v, want %d", kind, err, want)
	}
	if got := c.Tokens().Name().Local; kind == xmlstream.Complete && got != local {
		t.Fatalf("<%s/>, want <%s/>", got, local)
	}
}

// RFC 6120 §4.7
func TestHeader(t *testing.T) {
	c, there := pipe()
	write(t, there, header+"<message/> <presence/></stream:stream>")
	expect(t, c, xmlstream.Header, "")
	want := transport.Header{To: domain, From: "juliet@example.com", ID: "s1", Lang: "de", Version: "1.0", Content: stanza.Client}
	if c.Header() != want {
		t.Errorf("read %+v", c.Header())
	}
	expect(t, c, xmlstream.Complete, "message")
	expect(t, c, xmlstream.Complete, "presence")
	expect(t, c, xmlstream.End, "")

	if err := c.Open(want); err != nil {
		t.Fatal(err)
	}
	if err := c.Write(stanza.NewMessage(jid.MustParse(domain), stanza.Chat), raw("<a/>")); err != nil {
		t.Fatal(err)
	}
	if err := c.End(); err != nil {
		t.Fatal(err)
	}
	c.Close()
	got, err := io.ReadAll(there)
	if err != nil {
		t.Fatal(err)
	}
	back := transport.NewTCP(replay{strings.NewReader(string(got))}, xmlstream.Limits{})
	expect(t, back, xmlstream.Header, "")
	if back.Header() != want {
		t.Errorf("sent %s", got)
	}
	if _, rest, _ := strings.Cut(string(got), "'de'>"); rest != "<message to='example.com' type='chat'/><a/></stream:stream>" {
		t.Errorf("sent %s", got)
	}
}

// replay is a connection that was recorded.
type replay struct{ io.Reader }

func (replay) Write(p []byte) (int, error)      { return len(p), nil }
func (replay) Close() error                     { return nil }
func (replay) LocalAddr() net.Addr              { return nil }
func (replay) RemoteAddr() net.Addr             { return nil }
func (replay) SetDeadline(time.Time) error      { return nil }
func (replay) SetReadDeadline(time.Time) error  { return nil }
func (replay) SetWriteDeadline(time.Time) error { return nil }

func TestNotAStream(t *testing.T) {
	for sent, want := range map[string]error{
		"<stream xmlns='http://etherx.jabber.org/streams'>": nil,
		"<html>":   transport.ErrNotStream,
		"<stream>": transport.ErrNotStream,
		"<s:streams xmlns:s='http://etherx.jabber.org/streams'>": transport.ErrNotStream,
		"<s:stream xmlns:s='http://etherx.jabber.org/other'>":    transport.ErrNotStream,
	} {
		c := transport.NewTCP(replay{strings.NewReader(sent)}, xmlstream.Limits{})
		if kind, err := c.Next(); kind != xmlstream.Header || !errors.Is(err, want) {
			t.Errorf("%s: %d, %v", sent, kind, err)
		}
	}
	c := transport.NewTCP(replay{strings.NewReader("GET / HTTP/1.1\r\n\r\n")}, xmlstream.Limits{})
	var syntax *xmlstream.SyntaxError
	if _, err := c.Next(); !errors.As(err, &syntax) {
		t.Errorf("HTTP: %v", err)
	}
}

// Whoever sits between the two may add to what is sent in the clear. RFC 6120 §5.4.3.3
func TestInjectionBehindStartTLS(t *testing.T) {
	for _, behind := range []string{"<iq/>", "<", "\x16\x03\x01", "</stream:stream>"} {
		c, there := pipe()
		write(t, there, header+"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"+behind)
		expect(t, c, xmlstream.Header, "")
		expect(t, c, xmlstream.Complete, "starttls")
		err := c.Secure(context.Background(), streamtest.NewCA(t).Server(domain), true)
		if !errors.Is(err, transport.ErrInjected) {
			t.Errorf("%q behind starttls: %v", behind, err)
		}
		if c.TLS() != nil {
			t.Errorf("%q behind starttls: there is TLS", behind)
		}
	}
}

func TestHandshakeFails(t *testing.T) {
	c, there := pipe()
	write(t, there, "GET / HTTP/1.1\r\n\r\n")
	if err := c.Secure(t.Context(), streamtest.NewCA(t).Server(domain), true); err == nil {
		t.Error("HTTP was taken for TLS")
	}
	c, there = pipe() // nobody answers
	defer there.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Secure(ctx, streamtest.NewCA(t).Client(), false); !errors.Is(err, context.Canceled) {
		t.Errorf("a handshake that was given up: %v", err)
	}
}

// A reader that gives up for a while goes on later, with nothing lost: in the middle of an element, and between two.
func TestReadAfterDeadline(t *testing.T) {
	try := func(t *testing.T, c *transport.TCP, send func(...xmlstream.Appender) error) {
		pieces := []string{header, "<mess", "age><body>", "Hi</body></messa", "ge>", " ", "<presence/>"}
		var found []xmlstream.Kind
		for _, piece := range pieces {
			c.SetReadDeadline(time.Now().Add(time.Second))
			if err := send(raw(piece)); err != nil {
				t.Fatal(err)
			}
			for {
				kind, err := c.Next()
				if err != nil {
					var timeout net.Error
					if !errors.As(err, &timeout) || !timeout.Timeout() {
						t.Fatal(err)
					}
					break
				}
				found = append(found, kind)
			}
		}
		want := []xmlstream.Kind{xmlstream.Header, xmlstream.Complete, xmlstream.Complete}
		if !slices.Equal(found, want) {
			t.Errorf("found %v, want %v", found, want)
		}
		if !c.Tokens().Idle() {
			t.Error("something is left")
		}
	}
	synctest.Test(t, func(t *testing.T) {
		c, there := pipe()
		try(t, c, transport.NewTCP(there, xmlstream.Limits{}).Write)
	})
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := secure(t, version)
				try(t, l.server, l.client.Write)
			})
		})
	}
}

// RFC 6120 §4.4: an element that went in part is the end.
func TestWriteErrorIsFinal(t *testing.T) {
	try := func(t *testing.T, c *transport.TCP, there net.Conn) {
		big := raw("<a>" + strings.Repeat("x", 100<<10) + "</a>")
		c.SetWriteDeadline(time.Now().Add(time.Second))
		first := c.Write(big) // more than the pipe holds
		if !errors.Is(first, os.ErrDeadlineExceeded) {
			t.Fatalf("the write that nobody reads: %v", first)
		}
		c.SetWriteDeadline(time.Time{})
		go io.Copy(io.Discard, there) // there is room again
		synctest.Wait()
		for name, send := range map[string]func() error{
			"Write": func() error { return c.Write(raw("<b/>")) }, "End": c.End,
			"Open": func() error { return c.Open(transport.Header{Content: stanza.Client}) },
		} {
			if err := send(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s behind it: %v", name, err)
			}
		}
		c.Close()
	}
	synctest.Test(t, func(t *testing.T) {
		c, there := pipe()
		try(t, c, there)
	})
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := secure(t, version)
				try(t, l.server, l.there)
			})
		})
	}
}

func TestCloseUnblocksBoth(t *testing.T) {
	try := func(t *testing.T, c *transport.TCP) {
		errs := make(chan error, 2)
		go func() { _, err := c.Next(); errs <- err }()
		go func() { errs <- c.Write(raw(strings.Repeat(" ", 200<<10))) }()
		synctest.Wait() // both are at it
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := <-errs; err == nil {
				t.Error("no error")
			}
		}
	}
	synctest.Test(t, func(t *testing.T) {
		c, _ := pipe()
		try(t, c)
	})
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				try(t, secure(t, version).server)
			})
		})
	}
}

// RFC 6120 §6.4.6: the new stream may come in one piece with what ends the old one.
func TestRestartKeepsWhatCame(t *testing.T) {
	c, there := pipe()
	write(t, there, header+"<response/>"+header+"<message/>")
	expect(t, c, xmlstream.Header, "")
	expect(t, c, xmlstream.Complete, "response")
	if err := c.Restart(); err != nil {
		t.Fatal(err)
	}
	expect(t, c, xmlstream.Header, "")
	expect(t, c, xmlstream.Complete, "message")
}

func BenchmarkWrite(b *testing.B) {
	c := transport.NewTCP(replay{}, xmlstream.Limits{})
	c.Open(transport.Header{Content: stanza.Client})
	m := stanza.NewMessage(jid.MustParse(domain), stanza.Chat, xmlstream.New(stanza.Client, "body", xmlstream.Text(strings.Repeat("x", 200))))
	batch := []xmlstream.Appender{m, m, m, m}
	b.ReportAllocs()
	for b.Loop() {
		c.Write(batch...)
	}
}
