package sensordata

import (
	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/form/xs"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Elements returns the update as it travels in a generation: one element, or in the first generation two if the report
// has readings and errors, as errors go apart there. Each belongs into a stanza of its own, the last one last.
// old is whether the receiver follows XEP-0323 before its version 0.3.
func (u *Update) Elements(g iot.Generation, old bool) []*xmlstream.Element {
	g, space := Family.For(g)
	id := xmlstream.A(namesOf(g).id, u.ID)
	switch u.State {
	case Accepted:
		return []*xmlstream.Element{xmlstream.New(space, elemAccepted, id)}
	case Queued:
		return []*xmlstream.Element{xmlstream.New(space, elemAccepted, id, iot.Bool("queued", true))}
	case Started:
		return []*xmlstream.Element{xmlstream.New(space, elemStarted, id)}
	case Cancelled:
		return []*xmlstream.Element{xmlstream.New(space, elemCancelled, id)}
	}
	w := writer{g: g, space: space, old: old}
	if g == iot.XSF {
		return w.fields(u, id)
	}
	return []*xmlstream.Element{w.response(u, id)}
}

// writer writes reports.
type writer struct {
	g     iot.Generation
	space string
	old   bool
}

// fields returns <fields/>, and behind it <failure/> if there are errors. The last of them says that it is. The plugin of
// slixmpp takes any failure for the end, which is why it must not come first.
func (w writer) fields(u *Update, id xmlstream.Attr) []*xmlstream.Element {
	last := func(parts []xmlstream.Part) []xmlstream.Part {
		if u.State == Done {
			parts = append(parts, iot.Bool("done", true))
		}
		return parts
	}
	errors := w.errors(&u.Report)
	parts := []xmlstream.Part{id}
	if len(errors) == 0 {
		parts = last(parts)
	}
	nodes := w.nodes(&u.Report, "node")
	var elements []*xmlstream.Element
	if len(nodes) > 0 || len(errors) == 0 {
		elements = append(elements, xmlstream.New(w.space, elemFields, append(parts, nodes...)...))
	}
	if len(errors) > 0 {
		failure := append(last([]xmlstream.Part{id}), errors...)
		elements = append(elements, xmlstream.New(w.space, elemFailure, failure...))
	}
	return elements
}

// response returns <resp/>, which is the last unless it says that there is more.
func (w writer) response(u *Update, id xmlstream.Attr) *xmlstream.Element {
	parts := []xmlstream.Part{id}
	if u.State != Done {
		parts = append(parts, iot.Bool("more", true))
	}
	return xmlstream.New(w.space, elemResponse, append(parts, w.nodes(&u.Report, "nd")...)...)
}

// nodes returns the readings by node, and outside of the first generation the errors. The thing itself is no <nd/> there, and
// a <node/> without a nodeId, which Smack takes for none, in the first.
func (w writer) nodes(r *Report, local string) []xmlstream.Part {
	var parts []xmlstream.Part
	for _, node := range r.Nodes {
		timestamps := w.timestamps(node.Timestamps)
		switch {
		case len(timestamps) == 0:
		case node.Node.IsZero() && w.g != iot.XSF:
			parts = append(parts, timestamps...)
		default:
			parts = append(parts, xmlstream.New(w.space, local, append(node.Node.Parts(w.g), timestamps...)...))
		}
	}
	return parts
}

func (w writer) timestamps(all []Timestamp) []xmlstream.Part {
	n := namesOf(w.g)
	var parts []xmlstream.Part
	for _, ts := range all {
		inner := []xmlstream.Part{xmlstream.A(n.time, xs.FormatDateTime(ts.Time))}
		for i := range ts.Readings {
			inner = append(inner, ts.Readings[i].element(w.space, w.g, w.old))
		}
		if w.g != iot.XSF {
			for _, text := range ts.Errors {
				inner = append(inner, xmlstream.New(w.space, "err", xmlstream.Text(text)))
			}
		}
		if len(inner) > 1 {
			parts = append(parts, xmlstream.New(w.space, n.timestamp, inner...))
		}
	}
	return parts
}

// errors returns the errors of a report in the first generation.
func (w writer) errors(r *Report) []xmlstream.Part {
	var parts []xmlstream.Part
	for f := range r.Faults() {
		attrs := append(f.Node.Parts(w.g), xmlstream.A("timestamp", xs.FormatDateTime(f.Time)), xmlstream.Text(f.Text))
		parts = append(parts, xmlstream.New(w.space, "error", attrs...))
	}
	return parts
}
