package stream_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"testing"

	"go.uber.org/goleak"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/sasl"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/stream/streamtest"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const full = "juliet@im.example.com/balcony"

var accounts = streamtest.Accounts{"juliet": "r0m30myr0m30"}

func juliet(ca *streamtest.CA) stream.Initiator {
	return stream.Initiator{JID: jid.MustParse(full), Password: "r0m30myr0m30", TLS: ca.Client()}
}

// negotiate runs in against the script.
func negotiate(t *testing.T, in stream.Initiator, script func(*streamtest.Peer)) (stream.Result, error) {
	t.Helper()
	conn := transport.NewTCP(streamtest.Run(t, "im.example.com", script), xmlstream.Limits{})
	t.Cleanup(func() { conn.Close() })
	result, err := in.Negotiate(t.Context(), conn)
	if err != nil {
		conn.Close()
	}
	return result, err
}

// RFC 6120 §9.1: the whole way, with the login bound to TLS.
func TestNegotiate(t *testing.T) {
	ca := streamtest.NewCA(t)
	result, err := negotiate(t, juliet(ca), func(p *streamtest.Peer) {
		tlsOffer := xmlstream.New(stream.NSTLS, "starttls", xmlstream.New(stream.NSTLS, "required"))
		if h := p.Header(tlsOffer); h.From != "" {
			p.Fatalf("from %q in the clear", h.From) // §4.7.1
		}
		p.Expect(stream.NSTLS, "starttls")
		p.Write(xmlstream.New(stream.NSTLS, "proceed"))
		p.Secure(ca.Server("im.example.com"))
		p.Restart()
		if h := p.Header(p.Mechanisms()...); h.From != "juliet@im.example.com" {
			p.Fatalf("from %q", h.From)
		}
		if !p.Authenticate(accounts) {
			p.Fatalf("login failed")
		}
		if asked := p.Bind("juliet@im.example.com/4db06f06"); asked != "balcony" {
			p.Fatalf("asked for resource %q", asked)
		}
		p.ExpectGone()
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := result.JID.String(); got != "juliet@im.example.com/4db06f06" {
		t.Errorf("bound %s", got)
	}
	if result.Mechanism != sasl.ScramSHA512Plus {
		t.Errorf("mechanism %s", result.Mechanism)
	}
	if result.StreamID == "" || result.Features.Child(stream.NSBind, "bind") == nil {
		t.Errorf("result %+v", result)
	}
}

// XEP-0368: where TLS is on already, it is not asked for again.
func TestNegotiateDirectTLS(t *testing.T) {
	ca := streamtest.NewCA(t)
	in := juliet(ca)
	raw := streamtest.Run(t, "im.example.com", func(p *streamtest.Peer) {
		p.Secure(ca.Server("im.example.com"))
		p.Header(p.Mechanisms(sasl.ScramSHA1, sasl.Plain)...)
		p.Authenticate(accounts, sasl.ScramSHA1, sasl.Plain)
		p.Bind(full)
		p.ExpectGone()
	})
	defer raw.Close()
	conn := transport.NewTCP(raw, xmlstream.Limits{})
	config, err := stream.TLSFor(in.TLS, in.JID)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Secure(t.Context(), config, false); err != nil {
		t.Fatal(err)
	}
	result, err := in.Negotiate(t.Context(), conn)
	if err != nil || result.JID.String() != full || result.Mechanism != sasl.ScramSHA1 {
		t.Fatalf("%+v, %v", result, err)
	}
}

// RFC 6121 §1.4 dropped the session of RFC 3921, but servers exist that wait for it.
func TestNegotiateLegacySession(t *testing.T) {
	ca := streamtest.NewCA(t)
	for name, offer := range map[string]*xmlstream.Element{
		"required": xmlstream.New(stream.NSSession, "session"),
		"optional": xmlstream.New(stream.NSSession, "session", xmlstream.New(stream.NSSession, "optional")),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := negotiate(t, juliet(ca), func(p *streamtest.Peer) {
				p.StartTLS(ca.Server(p.Domain))
				p.Header(p.Mechanisms()...)
				p.Authenticate(accounts)
				p.Header(xmlstream.New(stream.NSBind, "bind"), offer)
				p.Result(p.Expect(stanza.Client, "iq"), xmlstream.New(stream.NSBind, "bind",
					xmlstream.New(stream.NSBind, "jid", xmlstream.Text(full))))
				if name == "required" {
					iq := p.Expect(stanza.Client, "iq")
					if iq.Child(stream.NSSession, "session") == nil {
						p.Fatalf("got %v", iq)
					}
					p.Result(iq, nil)
				}
				p.ExpectGone()
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// RFC 6120 §5.4.3.3: what an attacker sends behind <proceed/> is not taken for what the server says under TLS.
func TestInjectionBehindProceed(t *testing.T) {
	ca := streamtest.NewCA(t)
	_, err := negotiate(t, juliet(ca), func(p *streamtest.Peer) {
		p.Header(xmlstream.New(stream.NSTLS, "starttls"))
		p.Expect(stream.NSTLS, "starttls")
		p.Send("<proceed xmlns='" + stream.NSTLS + "'/><stream:stream xmlns='jabber:client' xmlns:stream='" + stream.NS + "'>")
		if kind, err := p.Conn.Next(); err == nil {
			p.Fatalf("got kind %d behind the injection", kind)
		}
	})
	if !errors.Is(err, transport.ErrInjected) {
		t.Fatal(err)
	}
}

// RFC 6120 §13.7.2: the certificate must be for the domain and from an authority that we trust.
func TestCertificate(t *testing.T) {
	ca, stranger := streamtest.NewCA(t), streamtest.NewCA(t)
	for name, config := range map[string]*tls.Config{
		"of another domain":    ca.Server("example.com"),
		"of unknown authority": stranger.Server("im.example.com"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := negotiate(t, juliet(ca), func(p *streamtest.Peer) {
				p.Header(xmlstream.New(stream.NSTLS, "starttls"))
				p.Expect(stream.NSTLS, "starttls")
				p.Write(xmlstream.New(stream.NSTLS, "proceed"))
				if err := p.Conn.Secure(context.Background(), config, true); err == nil {
					p.ExpectGone() // TLS 1.3: the client's refusal comes after our handshake
				}
			})
			var invalid *tls.CertificateVerificationError
			if !errors.As(err, &invalid) {
				t.Fatal(err)
			}
		})
	}
}

// An IP address is an address of a server, too.
func TestHostname(t *testing.T) {
	for in, want := range map[string]string{
		"a@example.com":    "example.com",
		"a@bücher.example": "xn--bcher-kva.example",
		"a@192.0.2.1":      "192.0.2.1",
		"a@[2001:db8::1]":  "2001:db8::1",
	} {
		if got, err := stream.Hostname(jid.MustParse(in)); got != want || err != nil {
			t.Errorf("%s: %q, %v", in, got, err)
		}
	}
	own := &tls.Config{ServerName: "elsewhere.example", RootCAs: x509.NewCertPool()}
	got, err := stream.TLSFor(own, jid.MustParse("a@example.com"))
	if err != nil || got.ServerName != "elsewhere.example" || got.RootCAs != own.RootCAs || got == own {
		t.Errorf("%+v, %v", got, err)
	}
}

// Without TLS there is nothing, but on this very machine.
func TestPlaintext(t *testing.T) {
	ca := streamtest.NewCA(t)
	noTLS := func(p *streamtest.Peer) {
		p.Header(p.Mechanisms()...)
		p.ExpectEnd()
	}
	if _, err := negotiate(t, juliet(ca), noTLS); !errors.Is(err, stream.ErrNoTLS) {
		t.Errorf("not allowed: %v", err)
	}

	allowed := juliet(ca)
	allowed.AllowPlaintext = true
	result, err := negotiate(t, allowed, func(p *streamtest.Peer) {
		p.Header(append(p.Mechanisms(), xmlstream.New(stream.NSTLS, "starttls"))...)
		p.Authenticate(accounts)
		p.Bind(full)
		p.ExpectGone()
	})
	if err != nil || result.Mechanism != sasl.ScramSHA512 {
		t.Errorf("allowed: %+v, %v", result, err)
	}

	// The password itself is for nobody whom TLS has not made known.
	_, err = negotiate(t, allowed, func(p *streamtest.Peer) {
		p.Header(p.Mechanisms(sasl.Plain)...)
		p.ExpectEnd()
	})
	if !errors.Is(err, sasl.ErrNoMechanism) {
		t.Errorf("plain: %v", err)
	}

	far := streamtest.Run(t, "im.example.com", noTLS)
	defer far.Close()
	_, err = allowed.Negotiate(t.Context(), transport.NewTCP(remote{far}, xmlstream.Limits{}))
	if !errors.Is(err, stream.ErrNoTLS) {
		t.Errorf("allowed, but far away: %v", err)
	}

	_, err = negotiate(t, allowed, func(p *streamtest.Peer) {
		p.Header(xmlstream.New(stream.NSTLS, "starttls", xmlstream.New(stream.NSTLS, "required")))
		p.Expect(stream.NSTLS, "starttls")
		p.Write(xmlstream.New(stream.NSTLS, "failure")) // RFC 6120 §5.4.2.2
		p.ExpectEnd()
	})
	if !errors.Is(err, stream.ErrNoTLS) {
		t.Errorf("failed by the server: %v", err)
	}
}

// remote is a connection to another machine.
type remote struct{ net.Conn }

func (remote) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5222} }
