package provisioning

import (
	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// ParameterStyle is which children name parameters. The schemas of the later generations have <p n=”/>, but clients exist
// that send, and read, the first generation's <parameter name=”/> in all of them. So an answer uses what the request did.
type ParameterStyle uint8

const (
	ShortStyle ParameterStyle = 1 << iota // <p n=''/>
	LongStyle                             // <parameter name=''/>
	// BothStyles is for who has shown none.
	BothStyles = ShortStyle | LongStyle
)

// CanControl asks whether the sender may let Remote set parameters. XEP-0324#devicecontrol
type CanControl struct {
	Remote     jid.JID
	Tokens     iot.Tokens
	Nodes      []iot.Node // none for the sender itself
	Parameters []string   // none for all
	Style      ParameterStyle
}

// CanControlResponse answers CanControl with what is granted. XEP-0324#restrictingparameterscontrol
type CanControlResponse struct {
	Remote     jid.JID
	Allowed    bool
	Nodes      []iot.Node
	Parameters []string       // none for all that were asked for
	Style      ParameterStyle // that of the request
}

// ParseCanControl reads a <canControl/> of a thing. The error is BadRequest or JIDMalformed.
func ParseCanControl(el *xmlstream.Element) (CanControl, error) {
	g, err := expect(el, DeviceSpace, "canControl")
	if err != nil {
		return CanControl{}, err
	}
	r, err := parseControlBase(el, g)
	if err != nil {
		return CanControl{}, err
	}
	tokens, err := iot.ParseTokens(el, g)
	return CanControl{r.Remote, tokens, r.Nodes, r.Parameters, r.Style}, err
}

// Element returns the request in a generation; a Style of zero is that of the generation's schema.
func (c CanControl) Element(g iot.Generation) *xmlstream.Element {
	g, ns := DeviceSpace.For(g)
	if c.Style == 0 {
		c.Style = ShortStyle
	}
	base := CanControlResponse{Remote: c.Remote, Nodes: c.Nodes, Parameters: c.Parameters, Style: c.Style}
	return xmlstream.New(ns, "canControl", append(base.parts(ns, g), c.Tokens.Parts(g)...)...)
}

// ParseCanControlResponse reads a <canControlResponse/> as it stands; see [CanControlResponse.Within] for what it
// means. The error is BadRequest or JIDMalformed.
func ParseCanControlResponse(el *xmlstream.Element) (CanControlResponse, error) {
	g, err := expect(el, DeviceSpace, "canControlResponse")
	if err != nil {
		return CanControlResponse{}, err
	}
	r, err := parseControlBase(el, g)
	if err != nil {
		return CanControlResponse{}, err
	}
	r.Allowed, err = iot.RequiredBoolAttr(el, "result")
	return r, err
}

// Element returns the answer in a generation; a Style of zero is both.
func (r CanControlResponse) Element(g iot.Generation) *xmlstream.Element {
	g, ns := DeviceSpace.For(g)
	return xmlstream.New(ns, "canControlResponse", append(r.parts(ns, g), iot.Bool("result", r.Allowed))...)
}

func parseControlBase(el *xmlstream.Element, g iot.Generation) (CanControlResponse, error) {
	var r CanControlResponse
	var err error
	if r.Remote, err = iot.AddressAttr(el, "jid"); err != nil {
		return CanControlResponse{}, err
	}
	if r.Nodes, err = iot.ParseNodes(el, g); err != nil {
		return CanControlResponse{}, err
	}
	var l nameList
	r.Style, err = l.addParameters(el)
	r.Parameters = l.names
	return r, err
}

func (r CanControlResponse) parts(ns string, g iot.Generation) []xmlstream.Part {
	parts := []xmlstream.Part{xmlstream.A("jid", r.Remote.String())}
	parts = append(parts, nodeParts(ns, g, r.Nodes)...)
	return append(parts, parameterParts(ns, g, r.Style, r.Parameters)...)
}

// addParameters takes the names of parameters in both styles, and returns those it met.
func (l *nameList) addParameters(el *xmlstream.Element) (ParameterStyle, error) {
	var style ParameterStyle
	short, err := l.add(el, "p", "n")
	if err != nil {
		return 0, err
	}
	long, err := l.add(el, "parameter", "name")
	if short {
		style |= ShortStyle
	}
	if long {
		style |= LongStyle
	}
	return style, err
}

// parameterParts returns parameters as children. The first generation has one style only.
func parameterParts(ns string, g iot.Generation, style ParameterStyle, names []string) []xmlstream.Part {
	switch {
	case g == iot.XSF:
		style = LongStyle
	case style == 0:
		style = BothStyles
	}
	var parts []xmlstream.Part
	if style&ShortStyle != 0 {
		parts = nameParts(ns, "p", "n", names)
	}
	if style&LongStyle != 0 {
		parts = append(parts, nameParts(ns, "parameter", "name", names)...)
	}
	return parts
}

// Within returns what an answer in generation g grants of a request, and never more than that. What the answer leaves out is
// as in [CanReadResponse.Within].
func (r CanControlResponse) Within(asked CanControl, g iot.Generation) CanControlResponse {
	denied := CanControlResponse{Remote: asked.Remote}
	if !r.Allowed || r.Remote != asked.Remote {
		return denied
	}
	nodes, ok := nodesWithin(r.Nodes, asked.Nodes, g)
	if !ok {
		return denied
	}
	s, ok := Scope{Names: r.Parameters}.intersect(Scope{Names: asked.Parameters})
	if !ok {
		return denied
	}
	return CanControlResponse{asked.Remote, true, nodes, s.Names, r.Style}
}
