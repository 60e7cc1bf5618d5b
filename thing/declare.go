package thing

import (
	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/control"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// errMonths is for durations that have no fixed length.
var errMonths = stanza.BadRequest.With("a duration in months or years has no fixed length")

// Parameter declares something that can be set. A mistake in it is an error of Run.
func (t *Thing) Parameter(p Parameter) {
	d := p.declare()
	switch {
	case !goodName(d.Name):
		t.mistaken("the parameter %q cannot have this name", d.Name)
	case d.set == nil:
		t.mistaken("the parameter %q has no Set", d.Name)
	case t.findParameter(d.Name) != nil:
		t.mistaken("two parameters are %q", d.Name)
	case d.Min != "" && !inOrder(&d.Parameter):
		t.mistaken("the parameter %q has a Min above its Max", d.Name)
	case d.Type == control.Enum && len(d.Options) == 0:
		t.mistaken("the parameter %q has no Options", d.Name)
	default:
		t.addParameter(d)
	}
}

// inOrder reports whether the parameter could be set to its own lower end.
func inOrder(p *control.Parameter) bool {
	_, err := p.Accept(control.Value{Name: p.Name, Text: p.Min}, iot.IEEE)
	return err == nil
}

func (t *Thing) addParameter(d parameter) {
	t.parameters = append(t.parameters, d)
	if f := t.findField(d.Name); f != nil {
		f.writable = true
		return
	}
	if d.get != nil {
		t.addField(Field{Name: d.Name, Unit: d.unit, Categories: Momentary | Status, Read: d.get})
	}
}

// findParameter returns the parameter of that name, or nil.
func (t *Thing) findParameter(name string) *parameter {
	for i := range t.parameters {
		if t.parameters[i].Name == name {
			return &t.parameters[i]
		}
	}
	return nil
}

// known returns the names that the thing has.
func known[T any](names []string, find func(string) *T) []string {
	var out []string
	for _, n := range names {
		if find(n) != nil {
			out = append(out, n)
		}
	}
	return out
}
