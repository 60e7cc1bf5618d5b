package control

import (
	"errors"
	"image/color"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

var generations = []iot.Generation{iot.XSF, iot.IEEE, iot.NF, iot.NFI}

func element(t testing.TB, s string) *xmlstream.Element {
	t.Helper()
	el, err := xmlstream.Parse([]byte(s), xmlstream.Limits{})
	if err != nil {
		t.Fatalf("%v in %s", err, s)
	}
	return el
}

func parseCommand(t testing.TB, s string) *Command {
	t.Helper()
	c, err := ParseCommand(element(t, s))
	if err != nil {
		t.Fatalf("%v in %s", err, s)
	}
	return c
}

// longCommands are the examples of XEP-0325.
var longCommands = []string{
	`<set xmlns='urn:xmpp:iot:control'><boolean name='Output' value='true'/></set>`,
	`<set xmlns='urn:xmpp:iot:control'><int name='Output' value='50000'/></set>`,
	`<set xmlns='urn:xmpp:iot:control'><long name='Output' value='500000000000000'/></set>`,
	`<set xmlns='urn:xmpp:iot:control'><string name='Row1' value='Temperature: 21.4 °C'/></set>`,
	`<set xmlns='urn:xmpp:iot:control'><double name='4-20mA' value='8.192'/></set>`,
	`<set xmlns='urn:xmpp:iot:control'><date name='TariffStartDate' value='2013-05-01'/></set>`,
	`<set xmlns='urn:xmpp:iot:control'><time name='Alarm Time' value='08:00:00'/></set>`,
	`<set xmlns='urn:xmpp:iot:control'><dateTime name='Alarm Time' value='2013-04-02T08:00:00'/></set>`,
	`<set xmlns='urn:xmpp:iot:control'><duration name='Alarm Duration' value='PT3M30S'/></set>`,
	`<set xmlns='urn:xmpp:iot:control'><color name='Color' value='3399FF'/></set>`,
	`<set xmlns='urn:xmpp:iot:control'><int name='FadeTimeMilliseconds' value='500'/><int name='OutputPercent' value='10'/></set>`,
	`<set xmlns='urn:xmpp:iot:control' serviceToken='a' userToken='b'><node nodeId='DigitalOutput1'/><node nodeId='DigitalOutput2' sourceId='s'/>` +
		`<boolean name='Output' value='false'/></set>`,
}

// shortCommands are those of Control Simple Actions, and one of all types; NS stands for the generations that have them.
var shortCommands = []string{
	`<set xmlns='NS'><b n='MainSwitch' v='true'/><db n='HorizontalAngle' v='0'/><db n='ElevationAngle' v='0'/></set>`,
	`<set xmlns='NS' st='a' dt='b' ut='c'><nd id='n' src='s' pt='p'/><b n='A' v='0'/><cl n='B' v='3399FFC0'/><d n='C' v='2013-05-01'/>` +
		`<dt n='D' v='2013-04-02T08:00:00Z'/><db n='E' v='1e-3'/><dr n='F' v='PT1M'/><e n='G' v='Auto' t='Mode'/><i n='H' v='-1'/>` +
		`<l n='I' v='500000000000000'/><s n='J' v='&lt;&amp;&gt;'/><t n='K' v='08:00:00'/></set>`,
}

func TestCommandExamples(t *testing.T) {
	texts := append([]string(nil), longCommands...)
	for _, g := range generations[1:] {
		for _, text := range shortCommands {
			texts = append(texts, strings.ReplaceAll(text, "NS", Family.NS(g)))
		}
	}
	for _, text := range texts {
		c := parseCommand(t, text)
		if got := c.Element().String(); got != element(t, text).String() {
			t.Errorf("%+v is written\n%s, want\n%s", c, got, text)
		}
	}
	c := parseCommand(t, strings.ReplaceAll(shortCommands[1], "NS", Family.NS(iot.NF)))
	for i, v := range c.Values {
		if int(v.Type) != i+1 {
			t.Errorf("%s is of type %s", v.Name, v.Type)
		}
	}
}

// XEP-0325#forms: the form's session is no parameter, and types are not sent back by all.
func TestCommandByForm(t *testing.T) {
	const text = `<set xmlns='urn:xmpp:iot:control' xml:lang='en'><x type='submit' xmlns='jabber:x:data'>` +
		`<field var='xdd session' type='hidden'><value>325ED0F3-9A9A-45A4-9634-4E0D41C5EA06</value></field>` +
		`<field var='FadeTimeMilliseconds' type='text-single'><value>500</value></field>` +
		`<field var='OutputPercent'><value>10</value></field><field var='MainSwitch'/></x></set>`
	for _, s := range []string{text, strings.Replace(text, " type='hidden'", "", 1), strings.ReplaceAll(text, "urn:xmpp:iot:control", "urn:nfi:iot:ctr:1.0")} {
		c := parseCommand(t, s)
		want := []Value{{"FadeTimeMilliseconds", Untyped, "500", ""}, {"OutputPercent", Untyped, "10", ""}}
		if !c.Form || !reflect.DeepEqual(c.Values, want) {
			t.Errorf("read %+v", c)
		}
		if again := parseCommand(t, c.Element().String()); !reflect.DeepEqual(c, again) {
			t.Errorf("%+v became %+v", c, again)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	at := time.Date(2018, 12, 25, 9, 27, 53, 0, time.UTC)
	all := []Value{
		NewBool("A", true),
		NewColor("B", color.NRGBA{1, 2, 3, 255}),
		NewColor("B", color.NRGBA{1, 2, 3, 4}),
		NewTime("C", Date, at),
		NewTime("D", DateTime, at),
		NewTime("E", Time, at),
		NewDouble("F", -0.5),
		NewDuration("G", time.Minute),
		NewInt("H", -5),
		NewLong("I", 1<<40),
		NewText("J", "<&'\">"),
		{"K", Enum, "Auto", "Mode"},
	}
	rapid.Check(t, func(t *rapid.T) {
		c := &Command{Generation: rapid.SampledFrom(generations).Draw(t, "generation")}
		for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(all)-1), 1, len(all), rapid.ID).Draw(t, "values") {
			v := all[i]
			if c.Generation == iot.XSF && v.Type == Enum {
				v.Type, v.EnumType = String, ""
			}
			c.Values = append(c.Values, v)
		}
		got, err := ParseCommand(c.Element())
		if err != nil || got.Generation != c.Generation || !reflect.DeepEqual(got.Values, c.Values) {
			t.Fatalf("%v: %+v became %+v", err, c, got)
		}
	})
}

// Smack writes <bool/>, and its things read nothing else; others read <boolean/>.
func TestSmackBool(t *testing.T) {
	c := parseCommand(t, `<set xmlns='urn:xmpp:iot:control'><bool name='A' value='true'/></set>`)
	if len(c.Values) != 1 || c.Values[0] != NewBool("A", true) {
		t.Errorf("read %+v", c.Values)
	}
	const plain = `<set xmlns='urn:xmpp:iot:control'><boolean name='A' value='true'/></set>`
	if got := c.Element().String(); got != plain {
		t.Errorf("written %s", got)
	}
	c.Smack = true
	const both = `<set xmlns='urn:xmpp:iot:control'><boolean name='A' value='true'/><bool name='A' value='true'/></set>`
	if got := c.Element().String(); got != both {
		t.Errorf("written %s", got)
	}
	if again := parseCommand(t, both); len(again.Values) != 1 {
		t.Errorf("read %+v", again.Values)
	}
}

func TestCommandRefuses(t *testing.T) {
	wrap := func(inner string) string { return `<set xmlns='urn:nf:iot:ctr:1.0'>` + inner + `</set>` }
	for _, c := range []struct {
		text, param string
		want        stanza.Condition
	}{
		{`<set xmlns='urn:xmpp:iot:sensordata'/>`, "", stanza.BadRequest},
		{`<getForm xmlns='urn:xmpp:iot:control'/>`, "", stanza.BadRequest},
		{wrap(``), "", stanza.BadRequest},
		{wrap(`<nd/>`), "", stanza.BadRequest},
		{wrap(`<b v='true'/>`), "", stanza.BadRequest},
		{wrap(`<b n='` + strings.Repeat("n", MaxName+1) + `' v='true'/>`), "", stanza.BadRequest},
		{wrap(`<b n='A' v='on'/>`), "A", stanza.BadRequest},
		{wrap(`<b n='A'/>`), "A", stanza.BadRequest},
		{wrap(`<i n='A' v='3000000000'/>`), "A", stanza.BadRequest},
		{wrap(`<db n='A' v='NaN'/>`), "A", stanza.BadRequest},
		{wrap(`<db n='A' v='INF'/>`), "A", stanza.BadRequest},
		{wrap(`<cl n='A' v='red'/>`), "A", stanza.BadRequest},
		{wrap(`<cl n='A' v='3399FFC'/>`), "A", stanza.BadRequest},
		{wrap(strings.Repeat(`<i n='A' v='0'/>`, 2) + manyValues(MaxValues)), "", stanza.BadRequest},
		{wrap(`<x xmlns='jabber:x:data' type='form'><field var='A'><value>1</value></field></x>`), "", stanza.BadRequest},
		{wrap(`<x xmlns='jabber:x:data' type='submit'/>`), "", stanza.BadRequest},
		{wrap(`<x xmlns='jabber:x:data' type='submit'><field var='` + strings.Repeat("n", MaxName+1) + `'><value/></field></x>`), "", stanza.BadRequest},
		{wrap(`<x xmlns='jabber:x:data' type='submit'>` + strings.Repeat("<field/>", 600) + `</x>`), "", stanza.ResourceConstraint},
		{`<set xmlns='urn:nf:iot:ctr:1.0' ut='` + strings.Repeat("t ", iot.MaxTokens+1) + `'/>`, "", stanza.BadRequest},
	} {
		_, err := ParseCommand(element(t, c.text))
		name, _, _ := ParamOf(err)
		if !errors.Is(err, c.want) || name != c.param {
			t.Errorf("%s: %v of %q", c.text, err, name)
		}
	}
}

func manyValues(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`<i n='N` + strings.Repeat("x", i) + `' v='0'/>`)
	}
	return b.String()
}

