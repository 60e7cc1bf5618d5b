package sasl

import (
	"crypto"
	_ "crypto/sha256" // for the hash of a certificate
	_ "crypto/sha512"
	"crypto/tls"
	"crypto/x509"
)

// Types of channel binding, by their names in IANA's registry.
const (
	TLSExporter       = "tls-exporter"         // RFC 9266
	TLSServerEndPoint = "tls-server-end-point" // RFC 5929 §4
)

// ChannelBinding is what both ends of one TLS connection know and nobody between them does. The zero value binds
// nothing.
type ChannelBinding struct {
	// Exporter is 32 bytes of keying material unique to the connection, nil if there is none.
	Exporter []byte
	// EndPoint is the hash of the server's certificate, nil if there is none. It shows that nobody without the
	// server's key is between the two.
	EndPoint []byte
}

// BindTLS returns the bindings of a connection whose handshake is complete. cert is the server's own certificate on
// either side: what the server sent, and state.PeerCertificates[0] at the client; nil leaves out the EndPoint.
// It cannot be taken from state, where a server finds the client's certificate.
func BindTLS(state *tls.ConnectionState, cert *x509.Certificate) ChannelBinding {
	if state == nil || !state.HandshakeComplete {
		return ChannelBinding{}
	}
	var cb ChannelBinding
	// crypto/tls refuses where the value would not be unique: TLS 1.2 without the extended master secret, or with
	// renegotiation. RFC 9266 §4.2
	if key, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32); err == nil {
		cb.Exporter = key
	}
	if cert != nil {
		cb.EndPoint = hashCertificate(cert)
	}
	return cb
}

// hashCertificate hashes with the function of the certificate's own signature, but never with MD5 or SHA-1; where the
// signature has no single hash (Ed25519), the binding is undefined. RFC 5929 §4.1
func hashCertificate(cert *x509.Certificate) []byte {
	var h crypto.Hash
	switch cert.SignatureAlgorithm {
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1,
		x509.SHA256WithRSA, x509.SHA256WithRSAPSS, x509.DSAWithSHA256, x509.ECDSAWithSHA256:
		h = crypto.SHA256
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		h = crypto.SHA384
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		h = crypto.SHA512
	default:
		return nil
	}
	d := h.New()
	d.Write(cert.Raw)
	return d.Sum(nil)
}

// Types returns the names of the bindings that there are, the strongest first: what a server announces.
// XEP-0440#sasl-cb-type
func (cb ChannelBinding) Types() []string {
	var types []string
	if len(cb.Exporter) > 0 {
		types = append(types, TLSExporter)
	}
	if len(cb.EndPoint) > 0 {
		types = append(types, TLSServerEndPoint)
	}
	return types
}

func (cb ChannelBinding) usable() bool { return len(cb.Types()) > 0 }

// data returns the value for a type, nil if it is unknown or there is none.
func (cb ChannelBinding) data(name string) []byte {
	switch name {
	case TLSExporter:
		return cb.Exporter
	case TLSServerEndPoint:
		return cb.EndPoint
	}
	return nil
}
