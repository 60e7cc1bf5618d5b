package form

import (
	"strconv"

	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Element returns the form as it travels.
func (f *Form) Element() *xmlstream.Element {
	parts := []xmlstream.Part{xmlstream.A("type", string(f.Type))}
	parts = appendText(parts, NS, "title", f.Title)
	for _, s := range f.Instructions {
		parts = append(parts, text(NS, "instructions", s))
	}
	for _, p := range f.Pages {
		parts = append(parts, p.element("page"))
	}
	parts = appendFields(parts, f.Fields)
	if len(f.Reported) > 0 {
		parts = append(parts, xmlstream.New(NS, "reported", appendFields(nil, f.Reported)...))
	}
	for _, item := range f.Items {
		parts = append(parts, xmlstream.New(NS, "item", appendFields(nil, item)...))
	}
	return xmlstream.New(NS, "x", parts...)
}

func appendFields(parts []xmlstream.Part, fields []Field) []xmlstream.Part {
	for i := range fields {
		parts = append(parts, fields[i].element())
	}
	return parts
}

func (f *Field) element() *xmlstream.Element {
	var parts []xmlstream.Part
	parts = appendAttr(parts, "var", f.Var)
	parts = appendAttr(parts, "type", string(f.Type))
	parts = appendAttr(parts, "label", f.Label)
	parts = appendText(parts, NS, "desc", f.Desc)
	if f.Required {
		parts = append(parts, xmlstream.New(NS, "required"))
	}
	for _, v := range f.Values {
		parts = append(parts, text(NS, "value", v))
	}
	for _, o := range f.Options {
		option := appendAttr(nil, "label", o.Label)
		parts = append(parts, xmlstream.New(NS, "option", append(option, text(NS, "value", o.Value))...))
	}
	if f.Validation != nil {
		parts = append(parts, f.Validation.element())
	}
	if f.Media != nil {
		parts = append(parts, f.Media.element())
	}
	parts = f.appendFlags(parts)
	for _, e := range f.Extra {
		parts = append(parts, e)
	}
	return xmlstream.New(NS, "field", parts...)
}

func (f *Field) appendFlags(parts []xmlstream.Part) []xmlstream.Part {
	for _, flag := range []struct {
		local string
		set   bool
	}{{"readOnly", f.ReadOnly}, {"notSame", f.NotSame}, {"postBack", f.PostBack}} {
		if flag.set {
			parts = append(parts, xmlstream.New(NSDynamic, flag.local))
		}
	}
	return appendText(parts, NSDynamic, "error", f.Error)
}

func (m *Media) element() *xmlstream.Element {
	var parts []xmlstream.Part
	if m.Width > 0 {
		parts = append(parts, xmlstream.A("width", strconv.Itoa(m.Width)))
	}
	if m.Height > 0 {
		parts = append(parts, xmlstream.A("height", strconv.Itoa(m.Height)))
	}
	for _, u := range m.URIs {
		parts = append(parts, xmlstream.New(NSMedia, "uri", xmlstream.A("type", u.Type), xmlstream.Text(u.URI)))
	}
	return xmlstream.New(NSMedia, "media", parts...)
}

// element returns the page under the name "page", and its sections under "section".
func (p *Page) element(local string) *xmlstream.Element {
	parts := appendAttr(nil, "label", p.Label)
	for _, t := range p.Text {
		parts = append(parts, text(NSLayout, "text", t))
	}
	for i := range p.Sections {
		parts = append(parts, p.Sections[i].element("section"))
	}
	for _, v := range p.Fields {
		parts = append(parts, xmlstream.New(NSLayout, "fieldref", xmlstream.A("var", v)))
	}
	return xmlstream.New(NSLayout, local, parts...)
}

func text(space, local, s string) *xmlstream.Element {
	if s == "" {
		return xmlstream.New(space, local)
	}
	return xmlstream.New(space, local, xmlstream.Text(s))
}

// appendText appends an element of text, unless that is empty.
func appendText(parts []xmlstream.Part, space, local, s string) []xmlstream.Part {
	if s == "" {
		return parts
	}
	return append(parts, text(space, local, s))
}

// appendAttr appends an attribute, unless its value is empty.
func appendAttr(parts []xmlstream.Part, local, value string) []xmlstream.Part {
	if value == "" {
		return parts
	}
	return append(parts, xmlstream.A(local, value))
}
