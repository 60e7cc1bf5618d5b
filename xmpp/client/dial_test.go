package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/sasl"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/stream/streamtest"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// records are those of the domain, by service.
type records map[string][]*net.SRV

func (r records) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	if found := r[service]; found != nil && proto == "tcp" && name == domain {
		return "", found, nil
	}
	return "", nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// Where a server is looked for. RFC 6120 §3.2, XEP-0368#usecases
func TestFind(t *testing.T) {
	const (
		starttls = "a.example.com:5222"
		direct   = "tls.example.com:443"
	)
	plain := []*net.SRV{{Target: "b.example.com.", Port: 5222, Priority: 20}, {Target: "a.example.com.", Port: 5222, Priority: 10}}
	secure := []*net.SRV{{Target: "tls.example.com.", Port: 443, Priority: 5}}
	none := []*net.SRV{{Target: "."}}
	all := records{"xmpp-client": plain, "xmpps-client": secure}
	for name, tt := range map[string]struct {
		jid    string
		addr   string
		direct bool
		dns    records
		want   []string
		err    error
	}{
		"address given":          {addr: "127.0.0.1:15222", dns: all, want: []string{"127.0.0.1:15222"}},
		"no records":             {want: []string{"im.example.com:5222"}},
		"no records, direct":     {direct: true, want: []string{"im.example.com:5223"}},
		"starttls":               {dns: records{"xmpp-client": plain}, want: []string{starttls, "b.example.com:5222"}},
		"both":                   {dns: all, want: []string{direct, starttls, "b.example.com:5222"}},
		"direct only":            {dns: all, direct: true, want: []string{direct}},
		"starttls, no direct":    {dns: records{"xmpp-client": plain, "xmpps-client": none}, want: []string{starttls, "b.example.com:5222"}},
		"decidedly not":          {dns: records{"xmpp-client": none}, err: client.ErrNotOffered},
		"decidedly neither":      {dns: records{"xmpp-client": none, "xmpps-client": none}, err: client.ErrNotOffered},
		"an address for domain":  {jid: "juliet@192.0.2.1", dns: all, want: []string{"192.0.2.1:5222"}},
		"IPv6 for domain":        {jid: "juliet@[2001:db8::1]", dns: all, want: []string{"[2001:db8::1]:5222"}},
		"an international name":  {jid: "julia@bücher.example", want: []string{"xn--bcher-kva.example:5222"}},
		"more than are sensible": {dns: records{"xmpp-client": slices.Repeat(plain, 50)}, want: slices.Repeat([]string{starttls}, 16)},
	} {
		t.Run(name, func(t *testing.T) {
			var dialled []string
			c := client.Config{JID: jid.MustParse(full), Addr: tt.addr, DirectTLS: tt.direct, Resolver: tt.dns}
			if tt.jid != "" {
				c.JID = jid.MustParse(tt.jid)
			}
			nobody := errors.New("nobody listens")
			c.DialContext = func(_ context.Context, _, addr string) (net.Conn, error) {
				dialled = append(dialled, addr)
				return nil, nobody
			}
			_, err := client.Dial(t.Context(), c)
			if want := tt.err; want == nil && !errors.Is(err, nobody) || want != nil && !errors.Is(err, want) {
				t.Error(err)
			}
			if !slices.Equal(dialled, tt.want) {
				t.Errorf("dialled %q, want %q", dialled, tt.want)
			}
		})
	}
}

// A server that cannot be reached, or not be trusted, gives way to the next; TLS comes first where the record says so, and says
// that it is for XMPP and for which domain. XEP-0368#usecases
func TestDialDirectTLS(t *testing.T) {
	ca, stranger := streamtest.NewCA(t), streamtest.NewCA(t)
	n := &network{t: t, refuse: map[string]bool{"gone.example.com:443": true}, scripts: []func(*streamtest.Peer){
		nil, // never dialled
		func(p *streamtest.Peer) {
			p.Conn.Secure(context.Background(), stranger.Server(domain), true)
			p.ExpectGone()
		},
		func(p *streamtest.Peer) {
			config := ca.Server(domain)
			config.NextProtos = []string{"xmpp-client"}
			config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				if hello.ServerName != domain {
					t.Errorf("server name %q", hello.ServerName)
				}
				return nil, nil
			}
			p.Secure(config)
			if got := p.Conn.TLS().NegotiatedProtocol; got != "xmpp-client" {
				p.Fatalf("protocol %q", got)
			}
			enter(p)
			farewell(p)
		},
	}}
	c := n.config()
	c.Addr, c.AllowPlaintext, c.TLS = "", false, ca.Client()
	c.Resolver = records{"xmpps-client": {
		{Target: "gone.example.com.", Port: 443, Priority: 1},
		{Target: "strange.example.com.", Port: 443, Priority: 2},
		{Target: "right.example.com.", Port: 443, Priority: 3},
	}}
	s, err := client.Dial(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	s.Close(t.Context())
	want := []string{"gone.example.com:443", "strange.example.com:443", "right.example.com:443"}
	if got := n.addrs(); !slices.Equal(got, want) {
		t.Errorf("dialled %q", got)
	}
}

