package control

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

var (
	primary = jid.MustParse("primary@example.org/amr")
	device  = jid.MustParse("device@example.org/r")
)

// rack is a concentrator, or with the empty node a thing.
type rack struct {
	nodes   map[string][]Parameter
	refused error
	grant   *Access // nil for all
	locked  string  // the node that cannot be set
	set     []string
}

func (r *rack) Admit(_ context.Context, _ jid.JID, asked Access) (Access, error) {
	if r.grant != nil {
		return *r.grant, r.refused
	}
	return asked, r.refused
}

func (r *rack) Parameters(_ context.Context, n iot.Node) ([]Parameter, error) {
	p, ok := r.nodes[n.ID]
	if !ok {
		return nil, stanza.ItemNotFound.With("no such node")
	}
	return p, nil
}

func (r *rack) Set(_ context.Context, n iot.Node, values []Value) error {
	if n.ID == r.locked && r.locked != "" {
		return stanza.Conflict.With("locked")
	}
	for _, v := range values {
		r.set = append(r.set, fmt.Sprintf("%s%s %s=%s", n.ID, v.Type, v.Name, v.Text))
	}
	return nil
}

func newDimmer() *rack { return &rack{nodes: map[string][]Parameter{"": dimmer}} }

func newRack() *rack {
	digital := []Parameter{{Name: "Output", Type: Boolean, Value: "true"}, {Name: "Only", Type: Boolean}}
	return &rack{nodes: map[string][]Parameter{
		"DigitalOutput1": digital,
		"DigitalOutput2": {{Name: "Output", Type: Boolean, Value: "false"}},
		"AnalogOutput1":  {{Name: "Output", Type: Int, Min: "0", Max: "10"}},
	}}
}

func answer(t *testing.T, r *rack, id, payload string) *stanza.Stanza {
	t.Helper()
	iq := &stanza.IQ{Type: stanza.Set, ID: id, From: primary, To: device, Payload: element(t, payload)}
	s := Answer(t.Context(), iq, r)
	if s.ID != id || s.To != primary || s.From != device {
		t.Errorf("answered %s", s)
	}
	return s
}

func TestAnswerSet(t *testing.T) {
	const nodes = `<node nodeId='DigitalOutput1'/><node nodeId='DigitalOutput2'/>`
	partial := newRack()
	partial.grant = &Access{Nodes: []iot.Node{{ID: "DigitalOutput2"}}, Parameters: []string{"Output"}}
	locked := newRack()
	locked.locked = "DigitalOutput2"
	for _, c := range []struct {
		name, command string
		rack          *rack
		want          string
		set           string
	}{
		{
			"in the first generation", `<set xmlns='urn:xmpp:iot:control'><int name='FadeTimeMilliseconds' value='500'/><int name='OutputPercent' value='10'/></set>`,
			newDimmer(), `<setResponse xmlns='urn:xmpp:iot:control' responseCode='OK'/>`, "[int FadeTimeMilliseconds=500 int OutputPercent=10]",
		},
		{
			// Control Simple Actions: the response says it in full.
			"in the others", `<set xmlns='urn:ieee:iot:ctr:1.0'><b n='MainSwitch' v='true'/><i n='OutputPercent' v='10'/></set>`,
			newDimmer(), `<resp xmlns='urn:ieee:iot:ctr:1.0'><p n='MainSwitch'/><p n='OutputPercent'/></resp>`, "[boolean MainSwitch=true int OutputPercent=10]",
		},
		{
			// XEP-0325#forms; C# sends empty fields too.
			"by a form", `<set xmlns='urn:xmpp:iot:control'><x type='submit' xmlns='jabber:x:data'><field var='xdd session'><value>1</value></field>` +
				`<field var='FadeTimeMilliseconds'><value/></field><field var='OutputPercent'><value>10</value></field><field var='Other'><value>1</value></field></x></set>`,
			newDimmer(), `<setResponse xmlns='urn:xmpp:iot:control' responseCode='OK'><parameter name='OutputPercent'/></setResponse>`, "[int OutputPercent=10]",
		},
		{
			// XEP-0325#concentrator
			"several nodes", `<set xmlns='urn:xmpp:iot:control'>` + nodes + `<boolean name='Output' value='false'/></set>`,
			newRack(), `<setResponse xmlns='urn:xmpp:iot:control' responseCode='OK'/>`, "[DigitalOutput1boolean Output=false DigitalOutput2boolean Output=false]",
		},
		{
			"what is granted", `<set xmlns='urn:xmpp:iot:control'>` + nodes + `<boolean name='Output' value='false'/><boolean name='Only' value='true'/></set>`,
			partial, `<setResponse xmlns='urn:xmpp:iot:control' responseCode='OK'><node nodeId='DigitalOutput2'/><parameter name='Output'/></setResponse>`,
			"[DigitalOutput2boolean Output=false]",
		},
		{
			"what was set until something was locked", `<set xmlns='urn:nf:iot:ctr:1.0'><nd id='DigitalOutput1'/><nd id='DigitalOutput2'/><b n='Output' v='1'/></set>`,
			locked, `<resp xmlns='urn:nf:iot:ctr:1.0'><nd id='DigitalOutput1'/><p n='Output'/></resp>`, "[DigitalOutput1boolean Output=1]",
		},
	} {
		s := answer(t, c.rack, "S", c.command)
		if s.Type != stanza.Result || s.Content.Len() != 1 || s.Content.Element(s.Content.At(0)).String() != c.want {
			t.Errorf("%s: answered %s, want %s", c.name, s, c.want)
		}
		if got := fmt.Sprint(c.rack.set); got != c.set {
			t.Errorf("%s: set %s, want %s", c.name, got, c.set)
		}
	}
}

