package stream_test

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// canned is a server that says what it says, whatever it hears.
type canned struct{ *bytes.Reader }

func (canned) Write(p []byte) (int, error)      { return len(p), nil }
func (canned) Close() error                     { return nil }
func (canned) LocalAddr() net.Addr              { return cannedAddr{} }
func (canned) RemoteAddr() net.Addr             { return cannedAddr{} }
func (canned) SetDeadline(time.Time) error      { return nil }
func (canned) SetReadDeadline(time.Time) error  { return nil }
func (canned) SetWriteDeadline(time.Time) error { return nil }

type cannedAddr struct{}

func (cannedAddr) Network() string { return "pipe" }
func (cannedAddr) String() string  { return "canned" }

// FuzzNegotiate: no server gets a session out of us without knowing the password, nor anything but an error.
func FuzzNegotiate(f *testing.F) {
	const header = "<?xml version='1.0'?><stream:stream from='im.example.com' id='t7AMCin9zjMNwQKDnplntZPIDEI=' " +
		"version='1.0' xml:lang='en' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
	const mechanisms = "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" +
		"<mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism></mechanisms></stream:features>"
	for _, seed := range []string{ // RFC 6120 §9.1, and what may go wrong there
		header + "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>" +
			"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
		header + "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>" +
			"<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>",
		header + mechanisms + "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" +
			"cj1vTXNUQUF3QUFBQU1BQUFBTlAwVEFBQUFBQUJQVTBBQWUxMjQ2OTViLTY5Y2ItNGRlNi05YzMwLWI1MWIzODA4YzU5ZSxzPU5qaGtZVE0wTURndE5HWTBaaTAwTmpkbUxUa3hNbVV0TkRsbU5UTm1ORE5rTURNeixpPTQwOTY=</challenge>",
		header + mechanisms + "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>dj1wTk5ERlZFUXh1WHhDb1NFaVc4R0VaKzFSU289</success>" +
			header + "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>",
		header + mechanisms + "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>",
		header + "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>[2001:41D0:1:A49b::1]:9222</see-other-host></stream:error></stream:stream>",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, server []byte) {
		in := stream.Initiator{JID: jid.MustParse(full), Password: "r0m30myr0m30", AllowPlaintext: true}
		conn := transport.NewTCP(canned{bytes.NewReader(server)}, xmlstream.Limits{})
		if result, err := in.Negotiate(t.Context(), conn); err == nil {
			t.Fatalf("a session: %+v", result)
		}
	})
}
