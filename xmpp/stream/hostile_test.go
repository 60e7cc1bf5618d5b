package stream_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/stream/streamtest"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

var (
	offersTLS  = xmlstream.New(stream.NSTLS, "starttls")
	offersBind = xmlstream.New(stream.NSBind, "bind")
)

// A server that breaks the rules is told which, by stream error, and left. RFC 6120 §4.9.1.1
func TestBrokenRules(t *testing.T) {
	ca := streamtest.NewCA(t)
	loggedIn := func(p *streamtest.Peer) {
		p.StartTLS(ca.Server(p.Domain))
		p.Header(p.Mechanisms()...)
		p.Authenticate(accounts)
	}
	open := func(p *streamtest.Peer, h transport.Header) {
		p.Hear()
		p.Conn.Open(h)
		p.Write(stream.Features(offersTLS))
	}
	const domain = "im.example.com"
	for name, tt := range map[string]struct {
		script func(*streamtest.Peer)
		want   stream.Condition
	}{
		"no stream": {func(p *streamtest.Peer) {
			p.Hear()
			p.Send("<html>")
		}, stream.InvalidNamespace},
		"no XML": {func(p *streamtest.Peer) {
			p.Hear()
			p.Send("HTTP/1.1 400 Bad Request")
		}, stream.NotWellFormed},
		"another content namespace": {func(p *streamtest.Peer) {
			open(p, transport.Header{From: domain, Version: "1.0", Content: stanza.Server})
		}, stream.InvalidNamespace},
		"no version": {func(p *streamtest.Peer) {
			open(p, transport.Header{From: domain, Content: stanza.Client})
		}, stream.UnsupportedVersion},
		"another domain": {func(p *streamtest.Peer) {
			open(p, transport.Header{From: "example.org", Version: "1.0", Content: stanza.Client})
		}, stream.InvalidFrom},
		"features again for proceed": {func(p *streamtest.Peer) {
			p.Header(offersTLS)
			p.Expect(stream.NSTLS, "starttls")
			p.Write(stream.Features(offersTLS))
		}, stream.UnsupportedStanzaType},
		"features again in the login": {func(p *streamtest.Peer) {
			p.StartTLS(ca.Server(p.Domain))
			p.Header(p.Mechanisms()...)
			p.Expect(stream.NSSASL, "auth")
			p.Write(stream.Features(p.Mechanisms()...))
		}, stream.UnsupportedStanzaType},
		"features again for a resource": {func(p *streamtest.Peer) {
			loggedIn(p)
			p.Header(offersBind)
			p.Expect(stanza.Client, "iq")
			p.Write(stream.Features(offersBind))
		}, stream.UnsupportedStanzaType},
		"a second header": {func(p *streamtest.Peer) {
			p.Header(offersTLS)
			p.Expect(stream.NSTLS, "starttls")
			p.Send("<stream:stream xmlns='jabber:client' xmlns:stream='" + stream.NS + "' version='1.0'/>")
		}, stream.UnsupportedStanzaType},
		"a message before the session": {func(p *streamtest.Peer) {
			loggedIn(p)
			p.Header(offersBind)
			p.Expect(stanza.Client, "iq")
			p.Send("<message from='romeo@example.net'><body>now</body></message>")
		}, stream.UnsupportedStanzaType},
		"an answer to nothing": {func(p *streamtest.Peer) {
			loggedIn(p)
			p.Header(offersBind)
			p.Expect(stanza.Client, "iq")
			p.Send("<iq type='result' id='other'/>")
		}, stream.UnsupportedStanzaType},
		"a resource elsewhere": {func(p *streamtest.Peer) {
			loggedIn(p)
			p.Bind("juliet@example.org/balcony")
		}, stream.UndefinedCondition},
		"no resource": {func(p *streamtest.Peer) {
			loggedIn(p)
			p.Bind("juliet@im.example.com")
		}, stream.UndefinedCondition},
		"a huge header": {func(p *streamtest.Peer) {
			p.Hear()
			p.Conn.Write(streamtest.Raw("<stream:stream xmlns='jabber:client' a='" + strings.Repeat("x", 300<<10))) // in part
		}, stream.PolicyViolation},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := negotiate(t, juliet(ca), func(p *streamtest.Peer) {
				tt.script(p)
				p.ExpectError(tt.want)
			})
			if err == nil {
				t.Fatal("negotiated")
			}
			if told := stream.AsError(err); told == nil || told.Condition != tt.want {
				t.Fatal(err)
			}
		})
	}
}

// A stream error may come at any stage, and is the error of Negotiate. RFC 6120 §4.9
func TestStreamErrors(t *testing.T) {
	ca := streamtest.NewCA(t)
	const prefix = "<stream:error><"
	const suffix = " xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
	for name, script := range map[string]func(*streamtest.Peer){
		"for features": func(p *streamtest.Peer) {
			p.Hear()
			// Who does not know the domain answers for another. §4.9.3.6
			p.Conn.Open(transport.Header{From: "example.net", Version: "1.0", Content: stanza.Client})
		},
		"for proceed": func(p *streamtest.Peer) {
			p.Header(offersTLS)
			p.Expect(stream.NSTLS, "starttls")
		},
		"in the login": func(p *streamtest.Peer) {
			p.StartTLS(ca.Server(p.Domain))
			p.Header(p.Mechanisms()...)
			p.Expect(stream.NSSASL, "auth")
		},
		"for a resource": func(p *streamtest.Peer) {
			p.StartTLS(ca.Server(p.Domain))
			p.Header(p.Mechanisms()...)
			p.Authenticate(accounts)
			p.Header(offersBind)
			p.Expect(stanza.Client, "iq")
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := negotiate(t, juliet(ca), func(p *streamtest.Peer) {
				script(p)
				p.Send(prefix + "host-unknown" + suffix)
				p.ExpectEnd()
			})
			var e *stream.Error
			if !errors.As(err, &e) || e.Condition != stream.HostUnknown {
				t.Fatal(err)
			}
		})
	}
}