// XEP-0325#errors
func TestAnswerSetFails(t *testing.T) {
	refused, locked, nothing := newRack(), newRack(), newRack()
	refused.refused = stanza.Forbidden.With("Access denied.")
	locked.locked = "DigitalOutput1"
	nothing.grant = &Access{Parameters: []string{"Other"}}
	const one = `<node nodeId='DigitalOutput1'/>`
	for _, c := range []struct {
		name, inner string
		rack        *rack
		kind        stanza.ErrorKind
		want        stanza.Condition
		param, code string
	}{
		{"denied", one + `<boolean name='Output' value='true'/>`, refused, stanza.Cancel, stanza.Forbidden, "", "InsufficientPrivileges"},
		{"an unknown node", `<node nodeId='None'/><boolean name='Output' value='true'/>`, newRack(), stanza.Cancel, stanza.ItemNotFound, "", "NotFound"},
		{"no node", `<boolean name='Output' value='true'/>`, newRack(), stanza.Cancel, stanza.ItemNotFound, "", "NotFound"},
		{"an unknown parameter", one + `<boolean name='Input' value='true'/>`, newRack(), stanza.Cancel, stanza.ItemNotFound, "Input", "NotFound"},
		{"a wrong type on one of the nodes", one + `<node nodeId='AnalogOutput1'/><boolean name='Output' value='true'/>`, newRack(), stanza.Modify, stanza.BadRequest, "Output", "OtherError"},
		{"out of range", `<node nodeId='AnalogOutput1'/><int name='Output' value='11'/>`, newRack(), stanza.Modify, stanza.BadRequest, "Output", "OtherError"},
		{"locked", one + `<boolean name='Output' value='true'/>`, locked, stanza.Wait, stanza.Conflict, "", "Locked"},
		{"nothing that is granted", one + `<boolean name='Output' value='true'/>`, nothing, stanza.Modify, stanza.BadRequest, "", "OtherError"},
		{"nothing", one, newRack(), stanza.Modify, stanza.BadRequest, "", "OtherError"},
	} {
		for _, id := range []string{"S", "7"} {
			s := answer(t, c.rack, id, `<set xmlns='urn:xmpp:iot:control'>`+c.inner+`</set>`)
			e := stanza.ParseError(s.Child(stanza.Client, "error"))
			name, _, _ := ParamOf(e)
			if e.Condition != c.want || e.Kind != c.kind || name != c.param || len(c.rack.set) > 0 {
				t.Errorf("%s: answered %s, set %s", c.name, s, c.rack.set)
			}
			// The plugin of slixmpp 1.8 counts its stanzas, and looks for a setResponse only.
			if old := s.Child(Family.NS(iot.XSF), "setResponse"); (id == "7") != (old.Attr("responseCode") == c.code) {
				t.Errorf("%s, id %s: answered %s", c.name, id, s)
			}
		}
	}
	if codeOf(stanza.FeatureNotImplemented.With("")) != "NotImplemented" {
		t.Error("NotImplemented")
	}
}

