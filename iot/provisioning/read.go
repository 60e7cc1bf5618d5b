package provisioning

import (
	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// CanRead asks whether the sender may let Remote read data. XEP-0324#devicereadouts
type CanRead struct {
	Remote     jid.JID
	Tokens     iot.Tokens
	Nodes      []iot.Node     // none for the sender itself
	Categories iot.Categories // 0 for all
	Fields     []string       // none for all
}

// CanReadResponse answers CanRead with what is granted. XEP-0324#restrictingfields
type CanReadResponse struct {
	Remote     jid.JID
	Allowed    bool
	Nodes      []iot.Node
	Categories iot.Categories
	Fields     []string // none for all that were asked for
}

// ParseCanRead reads a <canRead/> of a thing. The error is BadRequest or JIDMalformed.
func ParseCanRead(el *xmlstream.Element) (CanRead, error) {
	g, err := expect(el, DeviceSpace, "canRead")
	if err != nil {
		return CanRead{}, err
	}
	base, err := parseReadBase(el, g)
	if err != nil {
		return CanRead{}, err
	}
	tokens, err := iot.ParseTokens(el, g)
	return CanRead{base.Remote, tokens, base.Nodes, base.Categories, base.Fields}, err
}

// Element returns the request in a generation.
func (c CanRead) Element(g iot.Generation) *xmlstream.Element {
	base := CanReadResponse{Remote: c.Remote, Nodes: c.Nodes, Categories: c.Categories, Fields: c.Fields}
	g, ns := DeviceSpace.For(g)
	return xmlstream.New(ns, "canRead", append(base.parts(ns, g), c.Tokens.Parts(g)...)...)
}

// ParseCanReadResponse reads a <canReadResponse/> as it stands; see [CanReadResponse.Within] for what it means.
// The error is BadRequest or JIDMalformed.
func ParseCanReadResponse(el *xmlstream.Element) (CanReadResponse, error) {
	g, err := expect(el, DeviceSpace, "canReadResponse")
	if err != nil {
		return CanReadResponse{}, err
	}
	r, err := parseReadBase(el, g)
	if err != nil {
		return CanReadResponse{}, err
	}
	r.Allowed, err = iot.RequiredBoolAttr(el, "result")
	return r, err
}

// Element returns the answer in a generation.
func (r CanReadResponse) Element(g iot.Generation) *xmlstream.Element {
	g, ns := DeviceSpace.For(g)
	return xmlstream.New(ns, "canReadResponse", append(r.parts(ns, g), iot.Bool("result", r.Allowed))...)
}

// parseReadBase reads what the request and the answer have in common.
func parseReadBase(el *xmlstream.Element, g iot.Generation) (CanReadResponse, error) {
	var r CanReadResponse
	var err error
	if r.Remote, err = iot.AddressAttr(el, "jid"); err != nil {
		return CanReadResponse{}, err
	}
	if r.Nodes, err = iot.ParseNodes(el, g); err != nil {
		return CanReadResponse{}, err
	}
	if r.Categories, err = iot.ParseCategories(el, g); err != nil {
		return CanReadResponse{}, err
	}
	r.Fields, err = parseFields(el, g)
	return r, err
}

// parts returns what the request and the answer have in common.
func (r CanReadResponse) parts(ns string, g iot.Generation) []xmlstream.Part {
	parts := append([]xmlstream.Part{xmlstream.A("jid", r.Remote.String())}, r.Categories.Parts(g)...)
	parts = append(parts, nodeParts(ns, g, r.Nodes)...)
	return append(parts, fieldParts(ns, g, r.Fields)...)
}

// Within returns what an answer in generation g grants of a request, and never more than that. What the answer leaves out is
// all that was asked for in XEP-0324 (#restrictingnodes), and none of it in its successors, except for fields.
func (r CanReadResponse) Within(asked CanRead, g iot.Generation) CanReadResponse {
	denied := CanReadResponse{Remote: asked.Remote}
	if !r.Allowed || r.Remote != asked.Remote {
		return denied
	}
	nodes, ok := nodesWithin(r.Nodes, asked.Nodes, g)
	if !ok {
		return denied
	}
	if r.Categories == 0 && g != iot.XSF {
		return denied
	}
	s, ok := Scope{r.Categories, r.Fields}.intersect(Scope{asked.Categories, asked.Fields})
	if !ok {
		return denied
	}
	return CanReadResponse{asked.Remote, true, nodes, s.Categories, s.Names}
}

// nodesWithin returns the nodes that an answer names of those that were asked for; false where none is left.
func nodesWithin(answer, asked []iot.Node, g iot.Generation) ([]iot.Node, bool) {
	if len(asked) == 0 || len(answer) == 0 && g == iot.XSF {
		return asked, true
	}
	named := make(map[iot.Node]bool, len(answer))
	for _, n := range answer {
		named[n] = true
	}
	var nodes []iot.Node
	for _, n := range asked {
		if named[n] {
			nodes = append(nodes, n)
		}
	}
	return nodes, len(nodes) > 0
}