// The usual way: STARTTLS, with the login bound to it.
func TestDialStartTLS(t *testing.T) {
	ca := streamtest.NewCA(t)
	c := config(t, func(p *streamtest.Peer) {
		p.Enter(ca, accounts, full)
		farewell(p)
	})
	c.AllowPlaintext, c.TLS = false, ca.Client()
	s, err := client.Dial(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	s.Close(t.Context())
}

// RFC 6120 §4.9.3.19: a redirection is followed, once, under the name of the domain that we meant.
func TestSeeOtherHost(t *testing.T) {
	to := func(host string) func(*streamtest.Peer) {
		return func(p *streamtest.Peer) {
			p.Hear()
			p.Conn.Open(transport.Header{From: p.Domain, Version: "1.0", Content: stanza.Client})
			p.Write((&stream.Error{Condition: stream.SeeOtherHost, Host: host}).Element())
			p.Conn.End()
			p.ExpectEnd()
		}
	}
	arrive := func(p *streamtest.Peer) {
		enter(p)
		farewell(p)
	}
	dns := records{"xmpp-client": {{Target: "found.example.com.", Port: 15222}}}
	for name, tt := range map[string]struct {
		scripts []func(*streamtest.Peer)
		want    []string
		fails   bool
	}{
		"host and port": {[]func(*streamtest.Peer){to("b.example.com:9222"), arrive}, []string{"b.example.com:9222"}, false},
		"IPv6":          {[]func(*streamtest.Peer){to("[2001:db8::1]:9222"), arrive}, []string{"[2001:db8::1]:9222"}, false},
		"IPv6, no port": {[]func(*streamtest.Peer){to("[2001:db8::1]"), arrive}, []string{"[2001:db8::1]:5222"}, false},
		"a domain":      {[]func(*streamtest.Peer){to(domain), arrive}, []string{"found.example.com:15222"}, false},
		"twice":         {[]func(*streamtest.Peer){to("b.example.com:9222"), to("c.example.com:9222")}, []string{"b.example.com:9222"}, true},
		"nowhere":       {[]func(*streamtest.Peer){to("")}, nil, true},
		"nonsense":      {[]func(*streamtest.Peer){to("juliet@example.com/x")}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			n := &network{t: t, scripts: tt.scripts}
			c := n.config()
			c.Resolver = dns
			s, err := client.Dial(t.Context(), c)
			if (err != nil) != tt.fails {
				t.Error(err)
			}
			if s != nil {
				s.Close(t.Context())
			}
			if got := n.addrs()[1:]; !slices.Equal(got, tt.want) {
				t.Errorf("went to %q, want %q", got, tt.want)
			}
		})
	}
}

// A thing without account makes one on its way in.
func TestDialRegister(t *testing.T) {
	made := streamtest.Accounts{}
	c := config(t, func(p *streamtest.Peer) {
		p.Header(append(p.Mechanisms(), xmlstream.New(stream.NSRegister, "register"))...)
		p.Authenticate(made)
		made["juliet"] = "r0m30myr0m30"
		p.Result(p.Expect(stanza.Client, "iq"), nil)
		if !p.Authenticate(made) {
			p.Fatalf("login failed")
		}
		p.Bind(full)
		farewell(p)
	})
	c.Register = func(ctx context.Context, r stanza.Requester) error {
		_, err := r.Request(ctx, &stanza.IQ{Type: stanza.Set, Payload: xmlstream.New("jabber:iq:register", "query")})
		return err
	}
	s, err := client.Dial(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	s.Close(t.Context())
}

func TestDialFails(t *testing.T) {
	c := config(t, func(p *streamtest.Peer) {
		p.Header(p.Mechanisms()...)
		p.Authenticate(streamtest.Accounts{})
		p.ExpectEnd()
	})
	if _, err := client.Dial(t.Context(), c); !errors.Is(err, sasl.NotAuthorized) {
		t.Errorf("no account: %v", err)
	}
	c.JID = jid.MustParse(domain)
	if _, err := client.Dial(t.Context(), c); !errors.Is(err, client.ErrConfig) {
		t.Errorf("no localpart: %v", err)
	}
}

// However a server stalls, Dial takes no longer than it may.
func TestDialTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		c := config(t, func(p *streamtest.Peer) {
			p.Header(p.Mechanisms()...)
			<-release
		})
		began := time.Now()
		_, err := client.Dial(t.Context(), c)
		if took := time.Since(began); took != 30*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// A configuration may be logged.
func TestNoPasswordInLogs(t *testing.T) {
	c := client.Config{JID: jid.MustParse(full), Password: "r0m30myr0m30"}
	if s := c.LogValue().String(); !strings.Contains(s, full) || strings.Contains(s, c.Password) {
		t.Error(s)
	}
}
