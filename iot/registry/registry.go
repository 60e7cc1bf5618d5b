// Package registry implements XEP-0347: Internet of Things - Discovery (version 0.5.1, deferred), and its successor, the
// Neuro-Foundation's Discovery.md, in four namespace generations: things register what they are, owners claim them by
// knowing the same, and anyone searches among those that are public. The iotdisco URI carries a claim or a search.
//
// This is the protocol as types, and the calls of things and owners. Not here: distributed searches (debby).
package registry

import (
	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Space is the protocol's namespaces.
var Space = iot.NewFamily("urn:xmpp:iot:discovery", "disco:1.0")

// Register is a thing's request to be in the registry until an owner claims it. XEP-0347#register
type Register struct {
	Node      iot.Node
	SelfOwned bool // the thing is its own owner and public at once
	Tags      Tags
}

// Mine is a claim: Tags must be all that the thing registered, KEY too. XEP-0347#claim
type Mine struct {
	Node   iot.Node // the first generation only may name it
	Public bool     // to be found in searches
	Tags   Tags
}

// Claimed tells a thing its owner, as a push or as the answer to Register. XEP-0347#claim
type Claimed struct {
	Owner  jid.JID // bare
	Node   iot.Node
	Public bool
}

// ClaimResult tells an owner which thing the claim got. XEP-0347#claim
type ClaimResult struct{ Thing iot.Thing }

// Remove is an owner's request to take a thing out of searches. XEP-0347#remove
type Remove struct{ Thing iot.Thing }

// Removed tells a thing that it was taken out of searches. XEP-0347#remove
type Removed struct{ Node iot.Node }

// Update changes tags: a thing's own, or those of a thing that the sender owns. A tag with empty text is deleted.
// KEY is not among the Tags. XEP-0347#update, XEP-0347#ownerupdate
type Update struct {
	JID  jid.JID // of the thing, bare; zero for the sender's own
	Node iot.Node
	Tags Tags
}

// Unregister takes the sender's thing out of the registry. XEP-0347#unregister
type Unregister struct{ Node iot.Node }

// Disown is an owner's request to own a thing no longer. XEP-0347#disown
type Disown struct{ Thing iot.Thing }

// Disowned tells a thing that it has no owner, as a push or as the answer to Update. XEP-0347#disown
type Disowned struct{ Node iot.Node }

// expect returns the generation of an element that must have that name in the protocol.
func expect(el *xmlstream.Element, local string) (iot.Generation, error) {
	g, ok := Space.Of(el.Space())
	if !ok || el.Local() != local {
		return 0, stanza.BadRequest.With("not a <%s/> of a thing registry", local)
	}
	return g, nil
}

// ParseRegister reads a <register/>. The error is that of NewTags or BadRequest.
func ParseRegister(el *xmlstream.Element) (Register, error) {
	g, err := expect(el, "register")
	if err != nil {
		return Register{}, err
	}
	var r Register
	if r.Node, err = iot.ParseNode(el, g); err != nil {
		return Register{}, err
	}
	if r.SelfOwned, err = iot.BoolAttr(el, "selfOwned", false); err != nil {
		return Register{}, err
	}
	if r.Tags, err = parseTags(el); err != nil {
		return Register{}, err
	}
	return r, r.Tags.checkClaimable()
}

// Element returns the request in a generation.
func (r Register) Element(g iot.Generation) *xmlstream.Element {
	g, ns := Space.For(g)
	parts := r.Node.Parts(g)
	if r.SelfOwned {
		parts = append(parts, iot.Bool("selfOwned", true))
	}
	return xmlstream.New(ns, "register", append(parts, r.Tags.parts(ns)...)...)
}

// ParseMine reads a <mine/>. The error is that of NewTags or BadRequest.
func ParseMine(el *xmlstream.Element) (Mine, error) {
	g, err := expect(el, "mine")
	if err != nil {
		return Mine{}, err
	}
	var m Mine
	if g == iot.XSF {
		if m.Node, err = iot.ParseNode(el, g); err != nil {
			return Mine{}, err
		}
	}
	if m.Public, err = iot.BoolAttr(el, "public", true); err != nil {
		return Mine{}, err
	}
	if m.Tags, err = parseTags(el); err != nil {
		return Mine{}, err
	}
	return m, m.Tags.checkClaimable()
}

// Element returns the request in a generation.
func (m Mine) Element(g iot.Generation) *xmlstream.Element {
	g, ns := Space.For(g)
	parts := []xmlstream.Part{iot.Bool("public", m.Public)}
	if g == iot.XSF {
		parts = append(parts, m.Node.Parts(g)...)
	}
	return xmlstream.New(ns, "mine", append(parts, m.Tags.parts(ns)...)...)
}

// ParseClaimed reads a <claimed/> that tells a thing its owner. Without the attribute public the thing is public, as
// the text of the document has it. The error is BadRequest or JIDMalformed.
func ParseClaimed(el *xmlstream.Element) (Claimed, error) {
	g, err := expect(el, "claimed")
	if err != nil {
		return Claimed{}, err
	}
	t, err := iot.ParseThing(el, g)
	if err != nil {
		return Claimed{}, err
	}
	public, err := iot.BoolAttr(el, "public", true)
	return Claimed{t.JID, t.Node, public}, err
}

// Element returns the push in a generation. It always says whether the thing is public: the schema and some clients take
// false for the default, the text true.
func (c Claimed) Element(g iot.Generation) *xmlstream.Element {
	g, ns := Space.For(g)
	parts := append(iot.Thing{JID: c.Owner, Node: c.Node}.Parts(g), iot.Bool("public", c.Public))
	return xmlstream.New(ns, "claimed", parts...)
}

// ParseClaimResult reads a <claimed/> that answers a claim. The error is BadRequest or JIDMalformed.
func ParseClaimResult(el *xmlstream.Element) (ClaimResult, error) {
	t, err := parseThing(el, "claimed")
	return ClaimResult{t}, err
}

// Element returns the answer in a generation.
func (c ClaimResult) Element(g iot.Generation) *xmlstream.Element {
	return thingElement("claimed", c.Thing, g)
}

// ParseRemove reads a <remove/>. The error is BadRequest or JIDMalformed.
func ParseRemove(el *xmlstream.Element) (Remove, error) {
	t, err := parseThing(el, "remove")
	return Remove{t}, err
}

// Element returns the request in a generation.
func (r Remove) Element(g iot.Generation) *xmlstream.Element {
	return thingElement("remove", r.Thing, g)
}

// ParseRemoved reads a <removed/>. The error is BadRequest.
func ParseRemoved(el *xmlstream.Element) (Removed, error) {
	n, err := parseNode(el, "removed")
	return Removed{n}, err
}

// Element returns the push in a generation.
func (r Removed) Element(g iot.Generation) *xmlstream.Element {
	return nodeElement("removed", r.Node, g)
}

// ParseUnregister reads an <unregister/>. The error is BadRequest.
func ParseUnregister(el *xmlstream.Element) (Unregister, error) {
	n, err := parseNode(el, "unregister")
	return Unregister{n}, err
}

// Element returns the request in a generation.
func (u Unregister) Element(g iot.Generation) *xmlstream.Element {
	return nodeElement("unregister", u.Node, g)
}

// ParseDisown reads a <disown/>. The error is BadRequest or JIDMalformed.
func ParseDisown(el *xmlstream.Element) (Disown, error) {
	t, err := parseThing(el, "disown")
	return Disown{t}, err
}

// Element returns the request in a generation.
func (d Disown) Element(g iot.Generation) *xmlstream.Element {
	return thingElement("disown", d.Thing, g)
}

// ParseDisowned reads a <disowned/>. The error is BadRequest.
func ParseDisowned(el *xmlstream.Element) (Disowned, error) {
	n, err := parseNode(el, "disowned")
	return Disowned{n}, err
}

// Element returns the push in a generation.
func (d Disowned) Element(g iot.Generation) *xmlstream.Element {
	return nodeElement("disowned", d.Node, g)
}

func parseThing(el *xmlstream.Element, local string) (iot.Thing, error) {
	g, err := expect(el, local)
	if err != nil {
		return iot.Thing{}, err
	}
	return iot.ParseThing(el, g)
}

func thingElement(local string, t iot.Thing, g iot.Generation) *xmlstream.Element {
	g, ns := Space.For(g)
	return xmlstream.New(ns, local, t.Parts(g)...)
}

func parseNode(el *xmlstream.Element, local string) (iot.Node, error) {
	g, err := expect(el, local)
	if err != nil {
		return iot.Node{}, err
	}
	return iot.ParseNode(el, g)
}

func nodeElement(local string, n iot.Node, g iot.Generation) *xmlstream.Element {
	g, ns := Space.For(g)
	return xmlstream.New(ns, local, n.Parts(g)...)
}
