package form

import (
	"errors"
	"testing"

	"github.com/comity-iot/comity/xmpp/stanza"
)

func TestCheck(t *testing.T) {
	one := func(f Field) *Form { f.Var = "v"; return New(TypeForm, "u", f) }
	options := []Option{{"One", "1"}, {"Two", "2"}}
	for _, c := range []struct {
		name   string
		form   *Form
		values []string // nil: the field is left out
		want   string   // what is wrong
	}{
		{"a required field", one(Field{Type: TextSingle, Required: true}), nil, "required"},
		{"a required field that is empty", one(Field{Type: TextSingle, Required: true}), []string{""}, "required"},
		{"a field that is not required", one(Field{Type: Boolean}), nil, ""},
		{"an empty boolean", one(Field{Type: Boolean}), []string{""}, ""},
		{"a boolean", one(Field{Type: Boolean}), []string{"1"}, ""},
		{"no boolean", one(Field{Type: Boolean}), []string{"yes"}, "neither true nor false"},
		{"a JID", one(Field{Type: JIDSingle}), []string{"a@b.example"}, ""},
		{"no JID", one(Field{Type: JIDMulti}), []string{"a@b.example", "@"}, "no JID"},
		{"two values", one(Field{Type: TextSingle}), []string{"a", "b"}, "more than one value"},
		{"two lines", one(Field{Type: TextMulti}), []string{"a", "b"}, ""},
		{"an option", one(Field{Type: ListSingle, Options: options}), []string{"2"}, ""},
		{"a label for a value", one(Field{Type: ListSingle, Options: options}), []string{"Two"}, "not among the options"},
		{"one option of two that is none", one(Field{Type: ListMulti, Options: options}), []string{"2", "3"}, "not among the options"},
		{"a list with basic validation", one(Field{Type: ListSingle, Options: options, Validation: &Validation{Method: Basic}}), []string{"3"}, "not among the options"},
		{"an open list", one(Field{Type: ListSingle, Options: options, Validation: &Validation{Method: Open}}), []string{"3"}, ""},
		{"an open list of numbers", one(Field{Type: ListSingle, Validation: &Validation{Datatype: "xs:int", Method: Open}}), []string{"x"}, "not of type xs:int"},
		{"a range of an open list", one(Field{Type: ListSingle, Validation: &Validation{Datatype: "xs:int", Method: Range, Max: "4"}}), []string{"5"}, "more than 4"},
		{"a read-only field as it was", one(Field{Type: TextSingle, ReadOnly: true, Values: []string{"a"}}), []string{"a"}, ""},
		{"a read-only field that was changed", one(Field{Type: TextSingle, ReadOnly: true, Values: []string{"a"}}), []string{"b"}, "read only"},
		{"a hidden field that was changed", one(Field{Type: Hidden, Values: []string{"a"}}), []string{"b"}, ""},
		{"a number in range", one(Field{Type: TextSingle, Validation: &Validation{Datatype: "xs:int", Method: Range, Min: "0", Max: "100"}}), []string{"100"}, ""},
		{"a number below", one(Field{Type: TextSingle, Validation: &Validation{Datatype: "xs:int", Method: Range, Min: "0", Max: "100"}}), []string{"-1"}, "less than 0"},
		{"a bound that is none", one(Field{Type: TextSingle, Validation: &Validation{Datatype: "xs:int", Method: Range, Min: "low"}}), []string{"1"}, ""},
		{"a datatype that nobody knows", one(Field{Type: TextSingle, Validation: &Validation{Datatype: "x:own"}}), []string{"a"}, ""},
		{"a pattern", one(Field{Type: TextSingle, Validation: &Validation{Method: Regex, Pattern: "a|b"}}), []string{"b"}, ""},
		{"a pattern within", one(Field{Type: TextSingle, Validation: &Validation{Method: Regex, Pattern: "a|b"}}), []string{"abc"}, "not of the form wanted"},
		{"a colour", one(Field{Type: TextSingle, Validation: &Validation{Datatype: Color}}), []string{"9400d3"}, ""},
		{"a colour with alpha", one(Field{Type: TextSingle, Validation: &Validation{Datatype: ColorAlpha}}), []string{"9400D3C0"}, ""},
		{"no colour", one(Field{Type: TextSingle, Validation: &Validation{Datatype: Color}}), []string{"9400DX"}, "not of type xdc:Color"},
	} {
		s := New(TypeSubmit, "u")
		if c.values != nil {
			s.Set("v", c.values...)
		}
		got := ""
		if problems := c.form.Problems(s); len(problems) > 0 {
			got = problems[0].Text
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if err := c.form.Check(s); errors.Is(err, stanza.NotAcceptable) != (c.want != "") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// XEP-0122#usecases
func TestCheckOfExamples(t *testing.T) {
	f := parse(t, validated)
	for _, c := range []struct {
		v      string
		values []string
		want   string
	}{
		{"date", []string{"2003-10-06T11:22:00-07:00"}, ""},
		{"date", []string{"2003-10-25T07:00:00Z"}, "more than 2003-10-24T23:59:59-07:00"},
		{"category", []string{"party"}, ""},
		{"ssn", []string{"123-12-1234"}, ""},
		{"ssn", []string{"123-12-12345"}, "not of the form wanted"},
		{"notify", []string{"xmpp"}, "fewer than 2"},
		{"notify", []string{"xmpp", "phone", "e-mail"}, ""},
		{"notify", []string{"xmpp", "phone", "e-mail", "pager"}, "more than 3"},
		{"color", []string{"9400D"}, "not of type xdc:Color"},
	} {
		s := New(TypeSubmit, "", Field{Var: c.v, Values: c.values})
		want := ""
		if c.want != "" {
			want = "not-acceptable: " + c.v + ": " + c.want
		}
		got := ""
		if err := f.Check(s); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s %q: %q, want %q", c.v, c.values, got, want)
		}
	}
}

func TestCheckOfTheWhole(t *testing.T) {
	f := New(TypeForm, "u", Field{Var: "a", Type: Boolean}, Field{Var: "b", Type: Boolean})
	if err := f.Check(New(TypeResult, "u")); err == nil {
		t.Error("a result was taken for a submit")
	}
	if err := f.Check(New(TypeSubmit, "w")); err == nil {
		t.Error("the submit of another form was accepted")
	}
	if err := f.Check(New(TypeSubmit, "", Value("more", "x"))); err != nil {
		t.Errorf("no FORM_TYPE and a field that is not understood: %v", err)
	}
	if got := f.Problems(New(TypeSubmit, "u", Value("a", "x"), Value("b", "y"))); len(got) != 2 || got[1].Var != "b" {
		t.Errorf("problems %v", got)
	}
}

func TestSubmit(t *testing.T) {
	f := parse(t, botForm)
	f.Field("maxsubs").NotSame = true
	s, err := f.Submit(map[string][]string{"public": Bool(true), "invitelist": {"juliet@capulet.com"}, "password": {""}})
	if err != nil {
		t.Fatal(err)
	}
	const want = `<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>jabber:bot</value></field>` +
		`<field var='public' type='boolean'><value>true</value></field><field var='password' type='text-private'><value/></field>` +
		`<field var='features' type='list-multi'><value>news</value><value>search</value></field>` +
		`<field var='invitelist' type='jid-multi'><value>juliet@capulet.com</value></field></x>`
	if got := s.Element().String(); got != element(t, want).String() {
		t.Errorf("submitted\n%s, want\n%s", got, want)
	}
	s.Set("features")
	if len(f.Values("features")) != 2 {
		t.Error("the submit shares its values with the form")
	}
	if _, err := f.Submit(nil); !errors.Is(err, stanza.NotAcceptable) {
		t.Errorf("without what is required: %v", err)
	}
	if _, err := f.Submit(map[string][]string{"public": Bool(true), "pulbic": Bool(true)}); !errors.Is(err, stanza.NotAcceptable) {
		t.Errorf("with a field that is not there: %v", err)
	}
	if got := Int(-5); len(got) != 1 || got[0] != "-5" {
		t.Errorf("Int gives %q", got)
	}
}
