package disco

import (
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Item is something associated with an entity: another entity or, with a Node, a part of one (XEP-0030#items).
type Item struct {
	JID  jid.JID
	Node string // may be empty
	Name string // for people; may be empty
}

// Items are the items of an entity in the order that it gives them, which some clients depend on.
type Items struct {
	Node  string // of the entity; empty for itself
	Items []Item
}

// ParseItems reads a disco#items query, be it a request or an answer. An item whose address is malformed is left out. The
// error is a stanza.BadRequest, or a stanza.ResourceConstraint for more than MaxItems.
func ParseItems(el *xmlstream.Element) (*Items, error) {
	if !el.Is(NSItems, "query") {
		return nil, stanza.BadRequest.With("no disco#items")
	}
	items := &Items{Node: el.Attr("node")}
	for c := range el.ChildrenNamed(NSItems, "item") {
		if len(items.Items) == MaxItems {
			return nil, stanza.ResourceConstraint.With("more than %d items", MaxItems)
		}
		if j, err := jid.Parse(c.Attr("jid")); err == nil {
			items.Items = append(items.Items, Item{j, c.Attr("node"), c.Attr("name")})
		}
	}
	return items, nil
}

// Element returns the items as they travel.
func (i *Items) Element() *xmlstream.Element {
	parts := appendAttr(nil, "node", i.Node)
	for _, it := range i.Items {
		attrs := []xmlstream.Part{xmlstream.A("jid", it.JID.String())}
		attrs = appendAttr(attrs, "node", it.Node)
		attrs = appendAttr(attrs, "name", it.Name)
		parts = append(parts, xmlstream.New(NSItems, "item", attrs...))
	}
	return xmlstream.New(NSItems, "query", parts...)
}
