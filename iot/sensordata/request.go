package sensordata

import (
	"slices"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/form/xs"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Request asks a thing for sensor data.
type Request struct {
	Generation iot.Generation // to ask in, and be answered in; zero is for a peer that is not known
	// ID is what the answers repeat: the seqnr of the first generation, where it must be an integer of 32 bits.
	// It is to be unique among the requests of the asker.
	ID string

	Nodes      []iot.Node     // none for the thing itself
	Fields     []string       // their names; none for all
	Categories iot.Categories // any of them suffices; none for all
	History    History        // the periods of Historical that are asked for, in the first generation; none for all
	From, To   time.Time      // the oldest and newest timestamp; zero for no bound
	When       time.Time      // when to read; zero for now
	Tokens     iot.Tokens
}

// ParseRequest reads a <req/>. The error is a stanza.BadRequest.
func ParseRequest(el *xmlstream.Element) (*Request, error) {
	g, ok := Family.Of(el.Space())
	if !ok || el.Local() != elemRequest {
		return nil, stanza.BadRequest.With("no request for sensor data")
	}
	r := &Request{Generation: g}
	var err error
	if r.ID, err = parseID(el, g); err != nil {
		return nil, err
	}
	if r.Nodes, err = iot.ParseNodes(el, g); err != nil {
		return nil, err
	}
	if r.Categories, err = iot.ParseCategories(el, g); err != nil {
		return nil, err
	}
	if r.History, err = parseHistory(el, g); err != nil {
		return nil, err
	}
	if r.Tokens, err = iot.ParseTokens(el, g); err != nil {
		return nil, err
	}
	if err := r.parseTimes(el); err != nil {
		return nil, err
	}
	return r, r.parseFields(el)
}

// parseID reads the identity of a request.
func parseID(el *xmlstream.Element, g iot.Generation) (string, error) {
	id, err := iot.Attr(el, namesOf(g).id)
	if err != nil {
		return "", err
	}
	if g == iot.XSF {
		_, err = xs.ParseInt(id, 32)
	}
	if err != nil || len(id) > MaxID {
		return "", stanza.BadRequest.With("the request has no good %s", namesOf(g).id)
	}
	return id, nil
}

func (r *Request) parseTimes(el *xmlstream.Element) error {
	for _, a := range []struct {
		name string
		t    *time.Time
	}{{"from", &r.From}, {"to", &r.To}, {"when", &r.When}} {
		v := el.Attr(a.name)
		if v == "" {
			continue
		}
		t, err := xs.ParseDateTime(v)
		if err != nil {
			return stanza.BadRequest.With("the attribute %s is no dateTime", a.name)
		}
		*a.t = t
	}
	return nil
}

func (r *Request) parseFields(el *xmlstream.Element) error {
	n := namesOf(r.Generation)
	for c := range el.ChildrenNamed(el.Space(), n.field) {
		name := c.Attr(n.name)
		if name == "" || len(name) > MaxName {
			return stanza.BadRequest.With("a field without a name, or with one too long")
		}
		if len(r.Fields) == MaxFields {
			return stanza.BadRequest.With("more than %d fields", MaxFields)
		}
		r.Fields = append(r.Fields, name)
	}
	return nil
}

// Element returns the request as it travels.
func (r *Request) Element() *xmlstream.Element {
	g, space := Family.For(r.Generation)
	n := namesOf(g)
	parts := []xmlstream.Part{xmlstream.A(n.id, r.ID)}
	parts = append(parts, r.categories(g)...)
	for _, a := range []struct {
		name string
		t    time.Time
	}{{"from", r.From}, {"to", r.To}, {"when", r.When}} {
		if !a.t.IsZero() {
			parts = append(parts, xmlstream.A(a.name, xs.FormatDateTime(a.t)))
		}
	}
	parts = append(parts, r.Tokens.Parts(g)...)
	for _, node := range r.Nodes {
		parts = append(parts, node.Element(space, g))
	}
	for _, f := range r.Fields {
		parts = append(parts, xmlstream.New(space, n.field, xmlstream.A(n.name, f)))
	}
	return xmlstream.New(space, elemRequest, parts...)
}

// categories returns the attributes of the categories; those of a request for any are all.
func (r *Request) categories(g iot.Generation) []xmlstream.Part {
	c := r.Categories
	if c == 0 {
		c = iot.AllCategories
	}
	switch {
	case g == iot.XSF && c == iot.AllCategories:
		// Smack's things look for momentary alone, and do not answer a request without.
		return append(c.Parts(g), iot.Momentary.Parts(g)...)
	case g == iot.XSF && r.History != 0 && c&iot.Historical != 0:
		return longCategories(c, r.History)
	}
	return c.Parts(g)
}

// Wants reports whether a reading of the field at that time is asked for. A field without categories could be of any.
func (r *Request) Wants(at time.Time, f Field) bool {
	switch {
	case len(r.Fields) > 0 && !slices.Contains(r.Fields, f.Name),
		!r.From.IsZero() && at.Before(r.From),
		!r.To.IsZero() && at.After(r.To):
		return false
	}
	return r.Categories == 0 || f.Categories == 0 || r.Categories&f.Categories != 0
}

// wantsNode reports whether the node is asked for. What the request does not say of it does not matter, as a thing may tell
// its source where only its id was asked for.
func (r *Request) wantsNode(n iot.Node) bool {
	return len(r.Nodes) == 0 || slices.ContainsFunc(r.Nodes, func(want iot.Node) bool {
		return want.ID == n.ID &&
			(want.Source == "" || want.Source == n.Source) && (want.Partition == "" || want.Partition == n.Partition)
	})
}
