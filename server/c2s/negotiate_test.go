package c2s_test

import (
	"context"
	"strings"
	"testing"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server/c2s"
	"github.com/comity-iot/comity/xmpp/sasl"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// RFC 6120 §4.3: TLS, then the login, then a resource; each is offered when its turn has come and not before.
func TestNegotiationOrder(t *testing.T) {
	w := newWorld(t, options{hooks: &module.Hooks{
		StreamFeatures: func(st module.Stream) []*xmlstream.Element {
			if st.Account().IsZero() {
				return nil
			}
			return []*xmlstream.Element{xmlstream.New("urn:x", "more")}
		},
	}})
	c := w.dial()
	if got := names(c.open()); got != "starttls required" {
		t.Errorf("first: %s", got)
	}
	mechanisms := "mechanisms " + strings.Join(sasl.NewOffer(sasl.Mechanisms(), sasl.ChannelBinding{EndPoint: []byte{1}}).Mechanisms, " ")
	if got := names(c.startTLS()); got != mechanisms+", sasl-channel-binding" {
		t.Errorf("with TLS: %s, want %s", got, mechanisms)
	}
	if el := c.plain("juliet", "secret"); el.Local() != "success" {
		t.Fatal(el)
	}
	c.conn.Restart()
	if got := names(c.open()); got != "bind, session, more" {
		t.Errorf("logged in: %s", got)
	}
	c.bind()
	if c.jid.Bare().String() != "juliet@example.com" || len(c.jid.Resource()) < 16 || c.jid.Resource() == "balcony" {
		t.Errorf("bound to %s", c.jid)
	}
	c.echo("1")
	c.send("</stream:stream>")
	c.ends("")
	w.ended()
	if n := w.Count(); n != 0 {
		t.Errorf("%d streams are left", n)
	}
}

// XEP-0368
func TestDirectTLS(t *testing.T) {
	w := newWorld(t, options{direct: true})
	c := w.dial()
	c.secure()
	if got := names(c.open()); !strings.HasPrefix(got, "mechanisms") || strings.Contains(got, "starttls") {
		t.Errorf("offered: %s", got)
	}
	c.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>") // TLS in TLS
	c.expect("failure")
	c.ends("")
}

// RFC 6120 §4.7, §4.9.3
func TestHeaderErrors(t *testing.T) {
	const streams = " xmlns:stream='http://etherx.jabber.org/streams'"
	two := []string{domain, "example.org"}
	for _, c := range []struct {
		name, sent string
		domains    []string
		want       stream.Condition
	}{
		{"another domain", header("example.net"), nil, stream.HostUnknown},
		{"an account", header("juliet@example.com"), nil, stream.HostUnknown},
		{"no address", header("@"), nil, stream.HostUnknown},
		{"no name among two", "<stream:stream xmlns='jabber:client'" + streams + " version='1.0'>", two, stream.HostUnknown},
		{"no version", "<stream:stream xmlns='jabber:client'" + streams + " to='example.com'>", nil, stream.UnsupportedVersion},
		{"version 0.9", strings.Replace(header(domain), "version='1.0'>", "version='0.9'>", 1), nil, stream.UnsupportedVersion},
		{"version 2.0", strings.Replace(header(domain), "version='1.0'>", "version='2.0'>", 1), nil, stream.UnsupportedVersion},
		{"version 1", strings.Replace(header(domain), "version='1.0'>", "version='1'>", 1), nil, stream.UnsupportedVersion},
		{"a server", strings.Replace(header(domain), "jabber:client", "jabber:server", 1), nil, stream.InvalidNamespace},
		{"another content", strings.Replace(header(domain), "jabber:client", "urn:x", 1), nil, stream.InvalidNamespace},
		{"another root", strings.Replace(header(domain), "etherx.jabber.org", "example.com", 1), nil, stream.InvalidNamespace},
		{"no stream", "<presence xmlns='jabber:client'/>", nil, stream.InvalidNamespace},
		{"no XML", "GET / HTTP/1.1\r\n\r\n", nil, stream.NotWellFormed},
		{"a DTD", "<!DOCTYPE stream>" + header(domain), nil, stream.RestrictedXML},
		{"not UTF-8", "<?xml version='1.0' encoding='latin1'?>" + header(domain), nil, stream.UnsupportedEncoding},
		{"more than is read", "<stream:stream a='" + strings.Repeat("x", 20_000), nil, stream.PolicyViolation},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl := newWorld(t, options{domains: c.domains}).dial()
			cl.send(c.sent)
			cl.hear() // an error is inside a stream. RFC 6120 §4.9.1.2
			cl.ends(c.want)
		})
	}
	for name, sent := range map[string]string{
		"no name where there is one": "<stream:stream xmlns='jabber:client'" + streams + " version='1.0'>",
		"another spelling":           header("EXAMPLE.com"),
		"a later version":            strings.Replace(header(domain), "1.0'>", "1.11'>", 1),
		"a language, from and more":  strings.Replace(header(domain), "to=", "xml:lang='de' from='juliet@example.com' more='1' to=", 1),
	} {
		t.Run(name, func(t *testing.T) {
			c := newWorld(t, options{}).dial()
			c.send(sent)
			c.hear()
			c.expect("features")
		})
	}
}

