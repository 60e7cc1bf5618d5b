package sensordata

import (
	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// parseReading reads the element of a value, whose type is known. The error is a stanza.BadRequest.
func parseReading(el *xmlstream.Element, g iot.Generation, t Type) (Reading, error) {
	n := namesOf(g)
	r := Reading{Field: Field{Name: el.Attr(n.name), Type: t, Module: el.Attr(n.module), StringIDs: el.Attr(n.strings)}}
	value, ok := el.LookupAttr("", n.value)
	switch {
	case r.Name == "" || len(r.Name) > MaxName:
		return r, stanza.BadRequest.With("a field without a name, or with one too long")
	case !ok || t.Check(value) != nil && el.Local() != oldDuration:
		return r, stanza.BadRequest.With("%s: the value is no %s", r.Name, t)
	}
	r.Value = value
	switch t {
	case Numeric:
		r.Unit = el.Attr(n.unit)
	case Enum:
		r.DataType = el.Attr(n.dataType)
	case Duration:
		if t.Check(value) != nil { // before XEP-0323 0.3 nothing said how one is written
			r.Type = String
		}
	}
	if g != iot.XSF {
		r.Ext = el.Child(el.Space(), "x")
	}
	return r, r.parseFlags(el, g)
}

func (r *Reading) parseFlags(el *xmlstream.Element, g iot.Generation) (err error) {
	if r.Categories, err = iot.ParseCategories(el, g); err != nil {
		return err
	}
	if r.History, err = parseHistory(el, g); err != nil {
		return err
	}
	if r.Quality, err = parseQuality(el, g); err != nil {
		return err
	}
	r.Writable, err = iot.BoolAttr(el, namesOf(g).writable, false)
	return err
}

// element returns the reading as it travels. old is whether the receiver follows XEP-0323 before its version 0.3.
func (r *Reading) element(space string, g iot.Generation, old bool) *xmlstream.Element {
	n := namesOf(g)
	local, t := r.elementName(g, old)
	parts := []xmlstream.Part{xmlstream.A(n.name, r.Name)}
	if g == iot.XSF {
		parts = append(parts, longCategories(r.Categories, r.History)...)
		parts = append(parts, r.Quality.parts(g)...)
		parts = append(parts, xmlstream.A(n.value, r.Value))
	} else {
		parts = append(parts, xmlstream.A(n.value, r.Value))
	}
	switch {
	case t == Numeric && (r.Unit != "" || g == iot.XSF): // required there, empty for none
		parts = append(parts, xmlstream.A(n.unit, r.Unit))
	case t == Enum:
		parts = append(parts, xmlstream.A(n.dataType, r.DataType))
	}
	if g != iot.XSF {
		parts = append(parts, shortCategories(r.Categories)...)
		parts = append(parts, r.Quality.parts(g)...)
	}
	parts = appendAttr(parts, n.module, r.Module)
	parts = appendAttr(parts, n.strings, r.StringIDs)
	if r.Writable {
		parts = append(parts, iot.Bool(n.writable, true))
	}
	if g != iot.XSF && r.Ext.Is(space, "x") {
		parts = append(parts, r.Ext)
	}
	return xmlstream.New(space, local, parts...)
}

// elementName returns the name of the element, and the type that it has to its receiver.
func (r *Reading) elementName(g iot.Generation, old bool) (string, Type) {
	t := r.Type
	if t < Numeric || t > Time {
		t = String
	}
	if g != iot.XSF {
		return typeNames[t].short, t
	}
	if old {
		switch t {
		case Int, Long:
			t = Numeric
		case Date, Time:
			t = String
		case Duration:
			return oldDuration, t
		}
	}
	return typeNames[t].long, t
}

// appendAttr appends an attribute, unless its value is empty.
func appendAttr(parts []xmlstream.Part, name, value string) []xmlstream.Part {
	if value == "" {
		return parts
	}
	return append(parts, xmlstream.A(name, value))
}
