package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/idna"

	"github.com/comity-iot/comity/server/c2s"
	"github.com/comity-iot/comity/xmpp/jid"
)

// certificates holds the certificate in use, which a reload replaces under streams that go on with theirs.
type certificates struct {
	current atomic.Pointer[c2s.Certificate]
	direct  func(local net.Addr) bool // whether a stream there starts with TLS
}

// get is the Certificate of server.Options.
func (c *certificates) get() *c2s.Certificate { return c.current.Load() }

// load reads the files and puts the certificate in force. After an error the one before stays.
func (c *certificates) load(certFile, keyFile string) error {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return advise(fmt.Errorf("certificate: %w", err), "%s and %s must be PEM files of a certificate chain and its key.", certFile, keyFile)
	}
	c.current.Store(&c2s.Certificate{Config: tlsConfig(pair, c.direct), Leaf: pair.Leaf})
	return nil
}

// tlsConfig is TLS as RFC 9325 recommends it: 1.2 or later, session tickets with keys that Go renews daily, and of the suites that Go
// considers safe those with authenticated encryption.
func tlsConfig(pair tls.Certificate, direct func(net.Addr) bool) *tls.Config {
	base := &tls.Config{
		Certificates: []tls.Certificate{pair},
		MinVersion:   tls.VersionTLS12, // RFC 9325 §3.1.1
	}
	for _, suite := range tls.CipherSuites() {
		if !strings.Contains(suite.Name, "_CBC_") { // RFC 9325 §4.2
			base.CipherSuites = append(base.CipherSuites, suite.ID)
		}
	}
	// Where TLS comes first, the client may name the protocol, and one that means another is refused: XEP-0368#security. Behind
	// STARTTLS there is nothing to tell apart.
	first := base.Clone()
	first.NextProtos = []string{"xmpp-client"}
	base.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if direct != nil && direct(hello.Conn.LocalAddr()) {
			return first, nil
		}
		return nil, nil
	}
	return base
}

// anyOf reports whether an address is one of those that listeners have. A listener without an address has all of its port's.
func anyOf(listeners []netip.AddrPort) func(net.Addr) bool {
	return func(local net.Addr) bool {
		at, err := netip.ParseAddrPort(local.String())
		if err != nil {
			return false
		}
		return slices.ContainsFunc(listeners, func(l netip.AddrPort) bool {
			return l.Port() == at.Port() && (l.Addr().IsUnspecified() || l.Addr().Unmap() == at.Addr().Unmap())
		})
	}
}

// warn logs what clients will object to in a certificate.
func warnOf(leaf *x509.Certificate, domains []jid.JID, now time.Time, log *slog.Logger) {
	switch left := leaf.NotAfter.Sub(now); {
	case left <= 0:
		log.Warn("certificate has expired", "at", leaf.NotAfter)
	case left < 14*day:
		log.Warn("certificate expires soon", "at", leaf.NotAfter)
	}
	for _, d := range domains {
		name := d.Domain()
		if ascii, err := idna.Lookup.ToASCII(name); err == nil {
			name = ascii
		}
		var wrong x509.HostnameError
		if errors.As(leaf.VerifyHostname(name), &wrong) {
			log.Warn("certificate does not name the domain", "domain", d, "names", leaf.DNSNames)
		}
	}
}