func TestValues(t *testing.T) {
	if v, err := NewBool("", true).Bool(); !v || err != nil {
		t.Error(v, err)
	}
	if v, err := NewLong("", 1<<40).Int(); v != 1<<40 || err != nil {
		t.Error(v, err)
	}
	if v, err := NewInt("", -5).Float(); v != -5 || err != nil {
		t.Error(v, err)
	}
	if v, err := NewDuration("", time.Minute).Duration(); v.Rest != time.Minute || err != nil {
		t.Error(v, err)
	}
	at := time.Date(2018, 12, 25, 9, 27, 53, 0, time.UTC)
	for _, typ := range []Type{Date, DateTime, Time} {
		if v, err := NewTime("", typ, at).Time(); err != nil || typ != Time && v.Day() != 25 || typ != Date && v.Minute() != 27 {
			t.Error(typ, v, err)
		}
	}
	for _, c := range []color.NRGBA{{1, 2, 3, 255}, {1, 2, 3, 4}} {
		if v, err := NewColor("", c).Color(); v != c || err != nil {
			t.Error(v, err)
		}
	}
	text := NewText("", "true")
	_, notBool := text.Bool()
	_, notInt := text.Int()
	_, notFloat := text.Float()
	_, notTime := text.Time()
	_, notDuration := text.Duration()
	_, notColor := text.Color()
	for i, err := range []error{notBool, notInt, notFloat, notTime, notDuration, notColor, Type(99).Check("")} {
		if err == nil {
			t.Errorf("%d: a text was taken for something else", i)
		}
	}
	if Untyped.String() != "unknown" || Enum.String() != "enum" || Color.String() != "color" {
		t.Error("names of types")
	}
}

