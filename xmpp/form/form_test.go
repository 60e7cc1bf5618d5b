package form

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

func element(t testing.TB, s string) *xmlstream.Element {
	t.Helper()
	el, err := xmlstream.Parse([]byte(s), xmlstream.Limits{})
	if err != nil {
		t.Fatalf("%v in %s", err, s)
	}
	return el
}

func parse(t testing.TB, s string) *Form {
	t.Helper()
	f, err := Parse(element(t, s))
	if err != nil {
		t.Fatalf("%v in %s", err, s)
	}
	return f
}

// XEP-0004#examples-config
const botForm = `<x xmlns='jabber:x:data' type='form'>` +
	`<title>Bot Configuration</title><instructions>Fill out this form to configure your new bot!</instructions>` +
	`<field var='FORM_TYPE' type='hidden'><value>jabber:bot</value></field>` +
	`<field type='fixed'><value>Section 1: Bot Info</value></field>` +
	`<field var='botname' type='text-single' label='The name of your bot'/>` +
	`<field var='description' type='text-multi' label='Helpful description of your bot'/>` +
	`<field var='public' type='boolean' label='Public bot?'><required/></field>` +
	`<field var='password' type='text-private' label='Password for special access'/>` +
	`<field var='features' type='list-multi' label='What features will the bot support?'>` +
	`<value>news</value><value>search</value>` +
	`<option label='Contests'><value>contests</value></option><option label='News'><value>news</value></option>` +
	`<option label='Search'><value>search</value></option></field>` +
	`<field var='maxsubs' type='list-single' label='Maximum number of subscribers'><value>20</value>` +
	`<option label='10'><value>10</value></option><option label='20'><value>20</value></option>` +
	`<option label='None'><value>none</value></option></field>` +
	`<field var='invitelist' type='jid-multi' label='People to invite'><desc>Tell all your friends about your new bot!</desc></field></x>`

const botSubmit = `<x xmlns='jabber:x:data' type='submit'>` +
	`<field type='hidden' var='FORM_TYPE'><value>jabber:bot</value></field>` +
	`<field type='text-single' var='botname'><value>The Jabber Google Bot</value></field>` +
	`<field type='text-multi' var='description'><value>This bot enables you to send requests to</value>` +
	`<value>Google and receive the search results right</value></field>` +
	`<field type='boolean' var='public'><value>0</value></field>` +
	`<field type='text-private' var='password'><value>v3r0na</value></field>` +
	`<field type='list-multi' var='features'><value>news</value><value>search</value></field>` +
	`<field type='list-single' var='maxsubs'><value>20</value></field>` +
	`<field type='jid-multi' var='invitelist'><value>juliet@capulet.com</value><value>benvolio@montague.net</value>` +
	`<value>juliet@capulet.com</value></field></x>`

func TestConfiguration(t *testing.T) {
	asked, submit := parse(t, botForm), parse(t, botSubmit)
	if asked.Title != "Bot Configuration" || asked.FormType() != "jabber:bot" || submit.FormType() != "jabber:bot" {
		t.Errorf("parsed %+v", asked)
	}
	if err := asked.Check(submit); err != nil {
		t.Error(err)
	}
	if got := submit.String("description"); got != "This bot enables you to send requests to\nGoogle and receive the search results right" {
		t.Errorf("description is %q", got)
	}
	if public, err := submit.Bool("public", true); public || err != nil {
		t.Errorf("public is %v, %v", public, err)
	}
	if n, err := submit.Int("maxsubs", 0); n != 20 || err != nil {
		t.Errorf("maxsubs is %d, %v", n, err)
	}
	want := []jid.JID{jid.MustParse("juliet@capulet.com"), jid.MustParse("benvolio@montague.net")}
	if got, err := submit.JIDs("invitelist"); !reflect.DeepEqual(got, want) || err != nil {
		t.Errorf("invited are %v, %v", got, err)
	}
}

// XEP-0004#examples-search
const results = `<x xmlns='jabber:x:data' type='result'><title>Joogle Search: verona</title>` +
	`<reported><field var='name'/><field var='url'/></reported>` +
	`<item><field var='name'><value>Comune di Verona</value></field><field var='url'><value>http://www.comune.verona.it/</value></field></item>` +
	`<item><field var='name'><value>benvenuto!</value></field><field var='url'><value>http://www.hellasverona.it/</value></field></item></x>`

// XEP-0141#sectioning, shortened
const pages = `<x xmlns='jabber:x:data' type='form'><title>XSF Application</title>` +
	`<page xmlns='http://jabber.org/protocol/xdata-layout' label='You'><text>Please</text>` +
	`<section label='Name'><fieldref var='name.first'/><fieldref var='name.last'/></section><fieldref var='jid'/></page>` +
	`<field var='name.first' type='text-single' label='First Name'><required/></field>` +
	`<field var='name.last' type='text-single'/><field var='jid' type='jid-single'/></x>`

