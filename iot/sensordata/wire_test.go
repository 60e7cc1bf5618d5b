package sensordata

import (
	"errors"
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

func parseUpdate(t testing.TB, s string) *Update {
	t.Helper()
	u, err := ParseUpdate(element(t, s))
	if err != nil {
		t.Fatalf("%v in %s", err, s)
	}
	return u
}

// The examples of XEP-0323, with the time zone that they lack and with identity for their identification.
var longUpdates = []string{
	`<accepted xmlns='urn:xmpp:iot:sensordata' seqnr='1'/>`,
	`<accepted xmlns='urn:xmpp:iot:sensordata' seqnr='4' queued='true'/>`,
	`<started xmlns='urn:xmpp:iot:sensordata' seqnr='4'/>`,
	`<fields xmlns='urn:xmpp:iot:sensordata' seqnr='1' done='true'><node nodeId='Device01'><timestamp value='2013-03-07T16:24:30Z'>` +
		`<numeric name='Temperature' momentary='true' automaticReadout='true' value='23.4' unit='°C'/></timestamp></node></fields>`,
	`<failure xmlns='urn:xmpp:iot:sensordata' seqnr='2' done='true'><error nodeId='Device01' timestamp='2013-03-07T17:13:30Z'>Timeout.</error></failure>`,
	`<fields xmlns='urn:xmpp:iot:sensordata' seqnr='4'><node nodeId='Device01'><timestamp value='2013-03-07T19:00:00Z'>` +
		`<numeric name='Temperature' momentary='true' automaticReadout='true' value='23.4' unit='°C'/>` +
		`<numeric name='Runtime' status='true' automaticReadout='true' value='12345' unit='h'/>` +
		`<string name='Device ID' identity='true' automaticReadout='true' value='Device01'/></timestamp></node></fields>`,
	`<fields xmlns='urn:xmpp:iot:sensordata' seqnr='4'><node nodeId='Device01'><timestamp value='2013-03-07T18:00:00Z'>` +
		`<numeric name='Temperature' historicalHour='true' automaticReadout='true' value='24.5' unit='°C'/></timestamp>` +
		`<timestamp value='2013-03-07T00:00:00Z'><numeric name='Temperature' historicalHour='true' historicalDay='true' ` +
		`automaticReadout='true' value='25.2' unit='°C'/></timestamp></node></fields>`,
	`<done xmlns='urn:xmpp:iot:sensordata' seqnr='4'/>`,
	`<cancelled xmlns='urn:xmpp:iot:sensordata' seqnr='8'/>`,
}

// The examples of the Neuro-Foundation's Sensor Data, of which NS stands for the generations that have them.
var shortUpdates = []string{
	`<accepted xmlns='NS' id='00000001'/>`,
	`<accepted xmlns='NS' id='00000001' queued='true'/>`,
	`<started xmlns='NS' id='00000001'/>`,
	`<resp xmlns='NS' id='00000001'><ts v='2017-09-22T15:22:33Z'><q n='Temperature' v='12.3' u='°C' m='true' ar='true'/>` +
		`<s n='SN' v='12345678' i='true' ar='true'/></ts></resp>`,
	`<resp xmlns='NS' id='00000001' more='true'><nd id='Node1'><ts v='2017-09-22T15:22:33Z'><q n='Temperature' v='12.3' u='°C' m='true' ar='true'/>` +
		`<s n='SN' v='12345678' i='true' ar='true'/><err>Timeout.</err></ts></nd></resp>`,
	`<done xmlns='NS' id='00000001'/>`,
}

func TestUpdateExamples(t *testing.T) {
	check := func(g iot.Generation, text string) {
		u := parseUpdate(t, text)
		if u.State == Done && u.Report.Len() == 0 {
			return // <done/> is not written: the last data says so itself
		}
		got := u.Elements(g, false)
		if len(got) != 1 || got[0].String() != element(t, text).String() {
			t.Errorf("%s: read %+v, written\n%s, want\n%s", g, u, got, text)
		}
	}
	for _, text := range longUpdates {
		check(iot.XSF, text)
	}
	for _, g := range generations[1:] {
		for _, text := range shortUpdates {
			check(g, strings.ReplaceAll(text, "NS", Family.NS(g)))
		}
	}
}

func TestUpdateStates(t *testing.T) {
	for text, want := range map[string]State{
		longUpdates[0]: Accepted, longUpdates[1]: Queued, longUpdates[2]: Started, longUpdates[3]: Done, longUpdates[5]: Telling,
		longUpdates[7]: Done, longUpdates[8]: Cancelled,
		`<resp xmlns='urn:ieee:iot:sd:1.0' id='a'/>`:              Done,
		`<resp xmlns='urn:ieee:iot:sd:1.0' id='a' more='false'/>`: Done,
		`<resp xmlns='urn:ieee:iot:sd:1.0' id='a' more='1'/>`:     Telling,
		`<done xmlns='urn:ieee:iot:sd:1.0' id='a'/>`:              Done,
	} {
		if u := parseUpdate(t, text); u.State != want {
			t.Errorf("%s: state %d, want %d", text, u.State, want)
		}
	}
}

// The decimals of a numeric value tell its precision. XEP-0323#fieldvaluetypes
func TestPrecisionIsKept(t *testing.T) {
	for _, g := range generations {
		r := NewFloat(Field{Name: "T", Type: Numeric, Unit: "°C"}, 10, 2)
		u := Update{ID: "1", State: Done}
		u.Report.Add(iot.Node{}, time.Unix(0, 0), r)
		again := parseUpdate(t, u.Elements(g, false)[0].String())
		if got, ok := again.Report.Latest("T"); !ok || got.Value != "10.00" {
			t.Errorf("%s: %+v", g, got)
		}
	}
}

// all has one reading of each type, as XEP-0323#schema has them.
func all() []Reading {
	at := time.Date(2018, 12, 25, 9, 27, 53, 0, time.UTC)
	return []Reading{
		NewFloat(Field{Name: "A", Type: Numeric, Unit: "W", Categories: iot.Momentary, Writable: true}, -0.5, 1),
		NewText(Field{Name: "B", Type: String, Categories: iot.Identity | iot.Status, Module: "M", StringIDs: "1,3"}, "<&'\">"),
		NewBool(Field{Name: "C", Type: Boolean, Categories: iot.Momentary | iot.Computed | iot.Peak}, true),
		NewTime(Field{Name: "D", Type: Date}, at),
		NewTime(Field{Name: "E", Type: DateTime}, at),
		NewDuration(Field{Name: "F", Type: Duration}, 210*time.Second),
		NewText(Field{Name: "G", Type: Enum, DataType: "Mode"}, "Auto"),
		NewInt(Field{Name: "H", Type: Int}, -5),
		NewInt(Field{Name: "I", Type: Long}, 1<<40),
		NewTime(Field{Name: "J", Type: Time}, at),
	}
}

func TestAllTypesInAllGenerations(t *testing.T) {
	for _, g := range generations {
		u := Update{ID: "1", State: Done}
		u.Report.Add(iot.Node{ID: "n", Source: "s", Partition: "p"}, time.Unix(1, 0).UTC(), all()...)
		el := u.Elements(g, false)[0]
		if got := parseUpdate(t, el.String()); !reflect.DeepEqual(*got, u) {
			t.Errorf("%s: %+v became\n%+v in\n%s", g, u, *got, el)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := rapid.SampledFrom(generations).Draw(t, "generation")
		u := Update{ID: "1", State: Telling}
		for range rapid.IntRange(0, 5).Draw(t, "readings") {
			r := rapid.SampledFrom(all()).Draw(t, "reading")
			r.Categories = iot.Categories(rapid.Uint8Range(0, uint8(iot.AllCategories)).Draw(t, "categories"))
			if g == iot.XSF && r.Categories&iot.Historical != 0 {
				r.History = History(rapid.Uint16Range(1, 1<<9-1).Draw(t, "history"))
			}
			r.Quality = Quality(rapid.Uint16Range(0, 1<<14-1).Draw(t, "quality"))
			node := iot.Node{ID: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "node")}
			u.Report.Add(node, time.Unix(rapid.Int64Range(0, 3).Draw(t, "time"), 0).UTC(), r)
		}
		el := u.Elements(g, false)[0]
		got, err := ParseUpdate(el)
		if err != nil || !reflect.DeepEqual(*got, u) {
			t.Fatalf("%v: %+v became\n%+v in\n%s", err, u, got, el)
		}
	})
}

