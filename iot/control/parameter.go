package control

import (
	"slices"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/form/xs"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// Parameter declares a control parameter: what can be set, and to what.
type Parameter struct {
	Name     string
	Type     Type
	Label    string // for people; Name if empty
	Desc     string // for people, longer; may be empty
	Min, Max string // of a number, date or time, both included, as it is written; empty for no bound
	// Options are all that a String or Enum can be set to; none for anything.
	Options  []form.Option
	EnumType string // the name of an Enum's enumeration; may be empty
	Group    string // parameters of one group are to be set together; may be empty
	Page     string // the label of the page of the form that it is on; may be empty
	Value    string // at present, as it is written; empty if that is not known
}

// Accept returns a value as one of the parameter's type. It accepts a value of that type, an untyped one that can be of it, and
// one that loses nothing: an Int for a Long or Double, a Long for a Double, a String for an Enum and the reverse. The error is
// a stanza.BadRequest with a paramError for generation g.
func (p *Parameter) Accept(v Value, g iot.Generation) (Value, error) {
	if !p.takes(v.Type) {
		return v, paramError(stanza.BadRequest, g, p.Name, "Invalid parameter type.")
	}
	if p.Type.Check(v.Text) != nil || !p.allows(v.Text) {
		return v, paramError(stanza.BadRequest, g, p.Name, "Invalid parameter value.")
	}
	return Value{Name: p.Name, Type: p.Type, Text: v.Text, EnumType: p.EnumType}, nil
}

func (p *Parameter) takes(t Type) bool {
	switch t {
	case p.Type, Untyped:
		return true
	case Int:
		return p.Type == Long || p.Type == Double
	case Long:
		return p.Type == Double
	case String:
		return p.Type == Enum // the first generation has no other. XEP-0323#harmonization
	case Enum:
		return p.Type == String
	}
	return false
}

// allows reports whether a value of the right type is within the bounds and among the options.
func (p *Parameter) allows(text string) bool {
	if len(p.Options) > 0 && !slices.ContainsFunc(p.Options, func(o form.Option) bool { return o.Value == text }) {
		return false
	}
	datatype := types[p.Type].datatype
	if p.Min != "" {
		if order, err := xs.Compare(datatype, text, p.Min); err != nil || order < 0 {
			return false
		}
	}
	if p.Max != "" {
		if order, err := xs.Compare(datatype, text, p.Max); err != nil || order > 0 {
			return false
		}
	}
	return true
}

// find returns the parameter of that name, or nil.
func find(parameters []Parameter, name string) *Parameter {
	for i := range parameters {
		if parameters[i].Name == name {
			return &parameters[i]
		}
	}
	return nil
}

// common returns the parameters of a that b has with the same type, bounds and options. Presentation is that of a, and so is the
// value, which is unknown where b has another. XEP-0325#concentrator
func common(a, b []Parameter) []Parameter {
	var both []Parameter
	for _, p := range a {
		q := find(b, p.Name)
		if q == nil || q.Type != p.Type || q.Min != p.Min || q.Max != p.Max || !slices.Equal(q.Options, p.Options) {
			continue
		}
		if q.Value != p.Value {
			p.Value = ""
		}
		both = append(both, p)
	}
	return both
}
