package c2s_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/comity-iot/comity/server/c2s"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/sasl"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

const nsSASL = " xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"

// RFC 6120 §6.4.5, §6.5
func TestLoginFailures(t *testing.T) {
	c := newWorld(t, options{}).dial()
	c.open()
	c.startTLS()
	for _, f := range []struct {
		user, password string
		want           sasl.Condition
	}{
		{"juliet", "wrong", sasl.NotAuthorized},
		{"nobody", "secret", sasl.NotAuthorized},
		{"a b", "secret", sasl.NotAuthorized},
		{"tybalt", "wrong", sasl.NotAuthorized},
		{"tybalt", "secret", sasl.AccountDisabled}, // only its owner learns of it
	} {
		c.failure(c.plain(f.user, f.password), f.want)
	}
	for sent, want := range map[string]sasl.Condition{
		"<response" + nsSASL + "/>":                                 sasl.MalformedRequest,
		"<nonsense" + nsSASL + "/>":                                 sasl.MalformedRequest,
		"<auth" + nsSASL + " mechanism='NONE'/>":                    sasl.InvalidMechanism,
		"<auth" + nsSASL + " mechanism='PLAIN'>?</auth>":            sasl.IncorrectEncoding,
		"<auth" + nsSASL + " mechanism='SCRAM-SHA-256'>AAAA</auth>": sasl.MalformedRequest,
	} {
		c.send(sent)
		c.failure(c.next(), want)
	}
	// Ten have failed: no more than that.
	c.ends(stream.PolicyViolation)
}

// A login that is broken off leaves nothing behind, and one for another account is refused. RFC 6120 §6.4.4, §6.3.8
func TestLoginOnTheSameStream(t *testing.T) {
	c := newWorld(t, options{settings: func(s *c2s.Settings) { s.Attempts = 4 }}).dial()
	c.open()
	c.startTLS()
	c.send("<auth" + nsSASL + " mechanism='SCRAM-SHA-256'/>") // no initial response
	c.expect("challenge")
	c.send("<abort" + nsSASL + "/>")
	c.failure(c.next(), sasl.Aborted)
	c.send("<response" + nsSASL + "/>")
	c.failure(c.next(), sasl.MalformedRequest)
	el := stream.SASL("auth", []byte("romeo@example.com\x00juliet\x00secret"), xmlstream.A("mechanism", "PLAIN"))
	c.send(string(el.AppendXML(nil, stanza.Client)))
	c.failure(c.next(), sasl.InvalidAuthzID)
	el = stream.SASL("auth", []byte("juliet@example.com\x00juliet\x00secret"), xmlstream.A("mechanism", "PLAIN"))
	c.send(string(el.AppendXML(nil, stanza.Client)))
	c.expect("success")
	c.conn.Restart()
	c.open()
	c.send("<auth" + nsSASL + " mechanism='PLAIN'/>") // once more
	c.ends(stream.PolicyViolation)
}

// scram logs in with a mechanism and binding as given, and returns the last answer.
func (c *client) scram(mechanism string, cb sasl.ChannelBinding, offer sasl.Offer) *xmlstream.Element {
	c.t.Helper()
	login, err := sasl.NewClient(mechanism, sasl.ClientCredentials{Username: "juliet", Password: "secret"}, cb, offer)
	if err != nil {
		c.t.Fatal(err)
	}
	data, err := login.Start()
	if err != nil {
		c.t.Fatal(err)
	}
	c.send(string(stream.SASL("auth", data, xmlstream.A("mechanism", mechanism)).AppendXML(nil, stanza.Client)))
	for {
		el := c.next()
		if el.Local() != "challenge" {
			return el
		}
		data, err := stream.SASLData(el)
		if err != nil {
			c.t.Fatal(err)
		}
		if data, err = login.Next(data); err != nil {
			c.t.Fatal(err)
		}
		c.send(string(stream.SASL("response", data).AppendXML(nil, stanza.Client)))
	}
}

func TestChannelBinding(t *testing.T) {
	c := newWorld(t, options{}).dial()
	c.open()
	c.startTLS()
	state := c.conn.TLS()
	cb := sasl.BindTLS(state, state.PeerCertificates[0])
	offer := sasl.NewOffer(sasl.Mechanisms(), cb)
	if el := c.scram("SCRAM-SHA-256-PLUS", cb, offer); el.Local() != "success" {
		t.Error(el)
	}
	c = newWorld(t, options{}).dial()
	c.open()
	c.startTLS()
	other := sasl.ChannelBinding{Exporter: make([]byte, 32)} // somebody between the two
	c.failure(c.scram("SCRAM-SHA-256-PLUS", other, offer), sasl.NotAuthorized)
	// A client that could bind and saw no offer: there was one, so somebody has removed it. RFC 5802 §6
	c.failure(c.scram("SCRAM-SHA-256", cb, sasl.Offer{Mechanisms: []string{"SCRAM-SHA-256"}}), sasl.NotAuthorized)
}