// In the first generation errors go apart, and behind the data.
func TestErrorsGoApart(t *testing.T) {
	u := Update{ID: "1", State: Done}
	u.Report.Add(iot.Node{ID: "a"}, time.Unix(0, 0), all()[0])
	u.Report.Fail(iot.Node{ID: "b"}, time.Unix(1, 0), "Timeout.")
	els := u.Elements(iot.XSF, false)
	if len(els) != 2 || els[0].Local() != "fields" || els[0].Attr("done") != "" || els[1].Local() != "failure" || els[1].Attr("done") != "true" {
		t.Fatalf("%v", els)
	}
	u.Report = Report{}
	u.Report.Fail(iot.Node{ID: "b"}, time.Unix(1, 0), "Timeout.")
	if els := u.Elements(iot.XSF, false); len(els) != 1 || els[0].Local() != "failure" {
		t.Errorf("%v", els)
	}
	if els := (&Update{ID: "1", State: Done}).Elements(iot.XSF, false); len(els) != 1 || els[0].String() != `<fields xmlns='urn:xmpp:iot:sensordata' seqnr='1' done='true'/>` {
		t.Errorf("nothing to tell: %v", els)
	}
}

// What is malformed in one reading does not spoil the others.
func TestMalformedReadings(t *testing.T) {
	u := parseUpdate(t, `<resp xmlns='urn:nf:iot:sd:1.0' id='1'><ts v='2017-09-22T15:22:33Z'><q n='A' v='warm'/><q n='B' v='1'/><i n='C' v='3000000000'/>`+
		`<b n='D' v='yes'/><q v='1'/><q n='E'/><b n='F' v='true' m='maybe'/><other n='G' v='1'/><x xmlns='other' n='H'/></ts></resp>`)
	var names []string
	for s := range u.Report.Samples() {
		names = append(names, s.Name)
	}
	if !reflect.DeepEqual(names, []string{"B"}) {
		t.Errorf("read %q", names)
	}
	if u.Report.Len() != 7 {
		t.Errorf("%d readings and errors in %+v", u.Report.Len(), u.Report)
	}
}