func TestResponse(t *testing.T) {
	r := &Response{Nodes: []iot.Node{{ID: "a"}}, Parameters: []string{"A", "B"}}
	for _, g := range generations {
		got, err := ParseResponse(r.Element(g))
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("%s: %+v, %v", g, got, err)
		}
	}
	for text, want := range map[string]string{
		`<setResponse xmlns='urn:xmpp:iot:control' responseCode='OK'><node nodeId='a'/><parameter name='A'/><parameter name='B'/></setResponse>`: r.Element(iot.XSF).String(),
		`<resp xmlns='urn:nf:iot:ctr:1.0'><nd id='a'/><p n='A'/><p n='B'/></resp>`:                                                               r.Element(iot.NF).String(),
	} {
		if text != want {
			t.Errorf("written %s, want %s", want, text)
		}
	}
	for _, s := range []string{
		`<resp xmlns='urn:xmpp:iot:control'/>`,
		`<resp xmlns='urn:nf:iot:ctr:1.0'><nd/></resp>`,
		`<resp xmlns='urn:nf:iot:ctr:1.0'>` + strings.Repeat("<p n='a'/>", MaxValues+1) + `</resp>`,
	} {
		if _, err := ParseResponse(element(t, s)); !errors.Is(err, stanza.BadRequest) {
			t.Errorf("%s: %v", s, err)
		}
	}
}