// XEP-0336#usecases and XEP-0221#media in one field
const flags = `<x xmlns='jabber:x:data' type='form'><field var='Expression' type='text-single' label='Expression:'>` +
	`<desc>Enter the expression you want to plot.</desc><value>sin(x</value>` +
	`<validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:string'><basic/></validate>` +
	`<media xmlns='urn:xmpp:media-element' width='290' height='80'><uri type='image/jpeg'>cid:sha1+f2@bob.xmpp.org</uri></media>` +
	`<readOnly xmlns='urn:xmpp:xdata:dynamic'/><notSame xmlns='urn:xmpp:xdata:dynamic'/><postBack xmlns='urn:xmpp:xdata:dynamic'/>` +
	`<error xmlns='urn:xmpp:xdata:dynamic'>) expected.</error><pGroup xmlns='urn:nfi:iot:ctr:1.0' name='direction'/></field></x>`

// XEP-0122#usecases and XEP-0331
const validated = `<x xmlns='jabber:x:data' type='form'>` +
	`<field var='date' type='text-single'><validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:dateTime'>` +
	`<range min='2003-10-05T00:00:00-07:00' max='2003-10-24T23:59:59-07:00'/></validate></field>` +
	`<field var='category' type='list-single'><option><value>holiday</value></option>` +
	`<validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:string'><open/></validate></field>` +
	`<field var='ssn' type='text-single'><validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:string'>` +
	`<regex>([0-9]{3})-([0-9]{2})-([0-9]{4})</regex></validate></field>` +
	`<field var='notify' type='list-multi'><option><value>e-mail</value></option><option><value>xmpp</value></option>` +
	`<option><value>phone</value></option><option><value>pager</value></option>` +
	`<validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:string'><basic/><list-range min='2' max='3'/></validate></field>` +
	`<field var='color' type='text-single'><value>9400D3</value>` +
	`<validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xdc:Color'><regex>^[0-9a-fA-F]{6}$</regex></validate></field></x>`

func TestRoundTrip(t *testing.T) {
	for name, text := range map[string]string{
		"configuration": botForm, "submit": botSubmit, "results": results, "pages": pages, "flags": flags, "validated": validated,
	} {
		f := parse(t, text)
		again, err := Parse(f.Element())
		if err != nil || !reflect.DeepEqual(f, again) {
			t.Errorf("%s: %v\n%+v became\n%+v", name, err, f, again)
		}
		if got := f.Element(); name != "submit" && got.String() != element(t, text).String() {
			t.Errorf("%s: written as\n%s, read as\n%s", name, got, element(t, text))
		}
	}
}

