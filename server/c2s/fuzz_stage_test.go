package c2s_test

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/comity-iot/comity/xmpp/sasl"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/stream/streamtest"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// stage is how far a client has come.
type stage byte

const (
	fresh      stage = iota // nothing was said
	headed                  // headers were; only TLS is offered
	plain                   // headers were; the login may be in the clear
	secured                 // the same behind TLS
	challenged              // a login is under way
	loggedIn                // it has succeeded; next is a header
	restarted               // there was one; next is a resource
	bound
	managed // with a stream that can be resumed (XEP-0198), and a stanza that is not acknowledged
	stages
)

// speaker is a client at some stage.
type speaker struct {
	*client
	w     *fuzzWorld
	tape  *tape       // of what the server says
	login sasl.Client // under way
	asked []byte      // its challenge
}

const away, loopback = "192.0.2.1:4711", "127.0.0.1:4711"

// bring connects a client and takes it to a stage.
func (w *fuzzWorld) bring(t testing.TB, at stage, cuts []byte) *speaker {
	addr := loopback
	if at == headed || at == secured {
		addr = away
	}
	here := w.call(addr, cuts)
	t.Cleanup(func() { here.Close() })
	c := &speaker{w: w}
	c.over(t, here)
	if at == fresh {
		return c
	}
	c.open()
	switch at {
	case headed, plain:
		return c
	case secured:
		c.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
		c.expect("proceed")
		c.over(t, tls.Client(here, w.tls))
		c.open()
		return c
	case challenged:
		c.begin()
		return c
	}
	if el := c.plain("juliet", "secret"); el.Local() != "success" {
		t.Fatalf("login: %v", el)
	}
	c.conn.Restart()
	if at == loggedIn {
		return c
	}
	c.open()
	if at >= bound {
		c.bind()
	}
	if at == managed {
		c.manage()
	}
	return c
}

// call opens a connection that seems to come from an address. All that is done on it has to be done soon.
func (w *fuzzWorld) call(addr string, cuts []byte) net.Conn {
	here, there := streamtest.Pipe()
	here.SetDeadline(time.Now().Add(atOnce))
	w.dials <- &trickle{from: from{there, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr))}, cuts: cuts}
	return here
}

// over has the client speak over a connection.
func (c *speaker) over(t testing.TB, conn net.Conn) {
	c.tape = &tape{Conn: conn}
	c.client = &client{t: t, w: c.w.world, raw: c.tape, conn: transport.NewTCP(c.tape, xmlstream.Limits{})}
}

// closeWrite closes the client's half.
func (c *speaker) closeWrite() {
	c.tape.CloseWrite()
	if secure, ok := c.tape.Conn.(*tls.Conn); ok {
		(&tape{Conn: secure.NetConn()}).CloseWrite()
	}
}

// begin starts a login and waits for the challenge.
func (c *speaker) begin() {
	const mechanism = "SCRAM-SHA-256"
	credentials := sasl.ClientCredentials{Username: "juliet", Password: "secret"}
	login, err := sasl.NewClient(mechanism, credentials, sasl.ChannelBinding{}, sasl.NewOffer(sasl.Mechanisms(), sasl.ChannelBinding{}))
	if err != nil {
		c.t.Fatal(err)
	}
	data, err := login.Start()
	if err != nil {
		c.t.Fatal(err)
	}
	c.send(string(stream.SASL("auth", data, xmlstream.A("mechanism", mechanism)).AppendXML(nil, stanza.Client)))
	if c.asked, err = stream.SASLData(c.expect("challenge")); err != nil {
		c.t.Fatal(err)
	}
	c.login = login
}

// manage turns on stream management, and leaves a stanza unacknowledged. It returns what to resume with.
func (c *speaker) manage() (id string) {
	c.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
	id = c.expect("enabled").Attr("id")
	c.echo("unacknowledged")
	c.expect("r")
	return id
}

// filled puts into what is to be said what cannot be known before: {jid} is the client's full address; {response} is the right one to the
// challenge; and {lost} is the identifier of a session of the same account that waits to be resumed.
func (c *speaker) filled(said []byte) []byte {
	said = bytes.ReplaceAll(said, []byte("{jid}"), []byte(c.jid.String()))
	if name := []byte("{response}"); c.login != nil && bytes.Contains(said, name) {
		data, err := c.login.Next(c.asked)
		if err != nil {
			c.t.Fatal(err)
		}
		c.w.seen.proves("juliet")
		said = bytes.ReplaceAll(said, name, []byte(base64.StdEncoding.EncodeToString(data)))
	}
	if name := []byte("{lost}"); bytes.Contains(said, name) {
		said = bytes.ReplaceAll(said, name, []byte(c.w.lose(c.t)))
	}
	return said
}

// lose is a client that loses its connection. It returns what to resume with.
func (w *fuzzWorld) lose(t testing.TB) (id string) {
	w.seen.aside(func() {
		here := w.call(loopback, nil)
		c := &speaker{w: w}
		c.over(t, here)
		c.enter("juliet")
		id = c.manage()
		here.Close()
		w.await(t, 1)
	})
	return id
}