// What the plugin of slixmpp 1.8 sends, and looks for: a responseCode of OK.
func TestSlixmppControls(t *testing.T) {
	r := newRack()
	s := answer(t, r, "1", `<set xmlns='urn:xmpp:iot:control'><node nodeId='DigitalOutput1'/><boolean name='Output' value='true'/></set>`)
	if got := s.Child("urn:xmpp:iot:control", "setResponse"); got.Attr("responseCode") != "OK" || s.Type != stanza.Result {
		t.Errorf("answered %s", s)
	}
	// Its things answer so, and errors without an <error/>.
	answers := requester{element(t, `<setResponse xmlns='urn:xmpp:iot:control' responseCode='OK'/>`), nil}
	done, err := Set(t.Context(), answers, device, Command{Generation: iot.XSF, Values: []Value{NewBool("Output", true)}})
	if err != nil || !slices.Equal(done.Parameters, []string{"Output"}) {
		t.Errorf("%+v, %v", done, err)
	}
}

func TestAnswerGetForm(t *testing.T) {
	s := answer(t, newDimmer(), "3", `<getForm xmlns='urn:xmpp:iot:control' xml:lang='en'/>`)
	if got := s.Child(form.NS, "x").String(); got != strings.Replace(dimmerForm, "Dimmer<", "Control<", 1) {
		t.Errorf("answered %s", got)
	}
	// XEP-0325#concentrator: what is common to the nodes
	s = answer(t, newRack(), "8", `<getForm xmlns='urn:xmpp:iot:control'><node nodeId='DigitalOutput1'/><node nodeId='DigitalOutput2'/></getForm>`)
	f, err := form.Parse(s.Child(form.NS, "x"))
	if err != nil || f.Title != "DigitalOutput1, DigitalOutput2" || len(f.Fields) != 1 || f.String("Output") != "" || !f.Field("Output").NotSame {
		t.Errorf("answered %s, %v", s, err)
	}
	s = answer(t, newRack(), "8", `<getForm xmlns='urn:nf:iot:ctr:1.0'><nd id='DigitalOutput1'/><nd id='DigitalOutput2'/><nd id='AnalogOutput1'/></getForm>`)
	if f, err := form.Parse(s.Child(form.NS, "x")); err != nil || f.Title != "DigitalOutput1, DigitalOutput2, ..." || len(f.Fields) != 0 {
		t.Errorf("answered %s, %v", s, err)
	}
	partial := newDimmer()
	partial.grant = &Access{Parameters: []string{"MainSwitch"}}
	s = answer(t, partial, "8", `<getForm xmlns='urn:nf:iot:ctr:1.0'/>`)
	if f, err := form.Parse(s.Child(form.NS, "x")); err != nil || len(f.Fields) != 1 {
		t.Errorf("answered %s, %v", s, err)
	}
	refused := newDimmer()
	refused.refused = stanza.Forbidden.With("Access denied.")
	for payload, want := range map[string]stanza.Condition{
		`<getForm xmlns='urn:xmpp:iot:control'/>`:             stanza.Forbidden,
		`<getForm xmlns='urn:nf:iot:ctr:1.0'><nd/></getForm>`: stanza.BadRequest,
		`<other xmlns='urn:nf:iot:ctr:1.0'/>`:                 stanza.BadRequest,
	} {
		s := answer(t, refused, "4", payload)
		if e := stanza.ParseError(s.Child(stanza.Client, "error")); e.Condition != want {
			t.Errorf("%s: answered %s", payload, s)
		}
	}
	s = answer(t, newRack(), "4", `<getForm xmlns='urn:xmpp:iot:control'><node nodeId='None'/></getForm>`)
	if e := stanza.ParseError(s.Child(stanza.Client, "error")); e.Condition != stanza.ItemNotFound || s.Content.Len() != 1 {
		t.Errorf("answered %s", s)
	}
}

// XEP-0325#controlcommands: a message is obeyed and never answered.
func TestObey(t *testing.T) {
	for _, g := range generations {
		r := newRack()
		c := Command{Generation: g, Nodes: []iot.Node{{ID: "DigitalOutput1"}}, Values: []Value{NewBool("Output", false)}}
		m := Tell(device, c).Addressed(primary, device)
		if err := Obey(t.Context(), m, r); err != nil || fmt.Sprint(r.set) != "[DigitalOutput1boolean Output=false]" {
			t.Errorf("%s: %v, set %s", g, err, r.set)
		}
		r.refused = stanza.Forbidden
		if err := Obey(t.Context(), m, r); !errors.Is(err, stanza.Forbidden) || len(r.set) != 1 {
			t.Errorf("%s: %v, set %s", g, err, r.set)
		}
	}
	other := stanza.NewMessage(device, stanza.Normal, element(t, `<set xmlns='urn:xmpp:iot:control'/>`))
	if err := Obey(t.Context(), other, newRack()); !errors.Is(err, stanza.BadRequest) {
		t.Error(err)
	}
	if err := Obey(t.Context(), stanza.NewMessage(device, stanza.Chat), newRack()); !errors.Is(err, stanza.BadRequest) {
		t.Error(err)
	}
}

