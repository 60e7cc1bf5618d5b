package stream_test

import (
	"context"
	"crypto/tls"
	"errors"
	"testing"

	"github.com/comity-iot/comity/xmpp/sasl"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/stream/streamtest"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

const nsRegister = "jabber:iq:register"

var offersRegister = xmlstream.New(stream.NSRegister, "register")

// RFC 6120 §6.5: what the server says of a login that failed.
func TestLoginRefused(t *testing.T) {
	ca := streamtest.NewCA(t)
	for name, tt := range map[string]struct {
		failure string
		want    sasl.Condition
		text    string
	}{
		"disabled": {"<account-disabled/><text xml:lang='en'>Call 212-555-1212 for assistance.</text>", sasl.AccountDisabled, "Call 212-555-1212 for assistance."},
		"busy":     {"<temporary-auth-failure/>", sasl.TemporaryAuthFailure, ""},
		"nothing":  {"", sasl.NotAuthorized, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := negotiate(t, juliet(ca), func(p *streamtest.Peer) {
				p.StartTLS(ca.Server(p.Domain))
				p.Header(p.Mechanisms()...)
				p.Expect(stream.NSSASL, "auth")
				p.Send("<failure xmlns='" + stream.NSSASL + "'>" + tt.failure + "</failure>")
				p.ExpectEnd()
			})
			var refused *stream.AuthError
			if !errors.As(err, &refused) || !errors.Is(err, tt.want) || refused.Text != tt.text {
				t.Fatalf("%#v", err)
			}
		})
	}
}

// RFC 6120 §13.8.3: the password itself is only for a server that TLS has authenticated, by its authority or as the program sees
// fit.
func TestPlain(t *testing.T) {
	ca := streamtest.NewCA(t)
	for name, tt := range map[string]struct {
		config *tls.Config
		want   error
	}{
		"authenticated":     {ca.Client(), nil},
		"by the program":    {&tls.Config{InsecureSkipVerify: true, VerifyConnection: func(tls.ConnectionState) error { return nil }}, nil},
		"not looked at all": {&tls.Config{InsecureSkipVerify: true}, sasl.ErrNoMechanism},
	} {
		t.Run(name, func(t *testing.T) {
			in := juliet(ca)
			in.TLS = tt.config
			_, err := negotiate(t, in, func(p *streamtest.Peer) {
				p.StartTLS(ca.Server(p.Domain))
				p.Header(p.Mechanisms(sasl.Plain)...)
				if tt.want == nil {
					p.Authenticate(accounts, sasl.Plain)
					p.Bind(full)
				}
				p.ExpectGone()
			})
			if !errors.Is(err, tt.want) {
				t.Fatal(err)
			}
		})
	}
}

// A thing makes its account with an API key where its login fails, and then logs in on the same stream, to which the server
// sends no features again (XEP-0077, XEP-0348).
func TestRegister(t *testing.T) {
	ca := streamtest.NewCA(t)
	accounts := streamtest.Accounts{}
	in := juliet(ca)
	calls := 0
	in.Register = func(ctx context.Context, r stanza.Requester) error {
		calls++
		form, err := r.Request(ctx, &stanza.IQ{Type: stanza.Get, Payload: xmlstream.New(nsRegister, "query")})
		if err != nil || form.Child(nsRegister, "username") == nil {
			t.Errorf("form %v, %v", form, err)
		}
		_, err = r.Request(ctx, &stanza.IQ{Type: stanza.Set, Payload: xmlstream.New(nsRegister, "query",
			xmlstream.New(nsRegister, "username", xmlstream.Text("juliet")))})
		return err
	}
	result, err := negotiate(t, in, func(p *streamtest.Peer) {
		p.StartTLS(ca.Server(p.Domain))
		p.Header(append(p.Mechanisms(), offersRegister)...)
		if p.Authenticate(accounts) {
			p.Fatalf("logged in without an account")
		}
		get := p.Expect(stanza.Client, "iq")
		if to, ok := get.LookupAttr("", "to"); ok {
			p.Fatalf("request is to %s", to)
		}
		p.Result(get, xmlstream.New(nsRegister, "query", xmlstream.New(nsRegister, "username")))
		set := p.Expect(stanza.Client, "iq")
		accounts[set.Child(nsRegister, "query").ChildText(nsRegister, "username")] = in.Password
		p.Result(set, nil)
		if !p.Authenticate(accounts) {
			p.Fatalf("login failed")
		}
		p.Bind(full)
		p.ExpectGone()
	})
	if err != nil || result.JID.String() != full || calls != 1 {
		t.Fatalf("%+v after %d calls, %v", result, calls, err)
	}
}

