package control

import (
	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Command sets control parameters.
type Command struct {
	Generation iot.Generation // to command in, and be answered in; zero is for a peer that is not known
	Nodes      []iot.Node     // none for the thing itself
	Values     []Value        // in the order in which they are to be set
	Tokens     iot.Tokens

	// Form is true for values that come from, or go into, a submitted data form. They are Untyped when read.
	Form bool
	// Smack is true for a thing made with Smack: in the first generation booleans are written in its way too.
	Smack bool
}

// ParseCommand reads a <set/>. The error is that of form.Parse, or a stanza.BadRequest, with a paramError for a malformed value; see
// ParamOf.
func ParseCommand(el *xmlstream.Element) (*Command, error) {
	g, ok := Family.Of(el.Space())
	if !ok || el.Local() != elemSet {
		return nil, stanza.BadRequest.With("no control command")
	}
	c := &Command{Generation: g}
	var err error
	if c.Nodes, err = iot.ParseNodes(el, g); err != nil {
		return nil, err
	}
	if c.Tokens, err = iot.ParseTokens(el, g); err != nil {
		return nil, err
	}
	for child := range el.Children() {
		if err := c.parseChild(el.Space(), child); err != nil {
			return nil, err
		}
	}
	if len(c.Values) == 0 {
		return nil, stanza.BadRequest.With("the command has no parameters")
	}
	return c, nil
}

func (c *Command) parseChild(space string, el *xmlstream.Element) error {
	if el.Is(form.NS, "x") {
		return c.parseForm(el)
	}
	t := typeOf(el.Local(), c.Generation)
	if el.Space() != space || t == Untyped {
		return nil // a node, or what is not understood
	}
	n := namesOf(c.Generation)
	v := Value{Name: nameOf(el, n.name), Type: t, Text: el.Attr(n.value)}
	if v.Name == "" {
		return stanza.BadRequest.With("a parameter without a name, or with one too long")
	}
	if t.Check(v.Text) != nil {
		return paramError(stanza.BadRequest, c.Generation, v.Name, "Invalid parameter value.")
	}
	if t == Enum {
		v.EnumType = el.Attr("t")
	}
	return c.add(v)
}

// add adds a value. One that was given already, as those who speak to Smack write booleans, does not count twice.
func (c *Command) add(v Value) error {
	for _, other := range c.Values {
		if other == v {
			return nil
		}
	}
	if len(c.Values) == MaxValues {
		return stanza.BadRequest.With("more than %d parameters", MaxValues)
	}
	c.Values = append(c.Values, v)
	return nil
}

// parseForm takes the values of a submitted form. Hidden fields, such as its session's, are no parameters. A field without a
// value was left out by whoever filled in the form. XEP-0325#forms
func (c *Command) parseForm(el *xmlstream.Element) error {
	f, err := form.Parse(el)
	if err != nil {
		return err
	}
	if f.Type != form.TypeSubmit {
		return stanza.BadRequest.With("the form is not submitted")
	}
	c.Form = true
	for _, field := range f.Fields {
		switch {
		case field.Type == form.Hidden || field.Type == form.Fixed || field.Var == form.FormType || field.Var == sessionVar:
		case len(field.Values) == 0:
		case len(field.Var) > MaxName:
			return stanza.BadRequest.With("the name of a parameter is too long")
		default:
			if err := c.add(Value{Name: field.Var, Text: f.String(field.Var)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// sessionVar is the field by which XEP-0336's examples know a form.
const sessionVar = "xdd session"

// Element returns the command as it travels.
func (c *Command) Element() *xmlstream.Element {
	g, space := Family.For(c.Generation)
	parts := c.Tokens.Parts(g)
	for _, node := range c.Nodes {
		parts = append(parts, node.Element(space, g))
	}
	if c.Form {
		f := form.New(form.TypeSubmit, "")
		for _, v := range c.Values {
			f.Set(v.Name, v.Text)
		}
		return xmlstream.New(space, elemSet, append(parts, f.Element())...)
	}
	for _, v := range c.Values {
		parts = append(parts, v.element(space, g, ""))
		if c.Smack && g == iot.XSF && v.Type == Boolean {
			parts = append(parts, v.element(space, g, smackBool))
		}
	}
	return xmlstream.New(space, elemSet, parts...)
}

// element returns the value under the name of its type, or another.
func (v Value) element(space string, g iot.Generation, local string) *xmlstream.Element {
	t := v.Type
	if t < Boolean || t > Time {
		t = String
	}
	n := namesOf(g)
	parts := []xmlstream.Part{xmlstream.A(n.name, v.Name), xmlstream.A(n.value, v.Text)}
	switch {
	case local != "":
	case g == iot.XSF:
		local = types[t].long
	default:
		local = types[t].short
		if t == Enum {
			parts = append(parts, xmlstream.A("t", v.EnumType))
		}
	}
	return xmlstream.New(space, local, parts...)
}
