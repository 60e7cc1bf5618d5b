package sensordata

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// longRequests are the examples of XEP-0323, with the time zone that they lack.
var longRequests = []string{
	`<req xmlns='urn:xmpp:iot:sensordata' seqnr='1' momentary='true'/>`,
	`<req xmlns='urn:xmpp:iot:sensordata' seqnr='4' all='true' when='2013-03-07T19:00:00Z'/>`,
	`<req xmlns='urn:xmpp:iot:sensordata' seqnr='5' momentary='true'><node nodeId='Device02'/><node nodeId='Device03'/></req>`,
	`<req xmlns='urn:xmpp:iot:sensordata' seqnr='6' momentary='true'><node nodeId='Device04'/><field name='Energy'/><field name='Power'/></req>`,
	`<req xmlns='urn:xmpp:iot:sensordata' seqnr='7' momentary='true' historicalHour='true' from='2013-03-07T00:00:00Z' to='2013-03-08T00:00:00Z' ` +
		`serviceToken='a' deviceToken='b c' userToken='d'/>`,
	`<req xmlns='urn:xmpp:iot:sensordata' seqnr='8' historical='true'/>`,
}

var shortRequests = []string{
	`<req xmlns='NS' id='00000001' all='true'/>`,
	`<req xmlns='NS' id='R' m='true' h='true' from='2013-03-07T00:00:00Z' st='a' dt='b' ut='c'><nd id='n' src='s' pt='p'/><f n='Energy'/></req>`,
}

