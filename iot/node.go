package iot

import (
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Limits of what a peer may say at once [ours]; more is a BadRequest.
const (
	MaxNodePart = 1023 // bytes of each part of a Node, as of the parts of an address
	MaxNodes    = 1024 // nodes in one request
)

// Node names one of the things behind an address, as a concentrator has them. Empty parts are absent; the zero value is
// the thing at the address itself. XEP-0347#registerconcentrator
type Node struct{ ID, Source, Partition string }

// Thing is the address of a thing everywhere: a bare JID and the node behind it. It is comparable.
type Thing struct {
	JID jid.JID // bare
	Node
}

// nodeNames are the names of a generation's node child and its attributes.
type nodeNames struct{ child, id, source, partition string }

func (g Generation) nodeNames() nodeNames {
	if g == XSF {
		return nodeNames{"node", "nodeId", "sourceId", "cacheType"}
	}
	return nodeNames{"nd", "id", "src", "pt"}
}

// ParseNode reads the node that an element's attributes name, which may be none. The error is BadRequest.
func ParseNode(el *xmlstream.Element, g Generation) (Node, error) {
	names := g.nodeNames()
	n := Node{el.Attr(names.id), el.Attr(names.source), el.Attr(names.partition)}
	if len(n.ID) > MaxNodePart || len(n.Source) > MaxNodePart || len(n.Partition) > MaxNodePart {
		return Node{}, stanza.BadRequest.With("the name of the node is too long")
	}
	return n, nil
}

// ParseThing reads the thing that the attribute jid and those of a node name; jid must be there. The error is as those
// of AddressAttr and ParseNode.
func ParseThing(el *xmlstream.Element, g Generation) (Thing, error) {
	j, err := AddressAttr(el, "jid")
	if err != nil {
		return Thing{}, err
	}
	n, err := ParseNode(el, g)
	return Thing{j, n}, err
}

// ParseNodes reads the node children of an element, each once. The error is BadRequest.
func ParseNodes(el *xmlstream.Element, g Generation) ([]Node, error) {
	var nodes []Node
	seen := make(map[Node]bool)
	for c := range el.ChildrenNamed(el.Space(), g.nodeNames().child) {
		n, err := ParseNode(c, g)
		if err != nil {
			return nil, err
		}
		if n.ID == "" {
			return nil, stanza.BadRequest.With("<%s/> needs the attribute %s", c.Local(), g.nodeNames().id)
		}
		if seen[n] {
			continue
		}
		if len(nodes) == MaxNodes {
			return nil, stanza.BadRequest.With("more than %d nodes", MaxNodes)
		}
		seen[n] = true
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// IsZero reports whether n is the thing at the address itself.
func (n Node) IsZero() bool { return n == Node{} }

// Parts returns the attributes that name the node; none for the zero Node.
func (n Node) Parts(g Generation) []xmlstream.Part {
	names := g.nodeNames()
	var parts []xmlstream.Part
	for _, a := range [...]xmlstream.Attr{
		xmlstream.A(names.id, n.ID), xmlstream.A(names.source, n.Source), xmlstream.A(names.partition, n.Partition),
	} {
		if a.Value != "" {
			parts = append(parts, a)
		}
	}
	return parts
}

// Element returns the node as a child in the namespace space.
func (n Node) Element(space string, g Generation) *xmlstream.Element {
	return xmlstream.New(space, g.nodeNames().child, n.Parts(g)...)
}

// String returns the node for people to read; empty for the zero Node.
func (n Node) String() string {
	s := n.ID
	if n.Source != "" {
		s += " of " + n.Source
	}
	if n.Partition != "" {
		s += ", " + n.Partition
	}
	return s
}

// Parts returns the attributes that name the thing.
func (t Thing) Parts(g Generation) []xmlstream.Part {
	return append([]xmlstream.Part{xmlstream.A("jid", t.JID.String())}, t.Node.Parts(g)...)
}

// String returns the thing for people to read.
func (t Thing) String() string {
	if t.Node.IsZero() {
		return t.JID.String()
	}
	return t.JID.String() + " (" + t.Node.String() + ")"
}
