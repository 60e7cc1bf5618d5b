package sasl

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"
)

// certificate makes a self-signed one whose signature uses the algorithm.
func certificate(t *testing.T, algorithm x509.SignatureAlgorithm) tls.Certificate {
	t.Helper()
	var key crypto.Signer
	var err error
	if algorithm == x509.PureEd25519 {
		_, key, err = ed25519.GenerateKey(rand.Reader)
	} else {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"example.org"}, SignatureAlgorithm: algorithm,
		NotAfter: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// connect makes a TLS connection in memory and returns what each end binds to.
func connect(t *testing.T, version uint16, cert tls.Certificate) (client, server ChannelBinding) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	s := tls.Server(b, &tls.Config{
		Certificates: []tls.Certificate{cert}, MinVersion: version, MaxVersion: version,
		SessionTicketsDisabled: true, // a ticket would wait in the pipe for a reader
	})
	c := tls.Client(a, &tls.Config{RootCAs: roots, ServerName: "example.org", MinVersion: version, MaxVersion: version})
	handshake := make(chan error, 1)
	go func() { handshake <- s.HandshakeContext(t.Context()) }()
	if err := errors.Join(c.HandshakeContext(t.Context()), <-handshake); err != nil {
		t.Fatal(err)
	}
	clientState, serverState := c.ConnectionState(), s.ConnectionState()
	return BindTLS(&clientState, clientState.PeerCertificates[0]), BindTLS(&serverState, cert.Leaf)
}

func TestBoundLogin(t *testing.T) {
	cert := certificate(t, x509.ECDSAWithSHA256)
	a := account(t, "romeo", "pencil")
	for version, versionName := range map[uint16]string{tls.VersionTLS12: "TLS 1.2", tls.VersionTLS13: "TLS 1.3"} {
		client, server := connect(t, version, cert)
		for _, bindings := range [][]string{{TLSExporter}, {TLSServerEndPoint}, {TLSServerEndPoint, TLSExporter}, nil} {
			offer := Offer{Mechanisms: Mechanisms(), Bindings: bindings}
			name, err := offer.Choose(client, false)
			if err != nil || name != ScramSHA512Plus {
				t.Fatalf("%s %v: chose %q: %v", versionName, bindings, name, err)
			}
			for _, name := range Mechanisms()[:3] {
				l := login{name: name, cred: romeo, accounts: a, client: client, server: server, clientSees: offer, offers: offer}
				if _, err := l.run(t); err != nil {
					t.Errorf("%s %s %v: %v", versionName, name, bindings, err)
				}
			}
		}
	}
}

// One who sits between the two, with a connection to each, and passes on every message as it is, gets nowhere, even
// with a certificate that the client trusts; against tls-server-end-point, only without the server's key.
func TestManInTheMiddle(t *testing.T) {
	own, stolen := certificate(t, x509.ECDSAWithSHA256), certificate(t, x509.ECDSAWithSHA256)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		_, server := connect(t, version, own)
		other, _ := connect(t, version, stolen)
		same, _ := connect(t, version, own)
		for _, test := range []struct {
			what   string
			client ChannelBinding
			typ    string
			want   error
		}{
			{"another certificate", other, TLSExporter, ErrBinding},
			{"another certificate", other, TLSServerEndPoint, ErrBinding},
			{"the server's certificate", same, TLSExporter, ErrBinding},
			{"the server's certificate", same, TLSServerEndPoint, nil},
		} {
			offer := Offer{Mechanisms: Mechanisms(), Bindings: []string{test.typ}}
			l := login{
				name: ScramSHA256Plus, cred: romeo, accounts: account(t, "romeo", "pencil"),
				client: test.client, server: server, clientSees: offer, offers: offer,
			}
			if _, err := l.run(t); !errors.Is(err, test.want) {
				t.Errorf("%s, %s: %v, want %v", test.what, test.typ, err, test.want)
			}
		}
	}
}

// RFC 5929 §4.1
func TestCertificateHash(t *testing.T) {
	for _, test := range []struct {
		algorithm x509.SignatureAlgorithm
		hash      func([]byte) []byte
	}{
		{x509.ECDSAWithSHA256, func(b []byte) []byte { h := sha256.Sum256(b); return h[:] }},
		{x509.ECDSAWithSHA384, func(b []byte) []byte { h := sha512.Sum384(b); return h[:] }},
		{x509.ECDSAWithSHA512, func(b []byte) []byte { h := sha512.Sum512(b); return h[:] }},
		{x509.PureEd25519, func([]byte) []byte { return nil }},
	} {
		cert := certificate(t, test.algorithm)
		client, server := connect(t, tls.VersionTLS13, cert)
		want := test.hash(cert.Certificate[0])
		if !bytes.Equal(client.EndPoint, want) || !bytes.Equal(server.EndPoint, want) {
			t.Errorf("%v: %x and %x, want %x", test.algorithm, client.EndPoint, server.EndPoint, want)
		}
	}
	sha1 := hashCertificate(&x509.Certificate{SignatureAlgorithm: x509.SHA1WithRSA, Raw: []byte("old")})
	if want := sha256.Sum256([]byte("old")); !bytes.Equal(sha1, want[:]) {
		t.Error("a SHA-1 certificate is to be hashed with SHA-256")
	}
}

func TestNothingToBind(t *testing.T) {
	for _, state := range []*tls.ConnectionState{nil, {}} {
		if cb := BindTLS(state, nil); cb.usable() || cb.Types() != nil {
			t.Errorf("bound to %v", cb)
		}
	}
	if (ChannelBinding{Exporter: []byte{}, EndPoint: []byte{}}).usable() {
		t.Error("empty data binds")
	}
}