func TestRequestExamples(t *testing.T) {
	texts := append([]string(nil), longRequests...)
	for _, g := range generations[1:] {
		for _, text := range shortRequests {
			texts = append(texts, strings.ReplaceAll(text, "NS", Family.NS(g)))
		}
	}
	for _, text := range texts {
		r, err := ParseRequest(element(t, text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		again, err := ParseRequest(r.Element())
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Errorf("%v: %+v became\n%+v", err, r, again)
		}
		want := element(t, text).String()
		if r.Generation == iot.XSF {
			want = strings.ReplaceAll(want, "all='true'", "all='true' momentary='true'")
		}
		if got := r.Element().String(); got != want {
			t.Errorf("written\n%s, want\n%s", got, want)
		}
	}
}

// Smack's things answer no request that does not say momentary.
func TestSmackSeesMomentary(t *testing.T) {
	for _, c := range []iot.Categories{0, iot.AllCategories, iot.Momentary} {
		el := (&Request{Generation: iot.XSF, ID: "1", Categories: c}).Element()
		if el.Attr("momentary") != "true" {
			t.Errorf("%s", el)
		}
	}
}

func TestRequestRefuses(t *testing.T) {
	for _, s := range []string{
		`<req xmlns='urn:xmpp:iot:control' seqnr='1'/>`,
		`<resp xmlns='urn:nf:iot:sd:1.0' id='1'/>`,
		`<req xmlns='urn:xmpp:iot:sensordata'/>`,
		`<req xmlns='urn:xmpp:iot:sensordata' seqnr='x'/>`,
		`<req xmlns='urn:nf:iot:sd:1.0' id='1' m='perhaps'/>`,
		`<req xmlns='urn:xmpp:iot:sensordata' seqnr='1' historicalDay='perhaps'/>`,
		`<req xmlns='urn:nf:iot:sd:1.0' id='1' from='yesterday'/>`,
		`<req xmlns='urn:nf:iot:sd:1.0' id='1'><nd/></req>`,
		`<req xmlns='urn:nf:iot:sd:1.0' id='1'><f/></req>`,
		`<req xmlns='urn:nf:iot:sd:1.0' id='1' st='` + strings.Repeat("t ", iot.MaxTokens+1) + `'/>`,
		`<req xmlns='urn:nf:iot:sd:1.0' id='1'>` + strings.Repeat("<f n='a'/>", MaxFields+1) + `</req>`,
	} {
		if _, err := ParseRequest(element(t, s)); !errors.Is(err, stanza.BadRequest) {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestFilter(t *testing.T) {
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	var r Report
	a, b := iot.Node{ID: "a", Source: "s"}, iot.Node{ID: "b"}
	r.Add(a, at(1), Reading{Field: Field{Name: "T", Categories: iot.Momentary}}, Reading{Field: Field{Name: "U", Categories: iot.Identity}})
	r.Add(a, at(2), Reading{Field: Field{Name: "T", Categories: iot.Historical | iot.Peak}}, Reading{Field: Field{Name: "V"}})
	r.Fail(b, at(3), "Timeout.")
	for _, c := range []struct {
		name string
		req  Request
		want int
	}{
		{"all", Request{}, 5},
		{"a category, or one that is not known", Request{Categories: iot.Momentary}, 3},
		{"two categories", Request{Categories: iot.Momentary | iot.Peak}, 4},
		{"a field", Request{Fields: []string{"T"}}, 3},
		{"from", Request{From: at(2)}, 3},
		{"to", Request{To: at(1)}, 3},
		{"a node", Request{Nodes: []iot.Node{{ID: "a"}}}, 4},
		{"a node of another source", Request{Nodes: []iot.Node{{ID: "a", Source: "t"}}}, 0},
		{"both nodes", Request{Nodes: []iot.Node{{ID: "a", Source: "s"}, {ID: "b"}}}, 5},
	} {
		if got := r.Filter(&c.req); got.Len() != c.want {
			t.Errorf("%s: %d, want %d: %+v", c.name, got.Len(), c.want, got)
		}
	}
	if r.Len() != 5 {
		t.Error("the report was changed")
	}
}

func TestLatest(t *testing.T) {
	var r Report
	f := Field{Name: "T", Type: Numeric}
	add := func(s int64, value string, q Quality) {
		r.Add(iot.Node{}, time.Unix(s, 0), Reading{Field: f, Value: value, Quality: q})
	}
	add(2, "old", Signed)
	add(3, "estimate", ManualEstimate)
	add(3, "read", AutomaticReadout)
	add(3, "missing", Missing)
	if got, ok := r.Latest("T"); !ok || got.Value != "read" || !got.Time.Equal(time.Unix(3, 0)) {
		t.Errorf("%+v, %v", got, ok)
	}
	if _, ok := r.Latest("U"); ok {
		t.Error("a field that is not there was found")
	}
}

// Sensor Data, "Quality of service"
func TestQualityOrder(t *testing.T) {
	order := []Quality{
		Missing, Missing | Signed, InProgress, InProgress | Signed, AutomaticEstimate, AutomaticEstimate | Signed,
		ManualEstimate, ManualEstimate | Signed, ManualReadout, ManualReadout | Signed, AutomaticReadout, AutomaticReadout | Signed,
		Signed, Invoiced, Invoiced | Signed, InvoiceConfirmed, InvoiceConfirmed | Signed,
	}
	for i := 1; i < len(order); i++ {
		if order[i-1].Rank() >= order[i].Rank() {
			t.Errorf("%b has rank %d, %b has %d", order[i-1], order[i-1].Rank(), order[i], order[i].Rank())
		}
	}
	for _, same := range [][2]Quality{
		{0, AutomaticReadout},
		{Warning | PowerFailure, AutomaticReadout},
		{AutomaticReadout | Invoiced, Invoiced},
		{AutomaticReadout | Missing, Missing},
		{AutomaticReadout | InProgress, InProgress},
	} {
		if same[0].Rank() != same[1].Rank() {
			t.Errorf("%b has rank %d, %b has %d", same[0], same[0].Rank(), same[1], same[1].Rank())
		}
	}
}

func TestReadingValues(t *testing.T) {
	r := make(map[string]Reading)
	for _, one := range all() {
		r[one.Name] = one
		if err := one.Type.Check(one.Value); err != nil {
			t.Errorf("%s %q: %v", one.Type, one.Value, err)
		}
	}
	if v, err := r["A"].Float(); v != -0.5 || err != nil {
		t.Error(v, err)
	}
	if v, err := r["H"].Float(); v != -5 || err != nil {
		t.Error(v, err)
	}
	if v, err := r["I"].Int(); v != 1<<40 || err != nil {
		t.Error(v, err)
	}
	if v, err := r["C"].Bool(); !v || err != nil {
		t.Error(v, err)
	}
	if v, err := r["E"].Time(); v.Unix() != 1545730073 || err != nil {
		t.Error(v, err)
	}
	if v, err := r["D"].Time(); v.Day() != 25 || err != nil {
		t.Error(v, err)
	}
	if v, err := r["J"].Time(); v.Hour() != 9 || err != nil {
		t.Error(v, err)
	}
	if v, err := r["F"].Duration(); v.Rest != 210*time.Second || err != nil {
		t.Error(v, err)
	}
	text := r["B"]
	_, notFloat := text.Float()
	_, notInt := text.Int()
	_, notBool := text.Bool()
	_, notTime := text.Time()
	_, notDuration := text.Duration()
	for i, err := range []error{notFloat, notInt, notBool, notTime, notDuration, Type(0).Check("")} {
		if err == nil {
			t.Errorf("%d: a text was taken for something else", i)
		}
	}
	if got := NewFloat(Field{}, 0.1, -1).Value; got != "0.1" {
		t.Errorf("shortest is %s", got)
	}
	if Type(0).String() != "unknown" || Long.String() != "long" {
		t.Error("names of types")
	}
}