// A field's <x/> is kept, where there is one.
func TestExtension(t *testing.T) {
	u := parseUpdate(t, `<resp xmlns='urn:nf:iot:sd:1.0' id='1'><ts v='2017-09-22T15:22:33Z'><q n='A' v='1'><x><y xmlns='own'/></x></q></ts></resp>`)
	if got := u.Elements(iot.NF, false)[0]; got.Child(Family.NS(iot.NF), "ts").First().First().First().Local() != "y" {
		t.Errorf("%s", got)
	}
	if got := u.Elements(iot.XSF, false)[0]; strings.Contains(got.String(), "own") {
		t.Errorf("%s", got)
	}
}

func TestUpdateRefuses(t *testing.T) {
	const many = MaxReadings/2 + 1
	for _, s := range []string{
		`<resp xmlns='urn:xmpp:iot:control' id='1'/>`,
		`<req xmlns='urn:xmpp:iot:sensordata' seqnr='1'/>`,
		`<fields xmlns='urn:xmpp:iot:sensordata'/>`,
		`<fields xmlns='urn:xmpp:iot:sensordata' seqnr='one'/>`,
		`<fields xmlns='urn:xmpp:iot:sensordata' seqnr='3000000000'/>`,
		`<fields xmlns='urn:xmpp:iot:sensordata' seqnr='1' done='maybe'/>`,
		`<fields xmlns='urn:xmpp:iot:sensordata' seqnr='1'><node nodeId='` + strings.Repeat("n", iot.MaxNodePart+1) + `'/></fields>`,
		`<failure xmlns='urn:xmpp:iot:sensordata' seqnr='1'><error nodeId='` + strings.Repeat("n", iot.MaxNodePart+1) + `'/></failure>`,
		`<fields xmlns='urn:xmpp:iot:sensordata' seqnr='1'><node nodeId='n'><timestamp value='now'/></node></fields>`,
		`<resp xmlns='urn:nf:iot:sd:1.0' id=''/>`,
		`<resp xmlns='urn:nf:iot:sd:1.0' id='` + strings.Repeat("x", MaxID+1) + `'/>`,
		`<resp xmlns='urn:nf:iot:sd:1.0' id='1'><ts/></resp>`,
	} {
		if _, err := ParseUpdate(element(t, s)); !errors.Is(err, stanza.BadRequest) {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, s := range []string{
		`<resp xmlns='urn:nf:iot:sd:1.0' id='1'><ts v='2017-09-22T15:22:33Z'>` + strings.Repeat("<err/>", 2*many) + `</ts></resp>`,
		`<failure xmlns='urn:xmpp:iot:sensordata' seqnr='1'>` + strings.Repeat("<error/>", 2*many) + `</failure>`,
	} {
		el, err := xmlstream.Parse([]byte(s), xmlstream.Limits{Nodes: 4 * MaxReadings})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseUpdate(el); !errors.Is(err, stanza.BadRequest) {
			t.Errorf("too much is accepted: %v", err)
		}
	}
}

// C# sends the first data of a subscription in the namespace of events.
func TestParseUpdateAs(t *testing.T) {
	const s = `<resp xmlns='urn:nf:iot:events:1.0' id='1'><ts v='2017-09-22T15:22:33Z'><q n='A' v='1'/></ts></resp>`
	if _, err := ParseUpdate(element(t, s)); err == nil {
		t.Error("another namespace was taken for sensor data")
	}
	if u, err := ParseUpdateAs(element(t, s), iot.NF); err != nil || u.Report.Len() != 1 {
		t.Errorf("%+v, %v", u, err)
	}
}

func FuzzSensorData(f *testing.F) {
	for _, s := range longUpdates {
		f.Add(s)
	}
	for _, s := range shortUpdates {
		f.Add(strings.ReplaceAll(s, "NS", "urn:nf:iot:sd:1.0"))
	}
	for _, s := range longRequests {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		el, err := xmlstream.Parse([]byte(s), xmlstream.Limits{})
		if err != nil {
			return
		}
		if r, err := ParseRequest(el); err == nil {
			if again, err := ParseRequest(r.Element()); err != nil || again.ID != r.ID {
				t.Errorf("%v: %+v became %+v", err, r, again)
			}
		}
		u, err := ParseUpdate(el)
		if err != nil {
			return
		}
		g, _ := Family.Of(el.Space())
		for _, old := range []bool{false, true} {
			n := 0
			for _, el := range u.Elements(g, old) {
				again, err := ParseUpdate(el)
				if err != nil {
					t.Fatalf("%v in %s", err, el)
				}
				n += again.Report.Len()
			}
			if n != u.Report.Len() {
				t.Errorf("%d became %d", u.Report.Len(), n)
			}
		}
	})
}
