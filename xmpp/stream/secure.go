package stream

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"

	"golang.org/x/net/idna"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/sasl"
)

// TLSFor returns config, which may be nil, as it is to be used for a stream to j's domain: where it names no server, that is
// the domain of j, whichever host was connected to. RFC 6120 §13.7.2.1, XEP-0368#usecases
func TLSFor(config *tls.Config, j jid.JID) (*tls.Config, error) {
	c := &tls.Config{}
	if config != nil {
		c = config.Clone()
	}
	if c.ServerName == "" {
		name, err := Hostname(j)
		if err != nil {
			return nil, err
		}
		c.ServerName = name
	}
	return c, nil
}

// Hostname returns the domain of j as DNS and certificates have it: A-labels, or an IP address without brackets.
func Hostname(j jid.JID) (string, error) {
	name := j.Domain()
	if strings.HasPrefix(name, "[") {
		return strings.Trim(name, "[]"), nil
	}
	ascii, err := idna.ToASCII(name) // canonical already
	if err != nil {
		return "", fmt.Errorf("stream: domain of %s: %w", j.Bare(), err)
	}
	return ascii, nil
}

// binding returns what ties a login to the stream's TLS connection.
func (n *negotiation) binding() sasl.ChannelBinding {
	state := n.conn.TLS()
	if state == nil || len(state.PeerCertificates) == 0 {
		return sasl.ChannelBinding{}
	}
	return sasl.BindTLS(state, state.PeerCertificates[0])
}

// verified reports whether TLS has authenticated the server, so that it may be shown the password itself. RFC 6120 §13.8.3
func (n *negotiation) verified() bool {
	state := n.conn.TLS()
	if state == nil {
		return false
	}
	own := n.TLS != nil && (n.TLS.VerifyConnection != nil || n.TLS.VerifyPeerCertificate != nil)
	return len(state.VerifiedChains) > 0 || own
}

// isLocal reports whether what is sent to a stays on this machine.
func isLocal(a net.Addr) bool {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	case nil:
		return false
	}
	return a.Network() == "unix" || a.Network() == "pipe"
}
