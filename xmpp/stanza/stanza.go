// Package stanza holds the three stanzas of XMPP (RFC 6120 §8): message, presence and iq, and their errors.
//
// A Stanza is what travels: a decoded header and content that stays bytes. An IQ, with its one payload as a tree, is what
// a handler reads and answers. Both are immutable once sent: change one by copying it, which shares the content.
package stanza

import (
	"strings"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Client and Server are the content namespaces. Inside the program there is one, Client; a server-to-server stream maps
// at its edge (RFC 6120 §4.8.3).
const (
	Client = "jabber:client"
	Server = "jabber:server"
)

// Kind tells the three stanzas apart.
type Kind uint8

const (
	Message Kind = iota + 1
	Presence
	IQKind
)

var kindNames = [...]string{Message: "message", Presence: "presence", IQKind: "iq"}

// String returns the element name.
func (k Kind) String() string { return kindNames[k] }

// Type is a stanza's type attribute. Which are legal depends on the Kind.
type Type string

const (
	// Of messages. One without a type is Normal (RFC 6121 §5.2.2).
	Normal    Type = "normal"
	Chat      Type = "chat"
	GroupChat Type = "groupchat"
	Headline  Type = "headline"

	// Of presence (RFC 6121 §4.7.1).
	Available    Type = ""
	Unavailable  Type = "unavailable"
	Subscribe    Type = "subscribe"
	Subscribed   Type = "subscribed"
	Unsubscribe  Type = "unsubscribe"
	Unsubscribed Type = "unsubscribed"
	Probe        Type = "probe"

	// Of iq (RFC 6120 §8.2.3).
	Get    Type = "get"
	Set    Type = "set"
	Result Type = "result"

	// Of all three.
	ErrorType Type = "error"
)

// Stanza is one message, presence or iq.
type Stanza struct {
	Kind     Kind
	Type     Type
	ID       string
	From, To jid.JID
	Lang     string           // xml:lang, empty where the sender gave none
	Extra    []xmlstream.Attr // attributes of the start tag that this package does not know
	Content  xmlstream.Content
}

// NewMessage makes a message from its children.
func NewMessage(to jid.JID, typ Type, children ...*xmlstream.Element) *Stanza {
	return &Stanza{Kind: Message, Type: typ, To: to, Content: xmlstream.NewContent(children...)}
}

// NewPresence makes a presence from its children.
func NewPresence(to jid.JID, typ Type, children ...*xmlstream.Element) *Stanza {
	return &Stanza{Kind: Presence, Type: typ, To: to, Content: xmlstream.NewContent(children...)}
}

// Body returns a message's <body/>, or "".
func (s *Stanza) Body() string { return s.Child(Client, "body").Text() }

// Child returns the first child of that name as a tree, or nil.
func (s *Stanza) Child(space, local string) *xmlstream.Element {
	c, ok := s.Content.Find(space, local)
	if !ok {
		return nil
	}
	return s.Content.Element(c)
}

// Addressed returns a copy of s between other addresses; the content is shared.
func (s *Stanza) Addressed(from, to jid.JID) *Stanza {
	c := *s
	c.From, c.To = from, to
	return &c
}

// Compact returns a copy of s that holds no more memory than it needs: one that was read holds its start tag too, and room for
// more children. It is for what is kept, such as a session's presence.
func (s *Stanza) Compact() *Stanza {
	c := *s
	c.ID, c.Lang = strings.Clone(s.ID), strings.Clone(s.Lang)
	c.From, c.To = s.From.Clone(), s.To.Clone()
	c.Extra = nil
	for _, a := range s.Extra {
		a.Name.Space, a.Name.Local, a.Value = strings.Clone(a.Name.Space), strings.Clone(a.Name.Local), strings.Clone(a.Value)
		c.Extra = append(c.Extra, a)
	}
	c.Content = s.Content.Clone()
	return &c
}

// With returns a copy of s that has the elements too, behind its own.
func (s *Stanza) With(children ...*xmlstream.Element) *Stanza {
	c := *s
	c.Content = s.Content.With(children...)
	return &c
}

// Without returns a copy of s that has lost the children that drop says, or s itself where there are none.
func (s *Stanza) Without(drop func(xmlstream.Child) bool) *Stanza {
	for i := range s.Content.Len() {
		if drop(s.Content.At(i)) {
			c := *s
			c.Content = s.Content.Without(drop)
			return &c
		}
	}
	return s
}

// IsRequest reports whether s is an iq that must be answered.
func (s *Stanza) IsRequest() bool { return s.Kind == IQKind && (s.Type == Get || s.Type == Set) }

// IsResponse reports whether s is an iq that answers one.
func (s *Stanza) IsResponse() bool {
	return s.Kind == IQKind && (s.Type == Result || s.Type == ErrorType)
}