// The first generation and the schema say var, existing clients of the others n: both are read, and written there.
func TestParamError(t *testing.T) {
	for text, want := range map[string]string{
		`<paramError xmlns='urn:xmpp:iot:control' var='Output'>Invalid parameter type.</paramError>`: "Output",
		`<paramError xmlns='urn:nf:iot:ctr:1.0' n='Output'>Invalid parameter type.</paramError>`:     "Output",
		`<paramError xmlns='urn:nfi:iot:ctr:1.0' var='Output'>Invalid parameter type.</paramError>`:  "Output",
		`<paramError xmlns='urn:nfi:iot:ctr:1.0'>Invalid parameter type.</paramError>`:               "",
		`<other xmlns='urn:nfi:iot:ctr:1.0' var='Output'/>`:                                          "",
	} {
		name, _, ok := ParamOf(stanza.BadRequest.With("").WithApp(element(t, text)))
		if name != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", text, name, ok)
		}
	}
	if _, _, ok := ParamOf(errors.New("other")); ok {
		t.Error("another error")
	}
	if _, _, ok := ParamOf(stanza.BadRequest.With("")); ok {
		t.Error("an error without")
	}
	e := paramError(stanza.BadRequest, iot.NF, "P", "bad")
	if e.App.String() != `<paramError xmlns='urn:nf:iot:ctr:1.0' var='P' n='P'>bad</paramError>` {
		t.Errorf("%s", e.App)
	}
}

func FuzzControl(f *testing.F) {
	for _, s := range longCommands {
		f.Add(s)
	}
	for _, s := range shortCommands {
		f.Add(strings.ReplaceAll(s, "NS", "urn:nf:iot:ctr:1.0"))
	}
	f.Add(`<set xmlns='urn:xmpp:iot:control'><x type='submit' xmlns='jabber:x:data'><field var='A'><value>500</value></field></x></set>`)
	f.Add(dimmerForm)
	f.Fuzz(func(t *testing.T, s string) {
		el, err := xmlstream.Parse([]byte(s), xmlstream.Limits{})
		if err != nil {
			return
		}
		if c, err := ParseCommand(el); err == nil && !(c.Form && mixed(c)) {
			again, err := ParseCommand(c.Element())
			if err != nil || !reflect.DeepEqual(c, again) {
				t.Errorf("%v: %+v became %+v", err, c, again)
			}
		}
		if r, err := ParseFormRequest(el); err == nil {
			if again, err := ParseFormRequest(r.Element()); err != nil || !reflect.DeepEqual(r, again) {
				t.Errorf("%v: %+v became %+v", err, r, again)
			}
		}
		if r, err := ParseResponse(el); err == nil {
			if _, err := ParseResponse(r.Element(iot.NF)); err != nil {
				t.Errorf("%v: %+v", err, r)
			}
		}
		fuzzForm(t, el)
	})
}

// mixed reports whether a command has values beside those of its form, or one name twice: it is not written as it was read.
func mixed(c *Command) bool {
	names := make(map[string]bool)
	for _, v := range c.Values {
		if v.Type != Untyped || names[v.Name] {
			return true
		}
		names[v.Name] = true
	}
	return false
}
