package control

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// dimmer and dimmerForm are those of XEP-0325#controlform, with a group.
var dimmer = []Parameter{
	{
		Name: "FadeTimeMilliseconds", Type: Int, Label: "Fade Time (ms):", Desc: "Time in milliseconds used to fade the light to the desired level.",
		Min: "0", Max: "4095", Page: "Output", Value: "300", Group: "fade",
	},
	{Name: "OutputPercent", Type: Int, Label: "Output (%):", Desc: "Dimmer output, in percent.", Min: "0", Max: "100", Page: "Output", Value: "100", Group: "fade"},
	{Name: "MainSwitch", Type: Boolean, Label: "Main switch", Desc: "If the dimmer is turned on or off.", Page: "Output", Value: "true"},
}

const dimmerForm = `<x xmlns='jabber:x:data' type='form'><title>Dimmer</title>` +
	`<page xmlns='http://jabber.org/protocol/xdata-layout' label='Output'><fieldref var='FadeTimeMilliseconds'/><fieldref var='OutputPercent'/>` +
	`<fieldref var='MainSwitch'/></page>` +
	`<field var='FadeTimeMilliseconds' type='text-single' label='Fade Time (ms):'>` +
	`<desc>Time in milliseconds used to fade the light to the desired level.</desc><value>300</value>` +
	`<validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:int'><range min='0' max='4095'/></validate>` +
	`<notSame xmlns='urn:xmpp:xdata:dynamic'/><parameterGroup xmlns='urn:xmpp:iot:control' name='fade'/></field>` +
	`<field var='OutputPercent' type='text-single' label='Output (%):'><desc>Dimmer output, in percent.</desc><value>100</value>` +
	`<validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:int'><range min='0' max='100'/></validate>` +
	`<notSame xmlns='urn:xmpp:xdata:dynamic'/><parameterGroup xmlns='urn:xmpp:iot:control' name='fade'/></field>` +
	`<field var='MainSwitch' type='boolean' label='Main switch'><desc>If the dimmer is turned on or off.</desc><value>true</value>` +
	`<validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:boolean'><basic/></validate>` +
	`<notSame xmlns='urn:xmpp:xdata:dynamic'/></field></x>`

func TestMakeForm(t *testing.T) {
	f := MakeForm(iot.XSF, "Dimmer", dimmer)
	if got := f.Element().String(); got != dimmerForm {
		t.Errorf("made\n%s, want\n%s", got, dimmerForm)
	}
	if got := Parameters(f); !reflect.DeepEqual(got, dimmer) {
		t.Errorf("read\n%+v, want\n%+v", got, dimmer)
	}
	short := MakeForm(iot.NFI, "Dimmer", dimmer).Element().String()
	if want := strings.ReplaceAll(dimmerForm, "<parameterGroup xmlns='urn:xmpp:iot:control'", "<pGroup xmlns='urn:nfi:iot:ctr:1.0'"); short != want {
		t.Errorf("made\n%s, want\n%s", short, want)
	}
}

// Every type comes back from a form, but an Enum as a String with options: forms do not name enumerations.
func TestFormTypes(t *testing.T) {
	var all []Parameter
	for typ := Boolean; typ <= Time; typ++ {
		if typ != Enum {
			all = append(all, Parameter{Name: typ.String(), Label: "L", Type: typ})
		}
	}
	if got := Parameters(MakeForm(iot.NF, "", all)); !reflect.DeepEqual(got, all) {
		t.Errorf("read\n%+v, want\n%+v", got, all)
	}
	options := []form.Option{{Label: "Automatic", Value: "Auto"}, {Value: "Off"}}
	f := MakeForm(iot.NF, "", []Parameter{{Name: "Mode", Type: Enum, Options: options}, {Name: "Colour", Type: Color, Value: "3399FFC0"}})
	got := Parameters(f)
	if f.Field("Mode").Type != form.ListSingle || got[0].Type != String || !reflect.DeepEqual(got[0].Options, options) || got[0].Label != "Mode" {
		t.Errorf("read %+v", got[0])
	}
	if f.Field("Colour").Validation.Datatype != form.ColorAlpha || got[1].Type != Color {
		t.Errorf("read %+v", got[1])
	}
}

