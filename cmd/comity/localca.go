package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"github.com/comity-iot/comity/xmpp/jid"
)

const (
	authorityFile    = "ca.pem" // what clients are told to trust
	authorityKeyFile = "ca.key"
	localCertFile    = "local-cert.pem"
	localKeyFile     = "local-cert.key"

	day           = 24 * time.Hour
	authorityLife = 10 * 365 * day
	localLife     = 365 * day
	renewBefore   = 30 * day
)

// localAuthority makes certificates for a broker that has none of a public authority. The authority is good for the broker's own
// domains only (RFC 5280 §4.2.1.10), so that who trusts it trusts it with nothing else.
type localAuthority struct {
	folder string
	names  []string // of domains, as in certificates; addresses too
	now    time.Time
}

func newLocalAuthority(folder string, domains []jid.JID, now time.Time) (*localAuthority, error) {
	a := &localAuthority{folder: folder, now: now}
	for _, d := range domains {
		name := strings.Trim(d.Domain(), "[]") // of an IPv6 address
		if net.ParseIP(name) == nil {
			var err error
			if name, err = idna.Lookup.ToASCII(name); err != nil {
				return nil, fmt.Errorf("certificate for %s: %w", d, err)
			}
		}
		a.names = append(a.names, name)
	}
	if !slices.Contains(a.names, "localhost") {
		a.names = append(a.names, "localhost")
	}
	return a, nil
}

// path returns the name of one of the authority's files.
func (a *localAuthority) path(file string) string { return filepath.Join(a.folder, file) }

// ensure sees to a certificate that is good for all domains for a while yet. It returns what it did, empty for nothing. The
// authority is only replaced where it cannot sign for the domains, for clients have to be told of a new one.
func (a *localAuthority) ensure() (string, error) {
	if a.good() == nil {
		return "", nil
	}
	var no error
	if ca, err := tls.LoadX509KeyPair(a.path(authorityFile), a.path(authorityKeyFile)); err == nil {
		if no = a.issue(&ca); no == nil {
			if no = a.good(); no == nil {
				return "a new certificate, by the authority that clients know", nil
			}
		}
	}
	ca, err := a.found()
	if err != nil {
		return "", err
	}
	if err := a.issue(ca); err != nil {
		return "", err
	}
	if err := a.good(); err != nil {
		return "", err
	}
	if no != nil {
		return "a new authority, for the old one is not good for these domains: clients have to trust it anew", nil
	}
	return "an authority and a certificate by it", nil
}

// good tells whether what is in the folder will do.
func (a *localAuthority) good() error {
	pair, err := tls.LoadX509KeyPair(a.path(localCertFile), a.path(localKeyFile))
	if err != nil {
		return err
	}
	ca, err := os.ReadFile(a.path(authorityFile))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return fmt.Errorf("%s holds no certificate", a.path(authorityFile))
	}
	for _, name := range a.names {
		_, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: a.now.Add(renewBefore)})
		if err != nil {
			return err
		}
	}
	return nil
}

// found makes a new authority.
func (a *localAuthority) found() (*tls.Certificate, error) {
	t := a.template(authorityLife)
	t.Subject = pkix.Name{CommonName: "Comity at " + a.names[0], SerialNumber: fmt.Sprintf("%x", t.SerialNumber)}
	t.IsCA, t.BasicConstraintsValid, t.MaxPathLenZero = true, true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	t.PermittedDNSDomainsCritical = true
	for _, name := range a.names {
		if ip := net.ParseIP(name); ip != nil {
			bits := len(ip) * 8
			if v4 := ip.To4(); v4 != nil {
				ip, bits = v4, 32
			}
			t.PermittedIPRanges = append(t.PermittedIPRanges, &net.IPNet{IP: ip, Mask: net.CIDRMask(bits, bits)})
			continue
		}
		t.PermittedDNSDomains = append(t.PermittedDNSDomains, name)
	}
	return a.sign(t, nil, authorityFile, authorityKeyFile)
}

// issue makes a certificate for the domains and the services below them.
func (a *localAuthority) issue(ca *tls.Certificate) error {
	t := a.template(localLife)
	t.Subject = pkix.Name{CommonName: a.names[0]}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} // the latter towards other servers
	for _, name := range a.names {
		if ip := net.ParseIP(name); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
			continue
		}
		t.DNSNames = append(t.DNSNames, name)
		if name != "localhost" {
			t.DNSNames = append(t.DNSNames, "*."+name)
		}
	}
	_, err := a.sign(t, ca, localCertFile, localKeyFile)
	return err
}

func (a *localAuthority) template(life time.Duration) *x509.Certificate {
	serial := make([]byte, 16)
	rand.Read(serial)
	serial[0] &= 0x7f // positive. RFC 5280 §4.1.2.2
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial),
		NotBefore:    a.now.Add(-time.Hour), // clocks of things are late
		NotAfter:     a.now.Add(life),
	}
}

// sign makes a key, and its certificate by ca or, without one, by itself, and writes both.
func (a *localAuthority) sign(t *x509.Certificate, ca *tls.Certificate, certFile, keyFile string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	parent, signer := t, any(key)
	if ca != nil {
		parent, signer = ca.Leaf, ca.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	// A pair that is torn here by a crash does not load, and is made again.
	if err := errors.Join(writeOver(a.path(keyFile), private), writeOver(a.path(certFile), cert)); err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, private)
	return &pair, err
}
