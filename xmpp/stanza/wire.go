package stanza

import (
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// received is a stanza and the bytes that it owns, in one piece of memory: taking a stanza from a stream costs one allocation
// for this and one for the bytes.
type received struct {
	Stanza
	taken xmlstream.Taken
}

// Read takes the element that a stream has just completed as a stanza. ok is false where it is none of the three.
//
// A malformed address or an illegal type is an error whose reply can be made from the stanza, which is then returned too, with
// the addresses that could be read.
func Read(t *xmlstream.Tokenizer) (s *Stanza, ok bool, err error) {
	name := t.Name()
	if name.Space != Client && name.Space != Server {
		return nil, false, nil
	}
	kind := kindOf(name.Local)
	if kind == 0 {
		return nil, false, nil
	}
	r := &received{}
	r.Kind = kind
	t.Take(&r.taken)
	r.Content = r.taken.Content
	var typ string
	for i := range r.taken.Attrs {
		a := &r.taken.Attrs[i]
		switch a.Name {
		case xmlstream.Name{Local: "to"}:
			r.To, err = parseAddress(a.Value, err)
		case xmlstream.Name{Local: "from"}:
			r.From, err = parseAddress(a.Value, err)
		case xmlstream.Name{Local: "id"}:
			r.ID = a.Value
		case xmlstream.Name{Local: "type"}:
			typ = a.Value
		case xmlstream.Name{Space: xmlstream.SpaceXML, Local: "lang"}:
			r.Lang = a.Value
		default:
			r.Extra = append(r.Extra, *a)
		}
	}
	var legal bool
	r.Type, legal = parseType(kind, typ)
	if !legal && err == nil {
		err = BadRequest.With("illegal type of %s", kind)
	}
	return &r.Stanza, true, err
}

func kindOf(local string) Kind {
	switch local {
	case "message":
		return Message
	case "presence":
		return Presence
	case "iq":
		return IQKind
	}
	return 0
}

// parseAddress keeps the first error of a stanza. RFC 6120 §8.3.3.8
func parseAddress(v string, earlier error) (jid.JID, error) {
	j, err := jid.Parse(v)
	if err != nil && earlier == nil {
		earlier = JIDMalformed.Wrap(err)
	}
	return j, earlier
}

// parseType returns a type of constant memory. Of a message an unknown one is Normal (RFC 6121 §5.2.2); of the others it is
// illegal (RFC 6120 §8.2.3, RFC 6121 §4.7.1).
func parseType(k Kind, v string) (Type, bool) {
	switch k {
	case Message:
		switch Type(v) {
		case Chat:
			return Chat, true
		case GroupChat:
			return GroupChat, true
		case Headline:
			return Headline, true
		case ErrorType:
			return ErrorType, true
		}
		return Normal, true
	case Presence:
		switch Type(v) {
		case Available:
			return Available, true
		case Unavailable:
			return Unavailable, true
		case Subscribe:
			return Subscribe, true
		case Subscribed:
			return Subscribed, true
		case Unsubscribe:
			return Unsubscribe, true
		case Unsubscribed:
			return Unsubscribed, true
		case Probe:
			return Probe, true
		case ErrorType:
			return ErrorType, true
		}
	default:
		switch Type(v) {
		case Get:
			return Get, true
		case Set:
			return Set, true
		case Result:
			return Result, true
		case ErrorType:
			return ErrorType, true
		}
	}
	return Type(v), false
}

// FromElement reads a stanza that came as a tree, as one that is forwarded does.
func FromElement(el *xmlstream.Element) (*Stanza, error) {
	s := &Stanza{Kind: kindOf(el.Local())}
	if s.Kind == 0 || el.Space() != Client && el.Space() != Server {
		return nil, BadRequest.With("<%s/> is no stanza", el.Local())
	}
	var children []*xmlstream.Element
	for c := range el.Children() {
		children = append(children, c)
	}
	s.Content = xmlstream.NewContent(children...)
	for a := range el.Attrs() {
		switch a.Name {
		case xmlstream.Name{Local: "id"}:
			s.ID = a.Value
		case xmlstream.Name{Space: xmlstream.SpaceXML, Local: "lang"}:
			s.Lang = a.Value
		case xmlstream.Name{Local: "to"}, xmlstream.Name{Local: "from"}, xmlstream.Name{Local: "type"}:
		default:
			s.Extra = append(s.Extra, a)
		}
	}
	var legal bool
	if s.Type, legal = parseType(s.Kind, el.Attr("type")); !legal {
		return nil, BadRequest.With("illegal type of %s", s.Kind)
	}
	var err error
	if v, ok := el.LookupAttr("", "to"); ok {
		s.To, err = parseAddress(v, err)
	}
	if v, ok := el.LookupAttr("", "from"); ok {
		s.From, err = parseAddress(v, err)
	}
	return s, err
}

// AppendXML implements xmlstream.Appender: the start tag is made anew, the content is copied.
// inherited is Client or Server in a stream, where no xmlns is needed, and anything else elsewhere.
func (s *Stanza) AppendXML(dst []byte, inherited string) []byte {
	kind := s.Kind.String()
	dst = append(dst, '<')
	dst = append(dst, kind...)
	if inherited != Client && inherited != Server {
		dst = append(dst, " xmlns='"+Client+"'"...)
	}
	if !s.From.IsZero() {
		dst = xmlstream.AppendAttr(dst, "from", s.From.String())
	}
	if !s.To.IsZero() {
		dst = xmlstream.AppendAttr(dst, "to", s.To.String())
	}
	// RFC 6121 §5.2.2: normal is the default.
	if s.Type != "" && (s.Kind != Message || s.Type != Normal) {
		dst = xmlstream.AppendAttr(dst, "type", string(s.Type))
	}
	if s.ID != "" {
		dst = xmlstream.AppendAttr(dst, "id", s.ID)
	}
	if s.Lang != "" {
		dst = xmlstream.AppendAttr(dst, "xml:lang", s.Lang)
	}
	dst = xmlstream.AppendAttrs(dst, s.Extra)
	if s.Content.Size() == 0 {
		return append(dst, "/>"...)
	}
	dst = append(dst, '>')
	dst = s.Content.AppendXML(dst)
	dst = append(dst, "</"...)
	dst = append(dst, kind...)
	return append(dst, '>')
}

// String returns the stanza as XML, for logs and tests.
func (s *Stanza) String() string { return string(s.AppendXML(nil, Client)) }

// Element returns the stanza as a tree in jabber:client, to be put into another.
func (s *Stanza) Element() *xmlstream.Element {
	parts := make([]xmlstream.Part, 0, 5+len(s.Extra)+s.Content.Len())
	attr := func(name xmlstream.Name, value string) {
		if value != "" {
			parts = append(parts, xmlstream.Attr{Name: name, Value: value})
		}
	}
	attr(xmlstream.Name{Local: "from"}, s.From.String())
	attr(xmlstream.Name{Local: "to"}, s.To.String())
	if s.Kind != Message || s.Type != Normal {
		attr(xmlstream.Name{Local: "type"}, string(s.Type))
	}
	attr(xmlstream.Name{Local: "id"}, s.ID)
	attr(xmlstream.Name{Space: xmlstream.SpaceXML, Local: "lang"}, s.Lang)
	for _, a := range s.Extra {
		parts = append(parts, a)
	}
	for c := range s.Content.Elements() {
		parts = append(parts, c)
	}
	return xmlstream.New(Client, s.Kind.String(), parts...)
}
