// Package carbons implements XEP-0280: Message Carbons (version 1.0.1) for the broker: what one device of an account sends or
// receives in a chat, the others that ask for it see too.
//
// Copied is what people say to each other, by the rules of XEP-0280#recommended-rules. What things tell each other (data, control,
// events: normal messages without a body) is not.
//
// Missing: errors that come back for a copied message, and so the feature urn:xmpp:carbons:rules:0.
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

// Namespaces of what makes a message eligible, or not.
const (
	nsReceipts   = "urn:xmpp:receipts"                     // XEP-0184
	nsChatStates = "http://jabber.org/protocol/chatstates" // XEP-0085
	nsMarkers    = "urn:xmpp:chat-markers:0"               // XEP-0333
	nsInvitation = "jabber:x:conference"                   // XEP-0249
	nsMUCUser    = "http://jabber.org/protocol/muc#user"   // XEP-0045
)

// The directions of a copy, by the name of its element.
const (
	sent     = "sent"
	received = "received"
)

// eligible reports whether a message is copied. XEP-0280#recommended-rules
func eligible(direction string, m *stanza.Stanza) bool {
	switch {
	case m.Content.Has(NS, "private"), m.Content.Has(NSHints, "no-copy"):
		return false
	case m.Content.Has(NS, sent), m.Content.Has(NS, received):
		return false // a copy itself
	case m.Type == stanza.GroupChat, m.Type == stanza.ErrorType:
		return false
	case m.Content.Has(nsMUCUser, "x"):
		if m.Child(nsMUCUser, "x").Child(nsMUCUser, "invite") != nil {
			return true
		}
		if direction == received {
			return false // from who is in a room: the room sends it to each of the account's sessions there
		}
	}
	return m.Type == stanza.Chat || m.Type == stanza.Normal && m.Content.Has(stanza.Client, "body") || isTalk(m)
}

// isTalk reports whether a message carries what only clients for people send.
func isTalk(m *stanza.Stanza) bool {
	for c := range m.Content.Children() {
		switch c.Name.Space {
		case nsReceipts, nsChatStates, nsMarkers, nsInvitation:
			return true
		}
	}
	return false
}

// wrap makes a copy for an account, to be addressed to each of its sessions. XEP-0280#inbound, XEP-0280#outbound
func wrap(direction string, m *stanza.Stanza, account jid.JID) *stanza.Stanza {
	forwarded := xmlstream.New(NSForward, "forwarded", m.Element())
	return stanza.NewMessage(account, m.Type, xmlstream.New(NS, direction, forwarded))
}