// RFC 6120 §4.9.3.19
func TestSeeOtherHost(t *testing.T) {
	sent := &stream.Error{Condition: stream.SeeOtherHost, Host: "[2001:41D0:1:A49b::1]:9222"}
	_, err := negotiate(t, juliet(streamtest.NewCA(t)), func(p *streamtest.Peer) {
		p.Hear()
		p.Conn.Open(transport.Header{From: p.Domain, Version: "1.0", Content: stanza.Client})
		p.Write(sent.Element())
		p.ExpectEnd()
	})
	var e *stream.Error
	if !errors.As(err, &e) || e.Condition != stream.SeeOtherHost || e.Host != sent.Host {
		t.Fatalf("%#v", err)
	}
}

func TestClosedByServer(t *testing.T) {
	_, err := negotiate(t, juliet(streamtest.NewCA(t)), func(p *streamtest.Peer) {
		p.Header(offersTLS)
		p.Expect(stream.NSTLS, "starttls")
		p.Conn.End()
		p.ExpectEnd()
	})
	if !errors.Is(err, stream.ErrClosed) {
		t.Fatal(err)
	}
}

// RFC 6120 §7.6.2.1: the refusal of a resource is a stanza error; no offer of one is none either.
func TestNoResource(t *testing.T) {
	ca := streamtest.NewCA(t)
	_, err := negotiate(t, juliet(ca), func(p *streamtest.Peer) {
		p.StartTLS(ca.Server(p.Domain))
		p.Header(p.Mechanisms()...)
		p.Authenticate(accounts)
		p.Header(offersBind)
		iq := p.Expect(stanza.Client, "iq")
		p.Send("<iq type='error' id='" + iq.Attr("id") + "'><error type='wait'><resource-constraint xmlns='" + stanza.NSErrors + "'/></error></iq>")
		p.ExpectEnd()
	})
	var refused *stanza.Error
	if !errors.As(err, &refused) || refused.Condition != stanza.ResourceConstraint || refused.Kind != stanza.Wait {
		t.Fatal(err)
	}
	_, err = negotiate(t, juliet(ca), func(p *streamtest.Peer) {
		p.StartTLS(ca.Server(p.Domain))
		p.Header(p.Mechanisms()...)
		p.Authenticate(accounts)
		p.Header()
		p.ExpectEnd()
	})
	if !errors.Is(err, stream.ErrNoBind) {
		t.Fatal(err)
	}
}

// A server that falls silent, at whatever stage, costs no more time than the context allows.
func TestSilence(t *testing.T) {
	ca := streamtest.NewCA(t)
	for name, script := range map[string]func(*streamtest.Peer){
		"at once":        func(*streamtest.Peer) {},
		"after header":   func(p *streamtest.Peer) { p.Hear() },
		"after features": func(p *streamtest.Peer) { p.Header(offersTLS) },
		"in TLS": func(p *streamtest.Peer) {
			p.Header(offersTLS)
			p.Expect(stream.NSTLS, "starttls")
			p.Write(xmlstream.New(stream.NSTLS, "proceed"))
		},
		"in the login": func(p *streamtest.Peer) {
			p.StartTLS(ca.Server(p.Domain))
			p.Header(p.Mechanisms()...)
			p.Expect(stream.NSSASL, "auth")
		},
		"a space at a time": func(p *streamtest.Peer) {
			p.Header(offersTLS)
			for p.Conn.Write(streamtest.Raw(" ")) == nil {
				time.Sleep(time.Second)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				raw := streamtest.Run(t, "im.example.com", func(p *streamtest.Peer) {
					script(p)
					<-release
				})
				defer close(release)
				defer raw.Close()
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				began := time.Now()
				_, err := juliet(ca).Negotiate(ctx, transport.NewTCP(raw, xmlstream.Limits{}))
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				if took := time.Since(began); took != 30*time.Second {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// After Negotiate, the context has no power over the connection any more.
func TestContextEndsLater(t *testing.T) {
	ca := streamtest.NewCA(t)
	raw := streamtest.Run(t, "im.example.com", func(p *streamtest.Peer) {
		p.Enter(ca, accounts, full)
		p.Expect(stanza.Client, "presence")
		p.Send("<message/>")
		p.ExpectGone()
	})
	defer raw.Close()
	conn := transport.NewTCP(raw, xmlstream.Limits{})
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := juliet(ca).Negotiate(ctx, conn); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := conn.Write(&stanza.Stanza{Kind: stanza.Presence}); err != nil {
		t.Fatal(err)
	}
	if kind, err := conn.Next(); kind != xmlstream.Complete || err != nil {
		t.Fatal(kind, err)
	}
}