// requester answers every request so.
type requester struct {
	payload *xmlstream.Element
	err     error
}

func (r requester) Request(context.Context, *stanza.IQ) (*xmlstream.Element, error) {
	return r.payload, r.err
}

// line is a session whose requests a thing answers.
type line struct {
	t *testing.T
	a Actuator
}

func (l line) Request(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	s := Answer(ctx, &stanza.IQ{Type: iq.Type, ID: "x", From: primary, To: iq.To, Lang: iq.Lang, Payload: iq.Payload}, l.a)
	if s.Type == stanza.ErrorType {
		return nil, stanza.ParseError(s.Child(stanza.Client, "error"))
	}
	return s.Content.Element(s.Content.At(0)), nil
}

// Both halves together, in each generation: get the form, submit it, set by type, be refused.
func TestControlDevice(t *testing.T) {
	for _, g := range generations {
		d := newDimmer()
		l := line{t, d}
		f, err := GetForm(t.Context(), l, device, FormRequest{Generation: g, Lang: "en"})
		if err != nil || !reflect.DeepEqual(Parameters(f), dimmer) {
			t.Fatalf("%s: %+v, %v", g, f, err)
		}
		filled, err := f.Submit(map[string][]string{"OutputPercent": {"20"}})
		if err != nil {
			t.Fatal(err)
		}
		c, err := ParseCommand(xmlstream.New(Family.NS(g), elemSet, filled.Element()))
		if err != nil {
			t.Fatal(err)
		}
		if done, err := Set(t.Context(), l, device, *c); err != nil || !slices.Equal(done.Parameters, []string{"OutputPercent"}) {
			t.Errorf("%s: %+v, %v", g, done, err)
		}
		typed := Command{Generation: g, Values: []Value{NewInt("FadeTimeMilliseconds", 500), NewBool("MainSwitch", true)}}
		if done, err := Set(t.Context(), l, device, typed); err != nil || len(done.Parameters) != 2 {
			t.Errorf("%s: %+v, %v", g, done, err)
		}
		if got := fmt.Sprint(d.set); got != "[int OutputPercent=20 int FadeTimeMilliseconds=500 boolean MainSwitch=true]" {
			t.Errorf("%s: set %s", g, got)
		}
		_, err = Set(t.Context(), l, device, Command{Generation: g, Values: []Value{NewInt("OutputPercent", 200)}})
		if name, text, ok := ParamOf(err); !ok || name != "OutputPercent" || text != "Invalid parameter value." {
			t.Errorf("%s: %v", g, err)
		}
	}
}

func TestClientErrors(t *testing.T) {
	c := Command{Values: []Value{NewBool("A", true)}}
	if done, err := Set(t.Context(), requester{}, device, c); err != nil || len(done.Parameters) != 1 {
		t.Errorf("an empty result: %+v, %v", done, err)
	}
	other := element(t, `<other xmlns='urn:nf:iot:ctr:1.0'/>`)
	if _, err := Set(t.Context(), requester{other, nil}, device, c); !errors.Is(err, stanza.BadRequest) {
		t.Error(err)
	}
	if _, err := GetForm(t.Context(), requester{nil, stanza.Forbidden}, device, FormRequest{}); !errors.Is(err, stanza.Forbidden) {
		t.Error(err)
	}
	for _, el := range []*xmlstream.Element{nil, other, form.New(form.TypeResult, "").Element()} {
		if _, err := GetForm(t.Context(), requester{el, nil}, device, FormRequest{}); !errors.Is(err, stanza.BadRequest) {
			t.Errorf("%s: %v", el, err)
		}
	}
}

func BenchmarkAnswer(b *testing.B) {
	d := newDimmer()
	iq := &stanza.IQ{Type: stanza.Set, ID: "S", From: primary, To: device, Payload: element(b, longCommands[10])}
	b.ReportAllocs()
	for b.Loop() {
		d.set = d.set[:0]
		if s := Answer(b.Context(), iq, d); s.Type != stanza.Result {
			b.Fatal(s)
		}
	}
}