// The second header is a new stream's: an error in it is in a new stream of ours, too. RFC 6120 §6.4.6
func TestSecondHeader(t *testing.T) {
	for to, want := range map[string]stream.Condition{"example.org": stream.HostUnknown, "example.net": stream.HostUnknown} {
		w := newWorld(t, options{domains: []string{domain, "example.org"}})
		c := w.dial()
		c.open()
		c.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
		c.expect("proceed")
		c.secure()
		c.send(header(to))
		c.hear()
		c.ends(want)

		c = w.dial()
		c.open()
		c.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
		c.expect("proceed")
		c.secure()
		c.send("no stream")
		c.hear()
		c.ends(stream.NotWellFormed)
	}
	// Without a name it is for the same as before.
	c := newWorld(t, options{domains: []string{domain, "example.org"}}).dial()
	c.open()
	c.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	c.expect("proceed")
	c.secure()
	c.send(strings.Replace(header(domain), " to='example.com'", "", 1))
	c.hear()
	c.expect("features")
}

// RFC 6120 §5.4.3.3
func TestDataBehindStartTLS(t *testing.T) {
	c := newWorld(t, options{}).dial()
	c.open()
	c.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><iq type='get' id='1'/>")
	c.ends(stream.PolicyViolation)
}

func TestWithoutCertificate(t *testing.T) {
	w := newWorld(t, options{})
	w.Certificate = func() *c2s.Certificate { return &c2s.Certificate{} }
	c := w.dial()
	if got := names(c.open()); got != "" {
		t.Errorf("offered: %s", got)
	}
	c.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>") // RFC 6120 §5.4.2.2
	c.expect("failure")
	c.ends("")
}

// Nothing of worth goes in the clear. RFC 6120 §5.3.1, §6.5.4
func TestPlaintextIsRefused(t *testing.T) {
	c := newWorld(t, options{hooks: register(nil)}).dial()
	c.open()
	c.failure(c.plain("juliet", "secret"), sasl.EncryptionRequired)
	c.send("<iq type='get' id='1' to='example.com'><query xmlns='jabber:iq:register'/></iq>")
	c.ends(stream.PolicyViolation)

	w := newWorld(t, options{settings: func(s *c2s.Settings) { s.PlaintextLoopback = true }})
	c = w.dial()
	if got := names(c.open()); !strings.HasPrefix(got, "mechanisms") || !strings.HasSuffix(got, "starttls") || strings.Contains(got, "PLUS") {
		t.Errorf("on the loopback interface: %s", got)
	}
	w.dial().enter("juliet").echo("1")

	here, there := pipeFrom("192.0.2.1:4711") // not from here
	w.dials <- there
	c = w.over(here)
	if got := names(c.open()); got != "starttls required" {
		t.Errorf("from elsewhere: %s", got)
	}
	c.failure(c.plain("juliet", "secret"), sasl.EncryptionRequired)
}

