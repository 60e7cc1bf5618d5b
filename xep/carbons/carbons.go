// Package carbons implements XEP-0280: Message Carbons (version 1.0.1) for the broker: what one device of an account sends or
// receives in a chat, the others that ask for it see too.
//
// Copied are chats, and normal messages with a body. What things tell each other (data, control, events: normal messages without
// a body) is not.
//
// Missing: errors that come back for a copied message.
package carbons

import (
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Namespaces.
const (
	NS        = "urn:xmpp:carbons:2"
	NSForward = "urn:xmpp:forward:0" // XEP-0297
	NSHints   = "urn:xmpp:hints"     // XEP-0334
)

// eligible reports whether a message is copied. XEP-0280#which-messages
func eligible(m *stanza.Stanza) bool {
	switch {
	case m.Content.Has(NS, "private"), m.Content.Has(NSHints, "no-copy"):
		return false
	case m.Content.Has(NS, "sent"), m.Content.Has(NS, "received"):
		return false // a copy itself
	case m.Type == stanza.Chat:
		return true
	}
	return m.Type == stanza.Normal && m.Content.Has(stanza.Client, "body")
}

// wrap makes the copy for one session: direction is "sent" or "received". XEP-0280#inbound, XEP-0280#outbound
func wrap(direction string, m *stanza.Stanza, to jid.JID) *stanza.Stanza {
	forwarded := xmlstream.New(NSForward, "forwarded", m.Element())
	return stanza.NewMessage(to, m.Type, xmlstream.New(NS, direction, forwarded)).Addressed(to.Bare(), to)
}
