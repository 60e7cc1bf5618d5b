// Package stanzaid implements Unique and Stable Stanza IDs, XEP-0359 (0.7.0), for the broker that relays: nobody else names a message
// for one of its accounts, or for its domain.
//
// A <stanza-id/> that claims to be by the account that sends or gets a message, or by the domain, is taken off before the message is
// delivered, copied or kept. What others say (rooms, other servers) stays, as does <origin-id/>; both are as trustworthy as who said so.
//
// Missing: ids of the broker's own, which are for an archive (XEP-0313) to give.
package stanzaid

import (
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// NS is the namespace, and the disco feature of who lets no other name messages for it.
const NS = "urn:xmpp:sid:0"

const local = "stanza-id"

// strip returns the message without the ids that claim to be by one of the two, in whichever form the address is written. Where there
// are none it is the message itself. An address that cannot be read is nobody's. XEP-0359#rules
func strip(m *stanza.Stanza, account, domain jid.JID) *stanza.Stanza {
	if !m.Content.Has(NS, local) {
		return m
	}
	return m.Without(func(c xmlstream.Child) bool {
		if c.Name != (xmlstream.Name{Space: NS, Local: local}) {
			return false
		}
		by, err := jid.Parse(m.Content.Element(c).Attr("by"))
		return err == nil && (by == account || by == domain)
	})
}
