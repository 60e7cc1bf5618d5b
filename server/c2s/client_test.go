package c2s_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/sasl"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// client speaks with the server as it is told. Where something else happens than its methods say, the test fails.
type client struct {
	t    testing.TB
	w    *world
	raw  net.Conn
	conn *transport.TCP // over raw
	jid  jid.JID
	lang string // of its stream
}

// dial opens a connection. Nothing is sent yet.
func (w *world) dial() *client { return w.over(w.connect()) }

func (w *world) over(raw net.Conn) *client {
	c := &client{t: w.t, w: w, raw: raw, conn: transport.NewTCP(raw, xmlstream.Limits{})}
	w.t.Cleanup(func() { raw.Close() })
	return c
}

type raw string

func (r raw) AppendXML(dst []byte, _ string) []byte { return append(dst, r...) }

func (c *client) send(xml string) {
	c.t.Helper()
	if err := c.conn.Write(raw(xml)); err != nil {
		c.t.Fatalf("send %.200s: %v", xml, err)
	}
}

// header returns a header with some attributes given, by default those of a good one.
func header(to string) string {
	return "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='" + to +
		"' version='1.0'>"
}

// open sends a header and returns what the server offers.
func (c *client) open() *xmlstream.Element {
	c.t.Helper()
	h := header(domain)
	if c.lang != "" {
		h = strings.TrimSuffix(h, ">") + " xml:lang='" + c.lang + "'>"
	}
	c.send(h)
	c.hear()
	return c.expect("features")
}

// hear waits for the server's header.
func (c *client) hear() {
	c.t.Helper()
	if kind, err := c.conn.Next(); kind != xmlstream.Header || err != nil {
		c.t.Fatalf("no header but kind %d, %v", kind, err)
	}
	if h := c.conn.Header(); c.w.Hosts[h.From] == nil || h.Version != "1.0" || h.ID == "" || h.Content != stanza.Client {
		c.t.Fatalf("header %+v", h)
	}
}

func (c *client) next() *xmlstream.Element {
	c.t.Helper()
	kind, err := c.conn.Next()
	if kind != xmlstream.Complete || err != nil {
		c.t.Fatalf("no element but kind %d, %v", kind, err)
	}
	return c.conn.Tokens().Element()
}

func (c *client) expect(local string) *xmlstream.Element {
	c.t.Helper()
	el := c.next()
	if el.Local() != local {
		c.t.Fatalf("got %v, want <%s/>", el, local)
	}
	return el
}

// ends waits for a stream error, or none where want is empty, and for the end of stream and connection.
func (c *client) ends(want stream.Condition) {
	c.t.Helper()
	if want != "" {
		if got := stream.ParseError(c.expect("error")); got.Condition != want {
			c.t.Fatalf("stream error %v, want %v", got, want)
		}
	}
	if kind, err := c.conn.Next(); kind != xmlstream.End || err != nil {
		c.t.Fatalf("no end of stream but kind %d, %v, %v", kind, err, c.conn.Tokens().Element())
	}
	c.gone()
}

// gone waits for the end of the connection.
func (c *client) gone() {
	c.t.Helper()
	if kind, err := c.conn.Next(); err == nil && kind != xmlstream.End {
		c.t.Fatalf("the connection goes on with kind %d, %v", kind, c.conn.Tokens().Element())
	}
	c.conn.Close()
}

// startTLS turns on TLS and restarts the stream. It returns what is offered then.
func (c *client) startTLS() *xmlstream.Element {
	c.t.Helper()
	c.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	c.expect("proceed")
	c.secure()
	return c.open()
}

func (c *client) secure() {
	c.t.Helper()
	if err := c.conn.Secure(context.Background(), c.w.tls, false); err != nil {
		c.t.Fatal(err)
	}
	c.conn.Restart()
}

// plain tries to log in with PLAIN and returns the answer.
func (c *client) plain(user, password string) *xmlstream.Element {
	c.t.Helper()
	el := stream.SASL("auth", []byte("\x00"+user+"\x00"+password), xmlstream.A("mechanism", "PLAIN"))
	c.send(string(el.AppendXML(nil, stanza.Client)))
	return c.next()
}

// failure waits for the refusal of a login.
func (c *client) failure(el *xmlstream.Element, want sasl.Condition) {
	c.t.Helper()
	if !el.Is(stream.NSSASL, "failure") || el.Child(stream.NSSASL, string(want)) == nil {
		c.t.Fatalf("got %v, want the failure %s", el, want)
	}
}

// logIn does all that comes before a resource is bound, over TLS unless there may be none.
func (c *client) logIn(user string) *xmlstream.Element {
	c.t.Helper()
	c.open()
	if !c.w.Settings.PlaintextLoopback {
		c.startTLS()
	}
	if el := c.plain(user, "secret"); el.Local() != "success" {
		c.t.Fatalf("login: %v", el)
	}
	c.conn.Restart()
	return c.open()
}

// bind asks for a resource and returns the answer.
func (c *client) bind() *xmlstream.Element {
	c.t.Helper()
	c.send("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>balcony</resource></bind></iq>")
	iq := c.expect("iq")
	if iq.Attr("type") == "result" {
		c.jid = jid.MustParse(iq.Child(stream.NSBind, "bind").ChildText(stream.NSBind, "jid"))
	}
	return iq
}

// enter is a client with a session.
func (w *world) enter(user string) *client {
	w.t.Helper()
	return w.dial().enter(user)
}

func (c *client) enter(user string) *client {
	c.t.Helper()
	c.logIn(user)
	if iq := c.bind(); iq.Attr("type") != "result" {
		c.t.Fatalf("bind: %v", iq)
	}
	return c
}

// message is one to oneself, which comes back.
func (c *client) message(id string) string {
	return "<message to='" + c.jid.String() + "' id='" + id + "'/>"
}

// echo shows that the stream works both ways.
func (c *client) echo(id string) {
	c.t.Helper()
	c.send(c.message(id))
	if got := c.expect("message").Attr("id"); got != id {
		c.t.Fatalf("message %q, want %q", got, id)
	}
}

// names returns what a feature list offers, in order.
func names(features *xmlstream.Element) string {
	var all []string
	for f := range features.Children() {
		name := f.Local()
		for m := range f.ChildrenNamed(stream.NSSASL, "mechanism") {
			name += " " + m.Text()
		}
		if f.First().Local() == "required" {
			name += " required"
		}
		all = append(all, name)
	}
	return strings.Join(all, ", ")
}
