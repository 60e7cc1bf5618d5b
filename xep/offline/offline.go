// Package offline implements Handling of Offline Messages, XEP-0160 (1.0.1): messages for an account without an available session
// are kept and given to the next session that becomes available with a priority that is not negative, each with a note since when
// (XEP-0203, 2.0). The sender's wish not to be stored is honoured (XEP-0334, 1.0.0).
//
// What is kept are messages for people and questions to owners. Sensor data, control and their events never are: they bounce, in all
// four generations of their namespaces.
//
// What is promised: a message counts as taken (XEP-0198) once it is stored, and survives kill -9 from there. It is removed only after
// it was put into a session's queue; should the broker die in between, it is given twice rather than not at all. From the queue it
// comes back here, with its first note, if the session ends before it was sent, or with stream management before it was
// acknowledged. Of what is queued and not yet sent, a broker that dies loses what it loses of all relayed stanzas.
//
// Missing: flexible retrieval (XEP-0013); attributes of a start tag that RFC 6121 does not know are lost in storage.
package offline

import (
	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Feature is the disco feature of a server that keeps messages. XEP-0160#disco
const Feature = "msgoffline"

// NSHints is the namespace of the hints that a sender gives (XEP-0334).
const NSHints = "urn:xmpp:hints"

const nsChatStates = "http://jabber.org/protocol/chatstates"

// transient are the protocols whose payloads are never stored: what they carry is a thing's data, or only true now.
func transient() []iot.Family {
	return []iot.Family{
		iot.NewFamily("urn:xmpp:iot:sensordata", "sd:1.0"),
		iot.NewFamily("urn:xmpp:iot:events", "events:1.0"),
		iot.NewFamily("urn:xmpp:iot:control", "ctr:1.0"),
		iot.NewFamily("urn:xmpp:iot:concentrators", "concentrator:1.0"),
		iot.NewFamily("", "e2e:1.0"), // may be any of the above, encrypted
	}
}

// storable reports whether a message is one to keep. XEP-0160#types
func storable(s *stanza.Stanza) bool {
	switch {
	case s.Type != stanza.Normal && s.Type != stanza.Chat:
		return false
	case s.Content.Has(NSHints, "no-store"): // XEP-0334#no-store
		return false
	case carries(s, transient()):
		return false
	case s.Content.Has(NSHints, "store"):
		return true
	}
	for c := range s.Content.Children() {
		if !incidental(c.Name) {
			return true
		}
	}
	return false
}

// incidental reports whether a child is nothing to keep a message for.
func incidental(n xmlstream.Name) bool {
	switch n.Space {
	case nsChatStates, NSHints, "urn:xmpp:sid:0", "urn:xmpp:delay":
		return true
	case stanza.Client:
		return n.Local == "thread"
	}
	return false
}

// carries reports whether an element of one of the families is anywhere in the message, as inside an item that was published.
func carries(s *stanza.Stanza, families []iot.Family) bool {
	for c := range s.Content.Elements() {
		if within(c, families) {
			return true
		}
	}
	return false
}

func within(el *xmlstream.Element, families []iot.Family) bool {
	for _, f := range families {
		if _, ok := f.Of(el.Space()); ok {
			return true
		}
	}
	for c := range el.Children() {
		if within(c, families) {
			return true
		}
	}
	return false
}