func TestParseRefuses(t *testing.T) {
	field := "<field var='a' type='text-single'/>"
	for _, c := range []struct {
		name, form string
		want       stanza.Condition
	}{
		{"another element", `<y xmlns='jabber:x:data' type='form'/>`, stanza.BadRequest},
		{"no type", `<x xmlns='jabber:x:data'/>`, stanza.BadRequest},
		{"an unknown type", `<x xmlns='jabber:x:data' type='error'/>`, stanza.BadRequest},
		{"a var twice", `<x xmlns='jabber:x:data' type='form'>` + field + field + `</x>`, stanza.BadRequest},
		{"no var", `<x xmlns='jabber:x:data' type='form'><field type='boolean'/></x>`, stanza.BadRequest},
		{"a negative width", `<x xmlns='jabber:x:data' type='form'><field var='a'><media xmlns='urn:xmpp:media-element' width='-1'/></field></x>`, stanza.BadRequest},
		{"a list-range in words", `<x xmlns='jabber:x:data' type='form'><field var='a'><validate xmlns='` + NSValidate + `'><list-range min='one'/></validate></field></x>`, stanza.BadRequest},
		{"too many fields", `<x xmlns='jabber:x:data' type='form'>` + strings.Repeat("<field/>", MaxFields+1) + `</x>`, stanza.ResourceConstraint},
		{"too many fields in a row", `<x xmlns='jabber:x:data' type='result'><item>` + strings.Repeat("<field/>", MaxFields+1) + `</item></x>`, stanza.ResourceConstraint},
		{"too many rows", `<x xmlns='jabber:x:data' type='result'>` + strings.Repeat("<item/>", MaxItems+1) + `</x>`, stanza.ResourceConstraint},
		{"too many values", `<x xmlns='jabber:x:data' type='form'><field var='a'>` + strings.Repeat("<value/>", MaxValues+1) + `</field></x>`, stanza.ResourceConstraint},
		{"too many options", `<x xmlns='jabber:x:data' type='form'><field var='a'>` + strings.Repeat("<option/>", MaxValues+1) + `</field></x>`, stanza.ResourceConstraint},
		{"too long a value", `<x xmlns='jabber:x:data' type='form'><field var='a'><value>` + strings.Repeat("v", MaxValue+1) + `</value></field></x>`, stanza.ResourceConstraint},
		{"too long a pattern", `<x xmlns='jabber:x:data' type='form'><field var='a'><validate xmlns='` + NSValidate + `'><regex>` + strings.Repeat("v", maxPattern+1) + `</regex></validate></field></x>`, stanza.ResourceConstraint},
		{"too many sections", `<x xmlns='jabber:x:data' type='form'><page xmlns='` + NSLayout + `'>` + strings.Repeat("<section/>", maxPages) + `</page></x>`, stanza.ResourceConstraint},
	} {
		if _, err := Parse(element(t, c.form)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

// XEP-0004#protocol-fieldtypes: what is not understood is text-single; XEP-0004#protocol-field: so is what has no type.
func TestFieldTypes(t *testing.T) {
	f := parse(t, `<x xmlns='jabber:x:data' type='form'><field var='a' type='colour'/><field var='b'/><field><value>c</value></field></x>`)
	if f.Field("a").Type != TextSingle || f.Field("b").Type != TextSingle || f.Fields[2].Type != Fixed {
		t.Errorf("parsed %+v", f.Fields)
	}
	if s := parse(t, `<x xmlns='jabber:x:data' type='submit'><field var='b'/></x>`); s.Field("b").Type != "" {
		t.Errorf("a submit got the type %q", s.Field("b").Type)
	}
}

// XEP-0068#usecases-incorrect and #impl
func TestFormType(t *testing.T) {
	for _, c := range []struct{ formType, fieldType, want string }{
		{"form", "hidden", "u"},
		{"form", "text-single", ""},
		{"result", "hidden", "u"},
		{"result", "", ""},
		{"submit", "", "u"},
		{"submit", "hidden", "u"},
	} {
		f := parse(t, `<x xmlns='jabber:x:data' type='`+c.formType+`'><field var='FORM_TYPE' type='`+c.fieldType+`'><value>u</value></field></x>`)
		if got := f.FormType(); got != c.want {
			t.Errorf("%s in %s: %q, want %q", c.fieldType, c.formType, got, c.want)
		}
	}
	if got := New(TypeForm, "").FormType(); got != "" {
		t.Errorf("no field: %q", got)
	}
}

func TestFind(t *testing.T) {
	if f, err := Find(element(t, `<query xmlns='jabber:iq:register'>`+results+`</query>`)); err != nil || f == nil || len(f.Items) != 2 {
		t.Errorf("found %+v, %v", f, err)
	}
	if f, err := Find(element(t, `<query xmlns='jabber:iq:register'/>`)); f != nil || err != nil {
		t.Errorf("found %+v, %v where there is none", f, err)
	}
}

func TestGettersOfAbsentAndBad(t *testing.T) {
	f := New(TypeSubmit, "u", Value("bad", "x y"), Field{Var: "empty", Values: []string{""}})
	for _, v := range []string{"none", "empty"} {
		if b, err := f.Bool(v, true); !b || err != nil {
			t.Errorf("%s: %v, %v", v, b, err)
		}
		if n, err := f.Int(v, 7); n != 7 || err != nil {
			t.Errorf("%s: %d, %v", v, n, err)
		}
		if j, err := f.JID(v); !j.IsZero() || err != nil {
			t.Errorf("%s: %v, %v", v, j, err)
		}
		if j, err := f.JIDs(v); len(j) != 0 || err != nil {
			t.Errorf("%s: %v, %v", v, j, err)
		}
	}
	_, notBool := f.Bool("bad", false)
	_, notInt := f.Int("bad", 0)
	_, notJID := f.JID("bad")
	_, notJIDs := f.JIDs("bad")
	for _, err := range []error{notBool, notInt, notJID, notJIDs} {
		if !errors.Is(err, stanza.NotAcceptable) {
			t.Errorf("a bad value gives %v", err)
		}
	}
}

func TestLines(t *testing.T) {
	if got := Lines("a\r\nb\rc\n"); !reflect.DeepEqual(got, []string{"a", "b", "c", ""}) {
		t.Errorf("%q", got)
	}
}

func FuzzForm(f *testing.F) {
	const noMethod = `<x xmlns='jabber:x:data' type='form'><field><validate xmlns='http://jabber.org/protocol/xdata-validate'/></field></x>`
	for _, s := range []string{botForm, botSubmit, results, pages, flags, validated, noMethod, `<x xmlns='jabber:x:data' type='cancel'/>`} {
		f.Add(s)
	}
	bot := parse(f, botForm)
	f.Fuzz(func(t *testing.T, s string) {
		el, err := xmlstream.Parse([]byte(s), xmlstream.Limits{})
		if err != nil {
			return
		}
		got, err := Parse(el)
		if err != nil {
			return
		}
		again, err := Parse(got.Element())
		if err != nil || !reflect.DeepEqual(got, again) {
			t.Errorf("%v: %+v became %+v", err, got, again)
		}
		got.Problems(bot)
		if bot.Check(got) == nil && got.Type != TypeSubmit {
			t.Error("accepted what was not submitted")
		}
	})
}