// What others put into forms: fields without validation, sections, groups by the schema's name, a session.
func TestParametersOfOtherForms(t *testing.T) {
	f, err := form.Parse(element(t, `<x xmlns='jabber:x:data' type='form'><page xmlns='http://jabber.org/protocol/xdata-layout' label='P'>`+
		`<section label='S'><fieldref var='A'/></section></page><field var='xdd session' type='hidden'><value>1</value></field><field type='fixed'><value>Text</value></field>`+
		`<field var='A' type='text-single'><pGroup xmlns='urn:ieee:iot:ctr:1.0' n='g'/></field>`+
		`<field var='B' type='text-single'><validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='x:own'/></field></x>`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Parameter{{Name: "A", Type: String, Page: "P", Group: "g"}, {Name: "B", Type: String}}
	if got := Parameters(f); !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v", got)
	}
}

func TestFormRequest(t *testing.T) {
	for _, text := range []string{
		`<getForm xmlns='urn:xmpp:iot:control' xml:lang='en'/>`,
		`<getForm xmlns='urn:xmpp:iot:control' deviceToken='a' xml:lang='en'><node nodeId='DigitalOutput1'/><node nodeId='DigitalOutput2'/></getForm>`,
		`<getForm xmlns='urn:nfi:iot:ctr:1.0'/>`,
	} {
		r, err := ParseFormRequest(element(t, text))
		if err != nil || r.Element().String() != element(t, text).String() {
			t.Errorf("%s: %+v, %v", text, r, err)
		}
	}
	for _, text := range []string{
		`<getForm xmlns='urn:xmpp:iot:sensordata'/>`, `<set xmlns='urn:xmpp:iot:control'/>`, `<getForm xmlns='urn:nfi:iot:ctr:1.0'><nd/></getForm>`,
		`<getForm xmlns='urn:nf:iot:ctr:1.0' ut='` + strings.Repeat("t ", iot.MaxTokens+1) + `'/>`,
	} {
		if _, err := ParseFormRequest(element(t, text)); !errors.Is(err, stanza.BadRequest) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAccept(t *testing.T) {
	number := Parameter{Name: "N", Type: Double, Min: "-180", Max: "180"}
	mode := Parameter{Name: "M", Type: Enum, EnumType: "Mode", Options: []form.Option{{Value: "Auto"}, {Value: "Off"}}}
	alarm := Parameter{Name: "A", Type: Time, Min: "06:00:00", Max: "22:00:00"}
	for _, c := range []struct {
		p    Parameter
		v    Value
		want string // what is wrong
	}{
		{number, Value{"N", Double, "180", ""}, ""},
		{number, Value{"N", Double, "180.1", ""}, "Invalid parameter value."},
		{number, Value{"N", Int, "-180", ""}, ""},
		{number, Value{"N", Long, "-181", ""}, "Invalid parameter value."},
		{number, Value{"N", Untyped, "1e1", ""}, ""},
		{number, Value{"N", Untyped, "NaN", ""}, "Invalid parameter value."},
		{number, Value{"N", Untyped, "ten", ""}, "Invalid parameter value."},
		{number, Value{"N", Boolean, "1", ""}, "Invalid parameter type."},
		{number, Value{"N", String, "1", ""}, "Invalid parameter type."},
		{mode, Value{"M", Enum, "Auto", "Mode"}, ""},
		{mode, Value{"M", String, "Off", ""}, ""},
		{mode, Value{"M", String, "auto", ""}, "Invalid parameter value."},
		{alarm, Value{"A", Time, "08:00:00", ""}, ""},
		{alarm, Value{"A", Time, "23:00:00", ""}, "Invalid parameter value."},
		{Parameter{Name: "I", Type: Int}, Value{"I", Long, "1", ""}, "Invalid parameter type."},
		{Parameter{Name: "I", Type: Int}, Value{"I", Double, "1", ""}, "Invalid parameter type."},
		{Parameter{Name: "L", Type: Long}, Value{"L", Int, "1", ""}, ""},
		{Parameter{Name: "S", Type: String}, Value{"S", Enum, "x", "E"}, ""},
		{Parameter{Name: "B", Type: Boolean}, Value{"B", Untyped, "1", ""}, ""},
		{Parameter{Name: "C", Type: Color}, Value{"C", Untyped, "3399FF", ""}, ""},
		{Parameter{Name: "S", Type: String, Min: "a"}, Value{"S", String, "x", ""}, "Invalid parameter value."},
	} {
		got, err := c.p.Accept(c.v, iot.NF)
		name, text, _ := ParamOf(err)
		if text != c.want || err != nil && name != c.p.Name {
			t.Errorf("%s for %s: %v", c.v.Text, c.p.Name, err)
		}
		if want := (Value{c.p.Name, c.p.Type, c.v.Text, c.p.EnumType}); err == nil && got != want {
			t.Errorf("%s for %s: %+v", c.v.Text, c.p.Name, got)
		}
	}
}

func fuzzForm(t *testing.T, el *xmlstream.Element) {
	f, err := form.Parse(el)
	if err != nil {
		return
	}
	for _, p := range Parameters(f) {
		if v, err := p.Accept(Value{Name: p.Name, Text: p.Value}, iot.XSF); err == nil && v.Type.Check(v.Text) != nil {
			t.Errorf("%+v accepts %+v", p, v)
		}
	}
}
