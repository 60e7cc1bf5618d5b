package client_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/stream/streamtest"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	domain = "im.example.com"
	full   = "juliet@im.example.com/balcony"
)

var (
	accounts   = streamtest.Accounts{"juliet": "r0m30myr0m30"}
	romeo      = jid.MustParse("romeo@example.net/orchard")
	offersBind = xmlstream.New(stream.NSBind, "bind")
)

// network is one in memory. The n-th connection is served by the n-th script, and all beyond by the last.
type network struct {
	t       *testing.T
	scripts []func(*streamtest.Peer)
	wrap    func(net.Conn) net.Conn // of the client's ends; may be nil

	mu      sync.Mutex
	dialled []string
	refuse  map[string]bool // addresses where nobody listens
}

func (n *network) dial(_ context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dialled = append(n.dialled, addr)
	if n.refuse[addr] {
		return nil, errors.New("connection refused")
	}
	script := n.scripts[min(len(n.dialled), len(n.scripts))-1]
	conn := streamtest.Run(n.t, domain, script)
	if n.wrap != nil {
		conn = n.wrap(conn)
	}
	return conn, nil
}

func (n *network) addrs() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dialled
}

// config is that of Juliet, whose server follows the scripts, and needs no TLS since it is in the same process.
func config(t *testing.T, scripts ...func(*streamtest.Peer)) client.Config {
	n := &network{t: t, scripts: scripts}
	return n.config()
}

func (n *network) config() client.Config {
	return client.Config{
		JID: jid.MustParse(full), Password: "r0m30myr0m30",
		Addr: "im.example.com:5222", AllowPlaintext: true, DialContext: n.dial,
	}
}

// enter takes the client to its session, in plain.
func enter(p *streamtest.Peer) {
	p.Header(p.Mechanisms()...)
	if !p.Authenticate(accounts) {
		p.Fatalf("login failed")
	}
	p.Bind(full)
}

// session dials to a server that follows script once there is a session.
func session(t *testing.T, change func(*client.Config), script func(*streamtest.Peer)) *client.Session {
	t.Helper()
	c := config(t, func(p *streamtest.Peer) {
		enter(p)
		script(p)
	})
	if change != nil {
		change(&c)
	}
	s, err := client.Dial(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) })
	return s
}

// farewell answers the client's end of the stream.
func farewell(p *streamtest.Peer) {
	p.ExpectEnd()
	p.Conn.End()
}

// message is one with a number for body.
func message(body string) *stanza.Stanza {
	return stanza.NewMessage(romeo, stanza.Chat, xmlstream.New(stanza.Client, "body", xmlstream.Text(body)))
}

// ask is a request for the time.
func ask(to jid.JID) *stanza.IQ {
	return &stanza.IQ{Type: stanza.Get, To: to, Payload: xmlstream.New("urn:xmpp:time", "time")}
}
