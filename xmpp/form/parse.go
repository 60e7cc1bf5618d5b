package form

import (
	"slices"
	"strconv"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Find parses the data form among the children of el. It returns nil and no error where there is none.
func Find(el *xmlstream.Element) (*Form, error) {
	x := el.Child(NS, "x")
	if x == nil {
		return nil, nil
	}
	return Parse(x)
}

// Parse reads an <x xmlns='jabber:x:data'/>. The error is a stanza.BadRequest for one that is malformed and a
// stanza.ResourceConstraint for one that is beyond the bounds of this package.
// Elements that it does not know are left out; those inside a field are kept as Field.Extra.
func Parse(el *xmlstream.Element) (*Form, error) {
	f := &Form{Type: Type(el.Attr("type"))}
	switch {
	case !el.Is(NS, "x"):
		return nil, malformed("no data form")
	case f.Type != TypeForm && f.Type != TypeSubmit && f.Type != TypeCancel && f.Type != TypeResult:
		return nil, malformed("unknown type of data form")
	}
	pages := 0
	for c := range el.Children() {
		var err error
		switch {
		case c.Is(NS, "title"):
			f.Title = c.Text()
		case c.Is(NS, "instructions"):
			f.Instructions = append(f.Instructions, c.Text())
		case c.Is(NS, "field"):
			f.Fields, err = addField(f.Fields, c, f.Type == TypeForm)
		case c.Is(NS, "reported"):
			f.Reported, err = parseFields(c)
		case c.Is(NS, "item"):
			err = f.addItem(c)
		case c.Is(NSLayout, "page"):
			var p Page
			p, err = parsePage(c, &pages)
			f.Pages = append(f.Pages, p)
		}
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *Form) addItem(el *xmlstream.Element) error {
	if len(f.Items) == MaxItems {
		return tooLarge("more than %d items", MaxItems)
	}
	fields, err := parseFields(el)
	f.Items = append(f.Items, fields)
	return err
}

// parseFields reads the fields of a row, or of the head of a table.
func parseFields(el *xmlstream.Element) (fields []Field, err error) {
	for c := range el.ChildrenNamed(NS, "field") {
		if fields, err = addField(fields, c, false); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

// addField parses el behind fields. Where typed is true an absent type means text-single.
func addField(fields []Field, el *xmlstream.Element, typed bool) ([]Field, error) {
	if len(fields) == MaxFields {
		return nil, tooLarge("more than %d fields", MaxFields)
	}
	field, err := parseField(el, typed)
	if err != nil {
		return nil, err
	}
	// XEP-0004#protocol-field: var uniquely identifies the field.
	same := func(other Field) bool { return other.Var == field.Var }
	if field.Var != "" && slices.ContainsFunc(fields, same) {
		return nil, malformed("two fields %q", field.Var)
	}
	return append(fields, field), nil
}

func parseField(el *xmlstream.Element, typed bool) (Field, error) {
	f := Field{Var: el.Attr("var"), Label: el.Attr("label"), Type: fieldType(el.Attr("type"))}
	if f.Type == "" {
		switch {
		case f.Var == "":
			f.Type = Fixed // the only one that may be without a var
		case typed:
			f.Type = TextSingle
		}
	}
	if f.Var == "" && f.Type != Fixed {
		return f, malformed("field without var")
	}
	for c := range el.Children() {
		if err := f.parseChild(c); err != nil {
			return f, err
		}
	}
	return f, nil
}

// fieldType returns a known type, "" for "", and text-single for all others, as XEP-0004#protocol-fieldtypes demands.
func fieldType(s string) FieldType {
	switch t := FieldType(s); t {
	case "", Boolean, Fixed, Hidden, JIDMulti, JIDSingle, ListMulti, ListSingle, TextMulti, TextPrivate:
		return t
	}
	return TextSingle
}

func (f *Field) parseChild(c *xmlstream.Element) error {
	var err error
	switch c.Space() {
	case NS:
		return f.parseOwn(c)
	case NSValidate:
		f.Validation, err = parseValidation(c)
	case NSMedia:
		f.Media, err = parseMedia(c)
	case NSDynamic:
		f.parseFlag(c)
	default:
		f.Extra = append(f.Extra, c)
	}
	return err
}

func (f *Field) parseOwn(c *xmlstream.Element) error {
	switch c.Local() {
	case "desc":
		f.Desc = c.Text()
	case "required":
		f.Required = true
	case "value":
		if len(f.Values) == MaxValues {
			return tooLarge("more than %d values", MaxValues)
		}
		value, err := parseValue(c)
		f.Values = append(f.Values, value)
		return err
	case "option":
		if len(f.Options) == MaxValues {
			return tooLarge("more than %d options", MaxValues)
		}
		value, err := parseValue(c.Child(NS, "value"))
		f.Options = append(f.Options, Option{Label: c.Attr("label"), Value: value})
		return err
	}
	return nil
}

func parseValue(el *xmlstream.Element) (string, error) {
	s := el.Text()
	if len(s) > MaxValue {
		return "", tooLarge("a value of more than %d bytes", MaxValue)
	}
	return s, nil
}

func (f *Field) parseFlag(c *xmlstream.Element) {
	switch c.Local() {
	case "readOnly":
		f.ReadOnly = true
	case "notSame":
		f.NotSame = true
	case "postBack":
		f.PostBack = true
	case "error":
		f.Error = c.Text()
	}
}

func parseMedia(el *xmlstream.Element) (*Media, error) {
	m := &Media{}
	for c := range el.ChildrenNamed(NSMedia, "uri") {
		if len(m.URIs) == MaxValues {
			return nil, tooLarge("more than %d media", MaxValues)
		}
		m.URIs = append(m.URIs, MediaURI{Type: c.Attr("type"), URI: trim(c.Text())})
	}
	for attr, size := range map[string]*int{"width": &m.Width, "height": &m.Height} {
		if v := el.Attr(attr); v != "" {
			n, err := strconv.ParseUint(v, 10, 16)
			if err != nil {
				return nil, malformed("%s of media", attr)
			}
			*size = int(n)
		}
	}
	return m, nil
}

// parsePage reads a page or section, and counts it.
func parsePage(el *xmlstream.Element, count *int) (Page, error) {
	if *count++; *count > maxPages {
		return Page{}, tooLarge("more than %d pages and sections", maxPages)
	}
	p := Page{Label: el.Attr("label")}
	for c := range el.Children() {
		switch {
		case c.Is(NSLayout, "text"):
			p.Text = append(p.Text, c.Text())
		case c.Is(NSLayout, "fieldref"):
			p.Fields = append(p.Fields, c.Attr("var"))
		case c.Is(NSLayout, "section"):
			s, err := parsePage(c, count)
			if err != nil {
				return p, err
			}
			p.Sections = append(p.Sections, s)
		}
	}
	return p, nil
}

func malformed(format string, args ...any) error { return stanza.BadRequest.With(format, args...) }

func tooLarge(format string, args ...any) error {
	return stanza.ResourceConstraint.With("data form with "+format, args...)
}
