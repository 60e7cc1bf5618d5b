package form

import (
	"fmt"
	"slices"

	"github.com/comity-iot/comity/xmpp/form/xs"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// Problem is something wrong with one field of a submitted form.
type Problem struct {
	Var  string // of the field; empty if the form as a whole is wrong
	Text string // for the peer
}

// String returns the problem in words.
func (p Problem) String() string {
	if p.Var == "" {
		return p.Text
	}
	return p.Var + ": " + p.Text
}

// Check judges a submit by the form f that asked for it. The error is a stanza.NotAcceptable (XEP-0004#validation) that names
// the first problem. Fields that f does not have are ignored, and one that is absent is a problem only if f requires it: the
// caller keeps its present value (XEP-0004#incomplete-submission-form-handling).
func (f *Form) Check(submit *Form) error {
	if problems := f.Problems(submit); len(problems) > 0 {
		return stanza.NotAcceptable.With("%s", problems[0])
	}
	return nil
}

// Problems is Check with all that is wrong, in the order of the fields of f.
func (f *Form) Problems(submit *Form) []Problem {
	if submit.Type != TypeSubmit {
		return []Problem{{Text: "the form is not submitted"}}
	}
	// Some clients leave the hidden field out; one that says something else is for another service.
	if t := submit.FormType(); t != "" && t != f.FormType() {
		return []Problem{{Var: FormType, Text: "another form is wanted"}}
	}
	var problems []Problem
	for i := range f.Fields {
		field := &f.Fields[i]
		if field.Type == Fixed || field.Type == Hidden {
			continue
		}
		if text := field.check(submit.Field(field.Var)); text != "" {
			problems = append(problems, Problem{field.Var, text})
		}
	}
	return problems
}

// check returns what is wrong with the field that was submitted for f, or nil if it was not.
func (f *Field) check(submitted *Field) string {
	var values []string
	if submitted != nil {
		values = submitted.Values
	}
	empty := !slices.ContainsFunc(values, func(v string) bool { return v != "" })
	switch {
	case empty && f.Required:
		return "required"
	case empty:
		return "" // <value/> is how many clients leave a field out. XEP-0004#empty-or-absent-values
	case f.ReadOnly && !slices.Equal(values, f.Values):
		return "read only"
	case len(values) > 1 && !f.multi():
		return "more than one value"
	}
	for _, v := range values {
		if text := f.checkValue(v); text != "" {
			return text
		}
	}
	return f.checkCount(len(values))
}

// multi reports whether the field may have more than one value (XEP-0004#protocol-field).
func (f *Field) multi() bool {
	switch f.Type {
	case ListMulti, JIDMulti, TextMulti, Hidden:
		return true
	}
	return false
}

func (f *Field) checkValue(value string) string {
	switch f.Type {
	case Boolean:
		if _, err := xs.ParseBool(value); err != nil {
			return "neither true nor false"
		}
	case JIDSingle, JIDMulti:
		if _, err := jid.Parse(value); err != nil {
			return "no JID"
		}
	case ListSingle, ListMulti:
		if !f.open() && !slices.ContainsFunc(f.Options, func(o Option) bool { return o.Value == value }) {
			return "not among the options"
		}
	}
	if f.Validation == nil {
		return ""
	}
	return f.Validation.Check(value)
}

// open reports whether a list takes others than its options: every method but basic implies that
// (XEP-0122#usecases-validation).
func (f *Field) open() bool {
	return f.Validation != nil && f.Validation.Method != "" && f.Validation.Method != Basic
}

// checkCount judges how many values a list-multi has (XEP-0122#usecases-ranges).
func (f *Field) checkCount(n int) string {
	v := f.Validation
	switch {
	case v == nil || f.Type != ListMulti:
		return ""
	case n < v.ListMin:
		return fmt.Sprintf("fewer than %d", v.ListMin)
	case v.ListMax > 0 && n > v.ListMax:
		return fmt.Sprintf("more than %d", v.ListMax)
	}
	return ""
}

// Submit fills in the form and returns what to send. Fields not among the values keep what the form proposes, but those that
// it is not certain of (Field.NotSame) are left out, as are texts and fields without any value.
// The error is that of Check, or a stanza.NotAcceptable for a var that the form does not have: both are for the caller, so
// that a mistake need not travel.
func (f *Form) Submit(values map[string][]string) (*Form, error) {
	for v := range values {
		if f.Field(v) == nil {
			return nil, stanza.NotAcceptable.With("%s: no such field", v)
		}
	}
	s := &Form{Type: TypeSubmit}
	for i := range f.Fields {
		field := &f.Fields[i]
		given, edited := values[field.Var]
		if !edited {
			given = field.Values
		}
		if field.Type == Fixed || !edited && (field.NotSame || len(given) == 0) {
			continue
		}
		s.Fields = append(s.Fields, Field{Var: field.Var, Type: field.Type, Values: slices.Clone(given)})
	}
	return s, f.Check(s)
}