func TestRegisterFails(t *testing.T) {
	ca := streamtest.NewCA(t)
	in := juliet(ca)
	in.Register = func(ctx context.Context, r stanza.Requester) error {
		_, err := r.Request(ctx, &stanza.IQ{Type: stanza.Set, Payload: xmlstream.New(nsRegister, "query")})
		return err
	}
	_, err := negotiate(t, in, func(p *streamtest.Peer) {
		p.StartTLS(ca.Server(p.Domain))
		p.Header(append(p.Mechanisms(), offersRegister)...)
		p.Authenticate(streamtest.Accounts{})
		iq := p.Expect(stanza.Client, "iq")
		p.Send("<iq type='error' id='" + iq.Attr("id") + "'><error type='cancel'><conflict xmlns='" + stanza.NSErrors + "'/></error></iq>")
		p.ExpectEnd()
	})
	if e := (*stanza.Error)(nil); !errors.As(err, &e) || e.Condition != stanza.Conflict {
		t.Fatal(err)
	}
}

// Where the server does not offer it, or the account is there but may not log in, nothing is registered.
func TestRegisterNotCalled(t *testing.T) {
	ca := streamtest.NewCA(t)
	for name, tt := range map[string]struct {
		offer     *xmlstream.Element
		condition sasl.Condition
	}{
		"not offered": {nil, sasl.NotAuthorized},
		"disabled":    {offersRegister, sasl.AccountDisabled},
	} {
		t.Run(name, func(t *testing.T) {
			in := juliet(ca)
			in.Register = func(context.Context, stanza.Requester) error {
				t.Error("called")
				return nil
			}
			_, err := negotiate(t, in, func(p *streamtest.Peer) {
				p.StartTLS(ca.Server(p.Domain))
				p.Header(append(p.Mechanisms(), tt.offer)...)
				p.Expect(stream.NSSASL, "auth")
				p.Write(stream.Failure(string(tt.condition)))
				p.ExpectEnd()
			})
			if !errors.Is(err, tt.condition) {
				t.Fatal(err)
			}
		})
	}
}

// A server that cannot prove that it knows the password is not our server. RFC 5802 §3
func TestServerWithoutProof(t *testing.T) {
	ca := streamtest.NewCA(t)
	for name, tt := range map[string]struct {
		login func(*streamtest.Peer)
		want  error
	}{
		"wrong password": {func(p *streamtest.Peer) {
			p.Authenticate(streamtest.Accounts{"juliet": "guessed"})
		}, sasl.NotAuthorized},
		"wrong signature": {func(p *streamtest.Peer) {
			challenge(p)
			p.Expect(stream.NSSASL, "response")
			p.Write(stream.SASL("success", []byte("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")))
		}, sasl.ErrProof},
		"success at once": {func(p *streamtest.Peer) {
			p.Expect(stream.NSSASL, "auth")
			p.Write(stream.SASL("success", nil))
		}, sasl.ErrProof},
		"success before the signature": {func(p *streamtest.Peer) {
			challenge(p)
			p.Expect(stream.NSSASL, "response")
			p.Write(stream.SASL("success", nil))
		}, sasl.ErrProof},
		"endless challenges": {func(p *streamtest.Peer) {
			challenge(p)
			p.Expect(stream.NSSASL, "response")
			p.Write(stream.SASL("challenge", []byte("again")))
			p.Expect(stream.NSSASL, "abort")
		}, nil},
		"too much work": {func(p *streamtest.Peer) {
			p.Expect(stream.NSSASL, "auth")
			p.Write(stream.SASL("challenge", []byte("r=abc,s=c2FsdA==,i=2000000000")))
			p.Expect(stream.NSSASL, "abort")
		}, nil},
		"no base64": {func(p *streamtest.Peer) {
			p.Expect(stream.NSSASL, "auth")
			p.Send("<challenge xmlns='" + stream.NSSASL + "'>~</challenge>")
			p.Expect(stream.NSSASL, "abort")
		}, sasl.IncorrectEncoding},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := negotiate(t, juliet(ca), func(p *streamtest.Peer) {
				p.StartTLS(ca.Server(p.Domain))
				p.Header(p.Mechanisms()...)
				tt.login(p)
				p.ExpectEnd()
			})
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Fatal(err)
			}
		})
	}
}

// challenge begins a SCRAM exchange as a server does that has no keys.
func challenge(p *streamtest.Peer) {
	data, err := stream.SASLData(p.Expect(stream.NSSASL, "auth"))
	if err != nil {
		p.Fatalf("%v", err)
	}
	_, nonce, _ := cutLast(string(data), ",r=")
	p.Write(stream.SASL("challenge", []byte("r="+nonce+"server,s=c2FsdA==,i=4096")))
}