// register is a feature that answers before the login.
func register(fail error) *module.Hooks {
	name := xmlstream.Name{Space: "jabber:iq:register", Local: "query"}
	return &module.Hooks{BeforeAuth: []module.BeforeAuth{{
		Name: name,
		Handle: func(_ context.Context, st module.Stream, iq *stanza.IQ) (*xmlstream.Element, error) {
			if fail != nil || !st.Secure() || !st.Account().IsZero() || st.Session() != nil || !st.Remote().IsValid() || st.ID() == "" {
				return nil, fail
			}
			st.SetValue(name, iq.ID)
			return xmlstream.New(name.Space, name.Local, xmlstream.Text(st.Value(name).(string))), nil
		},
	}}}
}

// XEP-0077: an account is made before the login, on the same stream.
func TestBeforeAuth(t *testing.T) {
	c := newWorld(t, options{hooks: register(nil)}).dial()
	c.open()
	c.startTLS()
	c.send("<iq type='get' id='r1' to='example.com'><query xmlns='jabber:iq:register'/></iq>")
	iq := c.expect("iq")
	if iq.Attr("type") != "result" || iq.Attr("from") != domain || iq.Attr("to") != "" || iq.ChildText("jabber:iq:register", "query") != "r1" {
		t.Errorf("answered %v", iq)
	}
	c.send("<iq type='get' id='r2' to='@'><query xmlns='jabber:iq:register'/></iq>")
	if iq = c.expect("iq"); stanza.ParseError(iq.Child(stanza.Client, "error")).Condition != stanza.JIDMalformed || iq.Attr("from") != domain {
		t.Errorf("answered %v", iq)
	}
	c.send("<iq type='get' id='r3'/>")
	if iq = c.expect("iq"); stanza.ParseError(iq.Child(stanza.Client, "error")).Condition != stanza.BadRequest {
		t.Errorf("answered %v", iq)
	}
	c.failure(c.plain("juliet", "wrong"), sasl.NotAuthorized)
	if el := c.plain("juliet", "secret"); el.Local() != "success" {
		t.Fatal(el)
	}
	c.conn.Restart()
	c.open()
	c.send("<iq type='get' id='r4'><query xmlns='jabber:iq:register'/></iq>") // too late: first a resource
	c.ends(stream.NotAuthorized)
}

// A feature's error is answered, and one that ends the stream does.
func TestBeforeAuthFails(t *testing.T) {
	for _, end := range []error{stream.PolicyViolation, stream.PolicyViolation.With("no"), stanza.NotAllowed} {
		c := newWorld(t, options{hooks: register(end)}).dial()
		c.open()
		c.startTLS()
		c.send("<iq type='set' id='1'><query xmlns='jabber:iq:register'/></iq>")
		if stream.AsError(end) != nil {
			c.ends(stream.PolicyViolation)
			continue
		}
		if iq := c.expect("iq"); stanza.ParseError(iq.Child(stanza.Client, "error")).Condition != stanza.NotAllowed {
			t.Errorf("answered %v", iq)
		}
	}
}

// RFC 6120 §4.9.3.12
func TestNothingElseBeforeTheLogin(t *testing.T) {
	for sent, want := range map[string]stream.Condition{
		"<message to='romeo@example.com'/>": stream.NotAuthorized,
		"<presence/>":                       stream.NotAuthorized,
		"<iq type='result' id='1'/>":        stream.NotAuthorized,
		"<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>":                         stream.NotAuthorized,
		"<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>":          stream.NotAuthorized,
		"<query xmlns='jabber:client'/>":                                                       stream.UnsupportedStanzaType,
		"<enable xmlns='urn:xmpp:sm:3'/>":                                                      stream.NotAuthorized,
		"<message><body>" + strings.Repeat("x", 20_000):                                        stream.PolicyViolation,
		"<message>&unknown;</message>":                                                         stream.RestrictedXML,
		"<!-- -->":                                                                             stream.RestrictedXML,
		"<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>": stream.NotAuthorized,
	} {
		c := newWorld(t, options{}).dial()
		c.open()
		c.startTLS()
		c.send(sent)
		c.ends(want)
	}
}
