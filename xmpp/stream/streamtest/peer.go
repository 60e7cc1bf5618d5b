// Package streamtest is the receiving side of a stream (RFC 6120 §4–7), for tests of whatever begins one: a peer that follows
// a script, honestly or not, on a connection in memory.
package streamtest

import (
	"context"
	"crypto/tls"
	"net"
	"runtime"
	"testing"

	"github.com/comity-iot/comity/xmpp/sasl"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Peer is one connection's server. Its methods belong into the script that Run was given. Where something else happens than
// they say, they fail the test and end the script.
type Peer struct {
	Domain string // for which the peer speaks
	Conn   transport.Conn
	t      testing.TB
	tls    *tls.Config
}

// Run lets script speak for a domain at one end of a connection, and returns the other. The connection is closed when the
// script returns, and the test waits for that.
func Run(t testing.TB, domain string, script func(*Peer)) net.Conn {
	client, server := Pipe()
	Serve(t, server, domain, script)
	return client
}

// Serve does the same at the end given.
func Serve(t testing.TB, server net.Conn, domain string, script func(*Peer)) {
	p := &Peer{Domain: domain, Conn: transport.NewTCP(server, xmlstream.Limits{}), t: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer p.Conn.Close()
		script(p)
	}()
	t.Cleanup(func() { <-done })
}

// Fatalf fails the test and ends the script.
func (p *Peer) Fatalf(format string, args ...any) {
	p.t.Helper()
	p.t.Errorf("peer: "+format, args...)
	p.Conn.Close()
	runtime.Goexit()
}

// Raw is XML as it stands.
type Raw string

// AppendXML implements xmlstream.Appender.
func (r Raw) AppendXML(dst []byte, _ string) []byte { return append(dst, r...) }

// Send writes what may be half an element, or none.
func (p *Peer) Send(xml string) { p.Write(Raw(xml)) }

// Write writes items.
func (p *Peer) Write(items ...xmlstream.Appender) {
	p.t.Helper()
	if err := p.Conn.Write(items...); err != nil {
		p.Fatalf("write: %v", err)
	}
}

// Header waits for the client's header, checks to whom it is, and answers it with ours and the features.
func (p *Peer) Header(features ...*xmlstream.Element) transport.Header {
	p.t.Helper()
	h := p.Hear()
	p.Open(features...)
	return h
}

// Hear waits for the client's header.
func (p *Peer) Hear() transport.Header {
	p.t.Helper()
	if kind, err := p.Conn.Next(); err != nil || kind != xmlstream.Header {
		p.Fatalf("no header: %v", err)
	}
	h := p.Conn.Header()
	if h.To != p.Domain || h.Content != stanza.Client || h.Version != "1.0" {
		p.Fatalf("header %+v", h)
	}
	return h
}

// Open sends our header and features.
func (p *Peer) Open(features ...*xmlstream.Element) {
	p.t.Helper()
	h := transport.Header{From: p.Domain, ID: stream.NewID(), Version: "1.0", Content: stanza.Client}
	if err := p.Conn.Open(h); err != nil {
		p.Fatalf("open: %v", err)
	}
	p.Write(stream.Features(features...))
}

// Next waits for an element of the client.
func (p *Peer) Next() *xmlstream.Element {
	p.t.Helper()
	kind, err := p.Conn.Next()
	if err != nil || kind != xmlstream.Complete {
		p.Fatalf("no element but kind %d, %v", kind, err)
	}
	return p.Conn.Tokens().Element()
}

// Expect waits for an element of that name.
func (p *Peer) Expect(space, local string) *xmlstream.Element {
	p.t.Helper()
	el := p.Next()
	if !el.Is(space, local) {
		p.Fatalf("got %v, want <%s xmlns='%s'/>", el, local, space)
	}
	return el
}

// ExpectEnd waits for the client's end of the stream.
func (p *Peer) ExpectEnd() {
	p.t.Helper()
	if kind, err := p.Conn.Next(); kind != xmlstream.End {
		p.Fatalf("no end of stream but kind %d, %v, %v", kind, err, p.Conn.Tokens().Element())
	}
}

// ExpectError waits for a stream error and the end of the stream.
func (p *Peer) ExpectError(c stream.Condition) {
	p.t.Helper()
	if e := stream.ParseError(p.Expect(stream.NS, "error")); e.Condition != c {
		p.Fatalf("got %v, want %v", e, c)
	}
	p.ExpectEnd()
}

// ExpectGone waits for the client to cut the connection, whatever it says before.
func (p *Peer) ExpectGone() {
	for {
		if kind, err := p.Conn.Next(); err != nil || kind == xmlstream.End {
			return
		}
	}
}

// StartTLS offers TLS on a stream that begins, and turns it on.
func (p *Peer) StartTLS(config *tls.Config) {
	p.t.Helper()
	p.Header(xmlstream.New(stream.NSTLS, "starttls", xmlstream.New(stream.NSTLS, "required")))
	p.Expect(stream.NSTLS, "starttls")
	p.Write(xmlstream.New(stream.NSTLS, "proceed"))
	p.Secure(config)
	p.Restart()
}

// Secure turns on TLS.
func (p *Peer) Secure(config *tls.Config) {
	p.t.Helper()
	p.tls = config
	if err := p.Conn.Secure(context.Background(), config, true); err != nil {
		p.Fatalf("tls: %v", err)
	}
}

// Restart makes ready for the client's next header.
func (p *Peer) Restart() {
	p.t.Helper()
	if err := p.Conn.Restart(); err != nil {
		p.Fatalf("restart: %v", err)
	}
}

// binding returns what a login is tied to.
func (p *Peer) binding() sasl.ChannelBinding {
	if p.tls == nil {
		return sasl.ChannelBinding{}
	}
	return sasl.BindTLS(p.Conn.TLS(), p.tls.Certificates[0].Leaf)
}