// docs/adr/0002-old-channel-binding.md
func TestOldChannelBinding(t *testing.T) {
	for _, tolerant := range []bool{true, false} {
		c := newWorld(t, options{settings: func(s *c2s.Settings) { s.OldBinding = tolerant }}).dial()
		c.open()
		c.startTLS()
		// As slixmpp does: first tls-unique, which there is not, then without -PLUS but with the flag "y".
		first := []byte("p=tls-unique,,n=juliet,r=fyko+d2lbbFgONRv9qkxdawL")
		c.send(string(stream.SASL("auth", first, xmlstream.A("mechanism", "SCRAM-SHA-1-PLUS")).AppendXML(nil, stanza.Client)))
		if el := c.next(); el.Local() != "failure" {
			t.Fatal(el)
		}
		cb := sasl.ChannelBinding{Exporter: []byte("could bind")}
		el := c.scram("SCRAM-SHA-1", cb, sasl.Offer{Mechanisms: []string{"SCRAM-SHA-1"}})
		if got := el.Local() == "success"; got != tolerant {
			t.Errorf("tolerant %v: %v", tolerant, el)
		}
	}
}

// RFC 6120 §7
func TestBind(t *testing.T) {
	for sent, want := range map[string]stream.Condition{
		"<iq type='get' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>": stream.NotAuthorized,
		"<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>":                stream.NotAuthorized,
		"<message to='romeo@example.com'/>":                                           stream.NotAuthorized,
		"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>":                         "",
		"<unknown xmlns='urn:x'/>":                                                    stream.UnsupportedStanzaType,
	} {
		c := newWorld(t, options{}).dial()
		c.logIn("juliet")
		c.send(sent)
		if want == "" {
			c.expect("failure")
		}
		c.ends(want)
	}
}

// RFC 6120 §7.6.2.1: however many bind at once, there are no more than that.
func TestSessionsOfAnAccount(t *testing.T) {
	const limit, all = 3, 8
	w := newWorld(t, options{settings: func(s *c2s.Settings) { s.Sessions = limit }})
	clients, bound := make([]*client, all), make(chan bool, all)
	for i := range clients {
		clients[i] = w.dial()
		clients[i].logIn("juliet")
	}
	for _, c := range clients {
		go func() {
			iq := c.bind()
			if iq.Attr("type") == "error" && stanza.ParseError(iq.Child(stanza.Client, "error")).Condition != stanza.ResourceConstraint {
				t.Errorf("refused with %v", iq)
			}
			bound <- iq.Attr("type") == "result"
		}()
	}
	n := 0
	for range clients {
		if <-bound {
			n++
		}
	}
	if n != limit || len(w.Router.Of(jid.MustParse("juliet@example.com"))) != limit {
		t.Errorf("%d of %d are bound, want %d", n, all, limit)
	}
	w.enter("romeo") // others do not count
	for _, c := range clients {
		if !c.jid.IsZero() {
			c.send("</stream:stream>")
			c.ends("")
			break
		}
	}
	for _, c := range clients { // there is room again, on a stream that was refused
		if c.jid.IsZero() {
			if iq := c.bind(); iq.Attr("type") != "result" {
				t.Errorf("refused with %v", iq)
			}
			break
		}
	}
}

// An account that is removed between login and binding has no session.
func TestBindAfterRemoval(t *testing.T) {
	w := newWorld(t, options{})
	w.people.add("mercutio")
	c := w.dial()
	c.logIn("mercutio")
	w.people.remove("mercutio")
	c.send("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
	c.ends(stream.NotAuthorized)
	w.ended()
	if all := w.Router.Of(jid.MustParse("mercutio@example.com")); len(all) > 0 {
		t.Errorf("%d sessions", len(all))
	}
}

// A stream that is refused costs a connection and no more.
func TestStreamsAtATime(t *testing.T) {
	for name, set := range map[string]func(*c2s.Settings){
		"in all":           func(s *c2s.Settings) { s.Streams = 2 },
		"from one address": func(s *c2s.Settings) { s.PerAddress = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, options{settings: set})
			a, b := w.dial(), w.dial()
			a.open()
			b.open()
			w.dial().gone()
			a.send("</stream:stream>")
			a.ends("")
			for w.Count() > 1 {
				runtime.Gosched()
			}
			w.enter("juliet").echo(strings.Repeat("x", 10))
		})
	}
}
