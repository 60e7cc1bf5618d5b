// Package stream holds what both ends of an XML stream share (RFC 6120 §4, March 2011): headers, features, stream errors, the
// framing of STARTTLS, SASL and resource binding; and Initiator, the negotiation as an initiating client. The receiving
// entity's side of the negotiation, which must ask accounts, limits and features at each step, is server/c2s.
//
// Missing at the Initiator: SASL2 and Bind 2, compression, and streams between servers.
package stream

import (
	"crypto/rand"
	"encoding/base64"

	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Namespaces of RFC 6120.
const (
	NS       = transport.NSStream
	NSTLS    = "urn:ietf:params:xml:ns:xmpp-tls"
	NSSASL   = "urn:ietf:params:xml:ns:xmpp-sasl"
	NSBind   = "urn:ietf:params:xml:ns:xmpp-bind"
	NSErrors = "urn:ietf:params:xml:ns:xmpp-streams"

	// NSSession is a feature of RFC 3921 that old clients insist on.
	NSSession = "urn:ietf:params:xml:ns:xmpp-session"
	// NSChannelBinding announces types of channel binding, XEP-0440.
	NSChannelBinding = "urn:xmpp:sasl-cb:0"
)

// NewID returns an unpredictable identifier of 128 bits for a stream, a resource or a key. RFC 6120 §4.7.3
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Features makes <stream:features/>.
func Features(offers ...*xmlstream.Element) Raw {
	return Raw{local: "features", children: offers}
}

// Raw is an element that is written with the prefix that a header declares for NS: <stream:features/> and <stream:error/>
// must be, because there are clients that compare the name as text.
type Raw struct {
	local    string
	children []*xmlstream.Element
}

// AppendXML implements xmlstream.Appender.
func (r Raw) AppendXML(dst []byte, inherited string) []byte {
	dst = append(dst, "<stream:"...)
	dst = append(dst, r.local...)
	if inherited == "" { // a frame of its own has no header to declare the prefix. RFC 7395 §3.3.3
		dst = append(dst, " xmlns:stream='"+NS+"'"...)
	}
	dst = append(dst, '>')
	for _, c := range r.children {
		dst = c.AppendXML(dst, inherited)
	}
	dst = append(dst, "</stream:"...)
	dst = append(dst, r.local...)
	return append(dst, '>')
}
