// Package delay implements Delayed Delivery, XEP-0203 (2.0): the note on a stanza that was kept for a while, which says who kept it
// and since when. It is a part of other features (offline, archives, rooms) and none on its own.
package delay

import (
	"strings"
	"time"

	"github.com/comity-iot/comity/xmpp/form/xs"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// NS is the namespace.
const NS = "urn:xmpp:delay"

// Note says that a stanza was delayed. It can be forged by all who touched the stanza before (XEP-0203#security).
type Note struct {
	From   jid.JID   // who kept it; zero if the note does not say so
	At     time.Time // when it was sent, to the millisecond
	Reason string    // for people; may be empty
}

// Element returns the note as it travels. XEP-0203#protocol
func (n Note) Element() *xmlstream.Element {
	parts := []xmlstream.Part{}
	if !n.From.IsZero() {
		parts = append(parts, xmlstream.A("from", n.From.String()))
	}
	parts = append(parts, xmlstream.A("stamp", xs.FormatDateTime(n.At.Truncate(time.Millisecond))))
	if n.Reason != "" {
		parts = append(parts, xmlstream.Text(n.Reason))
	}
	return xmlstream.New(NS, "delay", parts...)
}

// Parse reads a note. ok is false where el is none, or has no time or a malformed address.
func Parse(el *xmlstream.Element) (n Note, ok bool) {
	if !el.Is(NS, "delay") {
		return n, false
	}
	var err error
	if n.At, err = xs.ParseDateTime(el.Attr("stamp")); err != nil {
		return Note{}, false
	}
	if from := el.Attr("from"); from != "" {
		if n.From, err = jid.Parse(from); err != nil {
			return Note{}, false
		}
	}
	n.Reason = strings.TrimSpace(el.Text())
	return n, true
}

// Of returns the first note on a stanza, and whether there is one.
func Of(s *stanza.Stanza) (Note, bool) { return find(s, func(Note) bool { return true }) }

// By returns the note on a stanza that claims to be from a party, and whether there is one.
func By(s *stanza.Stanza, from jid.JID) (Note, bool) {
	return find(s, func(n Note) bool { return n.From == from })
}

func find(s *stanza.Stanza, wanted func(Note) bool) (Note, bool) {
	for c := range s.Content.Children() {
		if c.Name.Space != NS {
			continue
		}
		if n, ok := Parse(s.Content.Element(c)); ok && wanted(n) {
			return n, true
		}
	}
	return Note{}, false
}

// Stamp returns a copy of s with the note. Those that claim to be from the same party, and so are forged, are dropped; those of
// others stay.
func Stamp(s *stanza.Stanza, n Note) *stanza.Stanza {
	return s.Without(func(c xmlstream.Child) bool {
		if c.Name.Space != NS {
			return false
		}
		other, ok := Parse(s.Content.Element(c))
		return ok && other.From == n.From
	}).With(n.Element())
}
