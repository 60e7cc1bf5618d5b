package control

import (
	"errors"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Response says what was really set, which may be less than was commanded. No nodes, or no parameters, stand for all.
type Response struct {
	Nodes      []iot.Node
	Parameters []string
}

// ParseResponse reads a <setResponse/> or <resp/>. The error is a stanza.BadRequest.
func ParseResponse(el *xmlstream.Element) (*Response, error) {
	g, ok := Family.Of(el.Space())
	n := namesOf(g)
	if !ok || el.Local() != n.response {
		return nil, stanza.BadRequest.With("no response to a control command")
	}
	r := &Response{}
	var err error
	if r.Nodes, err = iot.ParseNodes(el, g); err != nil {
		return nil, err
	}
	for c := range el.ChildrenNamed(el.Space(), n.parameter) {
		if len(r.Parameters) == MaxValues {
			return nil, stanza.BadRequest.With("more than %d parameters", MaxValues)
		}
		r.Parameters = append(r.Parameters, nameOf(c, n.name))
	}
	return r, nil
}

// Element returns the response as it travels.
func (r *Response) Element(g iot.Generation) *xmlstream.Element {
	return r.element(g, "OK")
}

// element returns the response with a code of XEP-0325 before its version 0.3, which only the first generation knew.
func (r *Response) element(g iot.Generation, code string) *xmlstream.Element {
	g, space := Family.For(g)
	n := namesOf(g)
	var parts []xmlstream.Part
	if g == iot.XSF {
		parts = append(parts, xmlstream.A("responseCode", code))
	}
	for _, node := range r.Nodes {
		parts = append(parts, node.Element(space, g))
	}
	for _, p := range r.Parameters {
		parts = append(parts, xmlstream.New(space, n.parameter, xmlstream.A(n.name, p)))
	}
	return xmlstream.New(space, n.response, parts...)
}

// paramError returns an error that concerns one parameter.
func paramError(c stanza.Condition, g iot.Generation, name, text string) *stanza.Error {
	g, space := Family.For(g)
	parts := []xmlstream.Part{xmlstream.A("var", name), xmlstream.Text(text)}
	if g != iot.XSF {
		// The schema says var, and existing clients look for n.
		parts = append(parts, xmlstream.A("n", name))
	}
	return c.With("%s: %s", name, text).WithApp(xmlstream.New(space, elemError, parts...))
}

// ParamOf returns the parameter that an error concerns and what is wrong with it; false where it says nothing of that.
func ParamOf(err error) (name, text string, ok bool) {
	var e *stanza.Error
	if !errors.As(err, &e) {
		return "", "", false
	}
	g, ok := Family.Of(e.App.Space())
	if !ok || e.App.Local() != elemError {
		return "", "", false
	}
	if g != iot.XSF {
		name = nameOf(e.App, "n")
	}
	if name == "" {
		name = nameOf(e.App, "var")
	}
	return name, e.App.Text(), name != ""
}

// codeOf returns the code of XEP-0325 before its version 0.3 for an error.
func codeOf(e *stanza.Error) string {
	switch e.Condition {
	case stanza.ItemNotFound:
		return "NotFound"
	case stanza.Forbidden:
		return "InsufficientPrivileges"
	case stanza.Conflict:
		return "Locked"
	case stanza.FeatureNotImplemented:
		return "NotImplemented"
	}
	return "OtherError"
}
