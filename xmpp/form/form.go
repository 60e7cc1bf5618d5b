// Package form implements data forms: XEP-0004 (2.13) with field standardization (XEP-0068 1.3), validation (XEP-0122 1.0),
// layout (XEP-0141 1.0), media elements (XEP-0221 1.0), colour fields (XEP-0331 0.3) and the field flags of dynamic forms
// (XEP-0336 0.2).
//
// A service makes a Form, sends Form.Element, reads the answer with Parse and judges it with Form.Check. A client reads the
// form with Parse and answers it with Form.Submit. Errors are stanza errors, ready to be the reply.
//
// Missing: the post-back exchange of XEP-0336, the reportedref of XEP-0141, namespaces behind the prefixes of user-defined
// datatypes (they are taken as plain strings), and POSIX bracket extensions that RE2 does not have.
package form

import (
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Namespaces.
const (
	NS         = "jabber:x:data"
	NSValidate = "http://jabber.org/protocol/xdata-validate"
	NSLayout   = "http://jabber.org/protocol/xdata-layout"
	NSMedia    = "urn:xmpp:media-element"
	NSDynamic  = "urn:xmpp:xdata:dynamic"
)

// FormType is the var of the field that says what the other vars of a form mean (XEP-0068).
const FormType = "FORM_TYPE"

// Bounds of what Parse takes. A stanza's size bounds the rest.
const (
	MaxFields = 512   // fields of a form, of a table's head, or of one of its rows
	MaxItems  = 2048  // rows of a table
	MaxValues = 2048  // values or options of one field
	MaxValue  = 65536 // bytes of one value
	maxPages  = 256   // pages and sections of a form
)

// Type says what a form is for (XEP-0004#protocol-formtypes).
type Type string

// The types of forms.
const (
	TypeForm   Type = "form"   // asks to be filled in
	TypeSubmit Type = "submit" // is filled in
	TypeCancel Type = "cancel" // will not be filled in
	TypeResult Type = "result" // only tells
)

// FieldType says what a field holds (XEP-0004#protocol-fieldtypes).
type FieldType string

// The types of fields. A submitted field may be without, "", as its form tells.
const (
	Boolean     FieldType = "boolean"
	Fixed       FieldType = "fixed"
	Hidden      FieldType = "hidden"
	JIDMulti    FieldType = "jid-multi"
	JIDSingle   FieldType = "jid-single"
	ListMulti   FieldType = "list-multi"
	ListSingle  FieldType = "list-single"
	TextMulti   FieldType = "text-multi"
	TextPrivate FieldType = "text-private"
	TextSingle  FieldType = "text-single"
)

// Datatypes of colour fields (XEP-0331): RRGGBB and RRGGBBAA in hexadecimal digits.
const (
	Color      = "xdc:Color"
	ColorAlpha = "xdc:ColorAlpha"
)

// Form is a data form, or a table of results in Reported and Items.
type Form struct {
	Type         Type
	Title        string
	Instructions []string // one paragraph each
	Pages        []Page   // how to lay out the fields; may be empty
	Fields       []Field
	Reported     []Field   // the columns of Items; its fields have no values
	Items        [][]Field // the rows
}

// Field is a field of a form.
type Field struct {
	Var      string    // unique in its form; may be empty only if Type is Fixed
	Type     FieldType // "" in a submit that does not repeat it
	Label    string
	Desc     string
	Required bool
	Values   []string // proposed in a form, given in a submit or result
	Options  []Option // of a list

	Validation *Validation // may be nil
	Media      *Media      // may be nil

	ReadOnly bool   // XEP-0336: shown but not to be changed
	NotSame  bool   // XEP-0336: the value is uncertain, and is not submitted unless it was edited
	PostBack bool   // XEP-0336: the form is to be posted when this field was edited
	Error    string // XEP-0336: what is wrong with the value

	// Extra holds children in namespaces that this package does not know.
	Extra []*xmlstream.Element
}

// Option is a choice of a list.
type Option struct {
	Label string // for people; may be empty
	Value string
}

// Media is what a field shows beside its label (XEP-0221): the same thing in alternative formats.
type Media struct {
	Width, Height int // in pixels; 0 for unknown
	URIs          []MediaURI
}

// MediaURI is where one format of a Media is.
type MediaURI struct {
	Type string // MIME type, with parameters
	URI  string // http, https or cid
}

// Page is a part of a form's layout (XEP-0141): a page, or a section of one.
type Page struct {
	Label    string
	Text     []string // one paragraph each
	Fields   []string // vars of the fields directly on it
	Sections []Page
}

// New returns a form of the type, whose hidden first field says that the others mean what formType defines. With an empty
// formType there is none.
func New(t Type, formType string, fields ...Field) *Form {
	f := &Form{Type: t}
	if formType != "" {
		f.Fields = append(f.Fields, Field{Var: FormType, Type: Hidden, Values: []string{formType}})
	}
	f.Fields = append(f.Fields, fields...)
	return f
}

// Value returns a field of one value without a type, as they are submitted.
func Value(v, value string) Field { return Field{Var: v, Values: []string{value}} }

// Field returns the field of that var, or nil.
func (f *Form) Field(v string) *Field {
	for i := range f.Fields {
		if f.Fields[i].Var == v && v != "" {
			return &f.Fields[i]
		}
	}
	return nil
}

// FormType returns the value of the form's FORM_TYPE field, or "". In a form or result the field counts only if it is hidden;
// in a submit its type may be left out (XEP-0068#impl).
func (f *Form) FormType() string {
	field := f.Field(FormType)
	if field == nil || len(field.Values) == 0 {
		return ""
	}
	if field.Type != Hidden && f.Type != TypeSubmit {
		return ""
	}
	return field.Values[0]
}
