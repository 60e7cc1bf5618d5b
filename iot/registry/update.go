package registry

import (
	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// ParseUpdate reads an <update/>. KEY with empty text is left out, since things delete it so after a claim and the registry
// has done it already; any other KEY is refused. The error is that of NewTags, BadRequest or JIDMalformed.
func ParseUpdate(el *xmlstream.Element) (Update, error) {
	g, err := expect(el, "update")
	if err != nil {
		return Update{}, err
	}
	var u Update
	if u.Node, err = iot.ParseNode(el, g); err != nil {
		return Update{}, err
	}
	if el.Attr("jid") != "" {
		if u.JID, err = iot.AddressAttr(el, "jid"); err != nil {
			return Update{}, err
		}
	}
	tags, err := parseTags(el)
	if err != nil {
		return Update{}, err
	}
	if key, ok := tags.Get(KeyTag); ok && key.Text != "" {
		return Update{}, stanza.BadRequest.With("%s cannot be updated", KeyTag)
	}
	u.Tags = tags.Without(KeyTag)
	return u, nil
}

// Element returns the request in a generation.
func (u Update) Element(g iot.Generation) *xmlstream.Element {
	g, ns := Space.For(g)
	var parts []xmlstream.Part
	if u.JID.IsZero() {
		parts = u.Node.Parts(g)
	} else {
		parts = iot.Thing{JID: u.JID, Node: u.Node}.Parts(g)
	}
	return xmlstream.New(ns, "update", append(parts, u.Tags.parts(ns)...)...)
}
