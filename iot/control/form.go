package control

import (
	"slices"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// FormRequest asks for the control form of a thing, or of what several nodes have in common.
type FormRequest struct {
	Generation iot.Generation
	Nodes      []iot.Node // none for the thing itself
	Tokens     iot.Tokens
	Lang       string // xml:lang of the texts that are wanted; may be empty
}

// ParseFormRequest reads a <getForm/>. The error is a stanza.BadRequest.
func ParseFormRequest(el *xmlstream.Element) (*FormRequest, error) {
	g, ok := Family.Of(el.Space())
	if !ok || el.Local() != elemGetForm {
		return nil, stanza.BadRequest.With("no request for a control form")
	}
	r := &FormRequest{Generation: g}
	r.Lang, _ = el.LookupAttr(xmlstream.SpaceXML, "lang")
	var err error
	if r.Nodes, err = iot.ParseNodes(el, g); err != nil {
		return nil, err
	}
	if r.Tokens, err = iot.ParseTokens(el, g); err != nil {
		return nil, err
	}
	return r, nil
}

// Element returns the request as it travels.
func (r *FormRequest) Element() *xmlstream.Element {
	g, space := Family.For(r.Generation)
	parts := r.Tokens.Parts(g)
	if r.Lang != "" {
		parts = append(parts, xmlstream.Attr{Name: xmlstream.Name{Space: xmlstream.SpaceXML, Local: "lang"}, Value: r.Lang})
	}
	for _, node := range r.Nodes {
		parts = append(parts, node.Element(space, g))
	}
	return xmlstream.New(space, elemGetForm, parts...)
}

// MakeForm returns the control form of parameters, in the order in which they are to be set (XEP-0325#controlform). No value is
// certain, so that only what was edited is submitted.
func MakeForm(g iot.Generation, title string, parameters []Parameter) *form.Form {
	f := form.New(form.TypeForm, "")
	f.Title = title
	for i := range parameters {
		p := &parameters[i]
		f.Fields = append(f.Fields, p.field(g))
		if p.Page == "" {
			continue
		}
		at := slices.IndexFunc(f.Pages, func(page form.Page) bool { return page.Label == p.Page })
		if at < 0 {
			at = len(f.Pages)
			f.Pages = append(f.Pages, form.Page{Label: p.Page})
		}
		f.Pages[at].Fields = append(f.Pages[at].Fields, p.Name)
	}
	return f
}

// field returns the parameter as a field. Its validation tells the client the type. XEP-0325#controlform
func (p *Parameter) field(g iot.Generation) form.Field {
	f := form.Field{Var: p.Name, Type: form.TextSingle, Label: p.Label, Desc: p.Desc, NotSame: true}
	if f.Label == "" {
		f.Label = p.Name
	}
	if p.Value != "" {
		f.Values = []string{p.Value}
	}
	f.Validation = &form.Validation{Datatype: types[p.Type].datatype, Method: form.Basic}
	switch {
	case p.Type == Boolean:
		f.Type = form.Boolean
	case p.Type == Color:
		f.Validation = colorValidation(len(p.Value))
	case len(p.Options) > 0:
		f.Type, f.Options = form.ListSingle, p.Options
	case p.Min != "" || p.Max != "":
		f.Validation.Method, f.Validation.Min, f.Validation.Max = form.Range, p.Min, p.Max
	}
	if p.Group != "" {
		g, space := Family.For(g)
		f.Extra = []*xmlstream.Element{xmlstream.New(space, namesOf(g).group, xmlstream.A("name", p.Group))}
	}
	return f
}

// colorValidation returns that of a colour, with alpha if the present value of so many digits has one. The pattern is for those
// who do not know the datatype. XEP-0331
func colorValidation(digits int) *form.Validation {
	if digits == 8 {
		return &form.Validation{Datatype: form.ColorAlpha, Method: form.Regex, Pattern: "^[0-9a-fA-F]{8}$"}
	}
	return &form.Validation{Datatype: form.Color, Method: form.Regex, Pattern: "^[0-9a-fA-F]{6}$"}
}

// Parameters returns what a control form declares, so that typed commands can be made without it.
func Parameters(f *form.Form) []Parameter {
	pages := make(map[string]string)
	for i := range f.Pages {
		pageOf(pages, &f.Pages[i], f.Pages[i].Label)
	}
	var parameters []Parameter
	for i := range f.Fields {
		field := &f.Fields[i]
		if field.Type == form.Hidden || field.Type == form.Fixed {
			continue
		}
		p := Parameter{Name: field.Var, Type: fieldType(field), Label: field.Label, Desc: field.Desc, Options: field.Options, Page: pages[field.Var]}
		p.Value = f.String(field.Var)
		if v := field.Validation; v != nil && v.Method == form.Range {
			p.Min, p.Max = v.Min, v.Max
		}
		for _, e := range field.Extra {
			if g, ok := Family.Of(e.Space()); ok && e.Local() == namesOf(g).group {
				if p.Group = nameOf(e, "name"); p.Group == "" {
					p.Group = nameOf(e, "n") // as the schema has it
				}
			}
		}
		parameters = append(parameters, p)
	}
	return parameters
}

// pageOf notes on which page the fields are, also those of its sections.
func pageOf(pages map[string]string, p *form.Page, label string) {
	for _, v := range p.Fields {
		pages[v] = label
	}
	for i := range p.Sections {
		pageOf(pages, &p.Sections[i], label)
	}
}

// fieldType returns the type that a field stands for: that of its datatype, which is text where there is none.
func fieldType(f *form.Field) Type {
	if f.Type == form.Boolean {
		return Boolean
	}
	if f.Validation == nil {
		return String
	}
	switch f.Validation.Datatype {
	case form.Color, form.ColorAlpha:
		return Color
	}
	for t := Boolean; t <= Time; t++ {
		if types[t].datatype == f.Validation.Datatype && t != Enum {
			return t
		}
	}
	return String
}
