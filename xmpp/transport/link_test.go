package transport_test

import (
	"bytes"
	"crypto/tls"
	"net"
	"os"
	"testing"

	"github.com/comity-iot/comity/xmpp/stream/streamtest"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

var versions = map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13}

// link is a connection with TLS, from both ends.
type link struct {
	server, client       *transport.TCP
	serverRaw, clientRaw *drip        // below TLS
	there                net.Conn     // below clientRaw
	keys                 bytes.Buffer // as of tls.Config.KeyLogWriter
}

func secure(t *testing.T, version uint16) *link {
	t.Helper()
	here, there := streamtest.Pipe()
	l := &link{serverRaw: &drip{Conn: here}, clientRaw: &drip{Conn: there}, there: there}
	l.server = transport.NewTCP(l.serverRaw, xmlstream.Limits{})
	l.client = transport.NewTCP(l.clientRaw, xmlstream.Limits{})
	ca := streamtest.NewCA(t)
	config := ca.Client()
	config.ServerName, config.MaxVersion, config.KeyLogWriter = domain, version, &l.keys
	done := make(chan error)
	go func() { done <- l.client.Secure(t.Context(), config, false) }()
	if err := l.server.Secure(t.Context(), ca.Server(domain), true); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for _, c := range []*transport.TCP{l.server, l.client} {
		if got := c.TLS(); got == nil || got.Version != version || !got.HandshakeComplete {
			t.Fatalf("tls is %+v", got)
		}
	}
	return l
}

// drip is a socket whose reads, once size is set, give pieces of that size at most, and time out between every two.
type drip struct {
	net.Conn
	size func() int
	dry  bool
}

func (d *drip) Read(p []byte) (int, error) {
	if d.size == nil {
		return d.Conn.Read(p)
	}
	if d.dry = !d.dry; d.dry {
		return 0, os.ErrDeadlineExceeded
	}
	return d.Conn.Read(p[:min(len(p), d.size())])
}

func one() int { return 1 }
