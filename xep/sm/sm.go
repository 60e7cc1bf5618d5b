// Package sm implements XEP-0198: Stream Management (version 1.6.3), acknowledgements and resumption, for the broker.
//
// The session itself counts, keeps and sends again; what is here are the elements by which client and broker speak of it.
// What an acknowledgement promises: a stanza that is stored for somebody is durable before it is counted as handled; one that is
// relayed to a session survives a cut link, being resumed, stored or bounced, but not a crash of the broker.
//
// Missing: the attribute location (preferred address to reconnect to), which needs a cluster.
package sm

import (
	"strconv"

	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// NS is the namespace.
const NS = "urn:xmpp:sm:3"

const nsStanzas = "urn:ietf:params:xml:ns:xmpp-stanzas"

// request asks the other side for an acknowledgement. XEP-0198#acking
var request = xmlstream.New(NS, "r")

// number writes a counter, which wraps at 2^32.
func number(name string, h uint32) xmlstream.Attr {
	return xmlstream.A(name, strconv.FormatUint(uint64(h), 10))
}

// parseNumber reads the counter h. XEP-0198#schemas
func parseNumber(el *xmlstream.Element) (uint32, bool) {
	h, err := strconv.ParseUint(el.Attr("h"), 10, 32)
	return uint32(h), err == nil
}

// failed refuses to enable or resume. XEP-0198#enable, XEP-0198#resumption
func failed(condition string, attrs ...xmlstream.Attr) *xmlstream.Element {
	el := xmlstream.New(NS, "failed", xmlstream.New(nsStanzas, condition))
	for _, a := range attrs {
		el = el.With(a)
	}
	return el
}
