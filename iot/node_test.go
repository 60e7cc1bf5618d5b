package iot_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

var generations = []iot.Generation{iot.XSF, iot.IEEE, iot.NF, iot.NFI}

func parse(t testing.TB, doc string) *xmlstream.Element {
	t.Helper()
	el, err := xmlstream.Parse([]byte(doc), xmlstream.Limits{})
	if err != nil {
		t.Fatalf("%v in %.200s", err, doc)
	}
	return el
}

// XEP-0347#registerconcentrator
func TestNodeNames(t *testing.T) {
	want := iot.Thing{
		JID:  jid.MustParse("rack@example.org"),
		Node: iot.Node{ID: "imc1", Source: "MeteringTopology", Partition: "a"},
	}
	for g, doc := range map[iot.Generation]string{
		iot.XSF: `<x xmlns='urn:x' jid='rack@example.org/plcs' nodeId='imc1' sourceId='MeteringTopology' cacheType='a' id='no'/>`,
		iot.NF:  `<x xmlns='urn:x' jid='rack@example.org' id='imc1' src='MeteringTopology' pt='a' nodeId='no'/>`,
	} {
		got, err := iot.ParseThing(parse(t, doc), g)
		if err != nil || got != want {
			t.Errorf("%v: %v, %v; want %v", g, got, err, want)
		}
	}
}

func TestNodeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.StringN(0, 20, 100)
		n := iot.Node{ID: part.Draw(t, "id"), Source: part.Draw(t, "src"), Partition: part.Draw(t, "pt")}
		g := rapid.SampledFrom(generations).Draw(t, "g")
		got, err := iot.ParseNode(xmlstream.New("urn:x", "e", n.Parts(g)...), g)
		if err != nil || got != n {
			t.Fatalf("%v came back as %v, %v", n, got, err)
		}
	})
}

func TestParseNodes(t *testing.T) {
	const doc = `<x xmlns='urn:x'><nd id='a'/><nd id='b' src='s'/><nd id='a'/><nd xmlns='urn:y' id='c'/><f n='q'/></x>`
	got, err := iot.ParseNodes(parse(t, doc), iot.NFI)
	if want := []iot.Node{{ID: "a"}, {ID: "b", Source: "s"}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("ParseNodes = %v, %v; want %v", got, err, want)
	}
	if _, err := iot.ParseNodes(parse(t, `<x xmlns='urn:x'><node nodeId=''/></x>`), iot.XSF); !errors.Is(err, stanza.BadRequest) {
		t.Errorf("a node without name: %v; want bad-request", err)
	}
}

func TestNodeLimits(t *testing.T) {
	var b strings.Builder
	b.WriteString("<x xmlns='urn:x'>")
	for i := range iot.MaxNodes + 1 {
		fmt.Fprintf(&b, "<nd id='%d'/>", i)
	}
	b.WriteString("</x>")
	if _, err := iot.ParseNodes(parse(t, b.String()), iot.NF); !errors.Is(err, stanza.BadRequest) {
		t.Errorf("too many nodes: %v; want bad-request", err)
	}
	long := xmlstream.New("urn:x", "x", xmlstream.A("src", strings.Repeat("s", iot.MaxNodePart+1)))
	if _, err := iot.ParseNode(long, iot.NF); !errors.Is(err, stanza.BadRequest) {
		t.Errorf("a long name: %v; want bad-request", err)
	}
}

func TestThingString(t *testing.T) {
	rack := iot.Thing{JID: jid.MustParse("rack@example.org")}
	if got := rack.String(); got != "rack@example.org" {
		t.Errorf("got %q", got)
	}
	rack.Node = iot.Node{ID: "plc1", Source: "Topology", Partition: "p"}
	if got := rack.String(); got != "rack@example.org (plc1 of Topology, p)" {
		t.Errorf("got %q", got)
	}
}

func TestCategories(t *testing.T) {
	for _, test := range []struct {
		g    iot.Generation
		xml  string
		want iot.Categories
	}{
		{iot.XSF, `<x xmlns='urn:x' momentary='true' historicalHour='true'/>`, iot.Momentary | iot.Historical},
		{iot.XSF, `<x xmlns='urn:x' all='true' m='true'/>`, iot.AllCategories},
		{iot.XSF, `<x xmlns='urn:x' historical='1' peak='false'/>`, iot.Historical},
		{iot.XSF, `<x xmlns='urn:x' m='true' h='true'/>`, 0},
		{iot.IEEE, `<x xmlns='urn:x' m='true' h='1'/>`, iot.Momentary | iot.Historical},
		{iot.NF, `<x xmlns='urn:x' p='true' s='true' c='true' i='true'/>`, iot.Peak | iot.Status | iot.Computed | iot.Identity},
		{iot.NFI, `<x xmlns='urn:x' momentary='true'/>`, 0},
		{iot.NFI, `<x xmlns='urn:x' all='false' m=''/>`, 0},
	} {
		got, err := iot.ParseCategories(parse(t, test.xml), test.g)
		if err != nil || got != test.want {
			t.Errorf("%v %s: %v, %v; want %v", test.g, test.xml, got, err, test.want)
		}
	}
	if _, err := iot.ParseCategories(parse(t, `<x xmlns='urn:x' m='yes'/>`), iot.NF); !errors.Is(err, stanza.BadRequest) {
		t.Errorf("m='yes': %v; want bad-request", err)
	}
}

func TestCategoriesRoundTrip(t *testing.T) {
	for _, g := range generations {
		for c := range iot.AllCategories + 1 {
			got, err := iot.ParseCategories(xmlstream.New("urn:x", "e", c.Parts(g)...), g)
			if err != nil || got != c {
				t.Errorf("%v: %v came back as %v, %v", g, c, got, err)
			}
		}
	}
}

// XEP-0324#multipletokens
func TestTokens(t *testing.T) {
	want := iot.Tokens{Service: []string{"SERVICETOKEN1", "SERVICETOKEN2"}, User: []string{"USERTOKEN1"}}
	for g, doc := range map[iot.Generation]string{
		iot.XSF: `<x xmlns='urn:x' serviceToken='SERVICETOKEN1 SERVICETOKEN2' userToken='USERTOKEN1' deviceToken=''/>`,
		iot.NFI: `<x xmlns='urn:x' st=' SERVICETOKEN1  SERVICETOKEN2' ut='USERTOKEN1'/>`,
	} {
		got, err := iot.ParseTokens(parse(t, doc), g)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v: %v, %v; want %v", g, got, err, want)
		}
		again, err := iot.ParseTokens(xmlstream.New("urn:x", "e", got.Parts(g)...), g)
		if err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%v: %v came back as %v, %v", g, got, again, err)
		}
	}
	many := xmlstream.New("urn:x", "e", xmlstream.A("st", strings.Repeat("t ", 10_000)))
	if _, err := iot.ParseTokens(many, iot.NF); !errors.Is(err, stanza.BadRequest) {
		t.Errorf("10,000 tokens: %v; want bad-request", err)
	}
}

func TestForPeople(t *testing.T) {
	for want, got := range map[string]string{
		"all":                   iot.AllCategories.String(),
		"momentary, historical": (iot.Momentary | iot.Historical).String(),
		"urn:nf:iot":            iot.NF.String(),
		"unknown":               iot.Generation(9).String(),
	} {
		if got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
	if n := (iot.Momentary | iot.Historical).Len(); n != 2 {
		t.Errorf("%d categories", n)
	}
}

func TestNodeChild(t *testing.T) {
	n := iot.Node{ID: "a", Source: "s"}
	for _, g := range generations {
		got, err := iot.ParseNodes(xmlstream.New("urn:x", "e", n.Element("urn:x", g)), g)
		if err != nil || !reflect.DeepEqual(got, []iot.Node{n}) {
			t.Errorf("%v: %v, %v", g, got, err)
		}
	}
}

func TestPage(t *testing.T) {
	for _, p := range []iot.Page{{}, {Offset: 20, MaxCount: 10}} {
		if got, err := iot.ParsePage(xmlstream.New("urn:x", "e", p.Parts()...)); err != nil || got != p {
			t.Errorf("%v came back as %v, %v", p, got, err)
		}
	}
	for _, doc := range []string{`<e xmlns='urn:x' offset='x'/>`, `<e xmlns='urn:x' maxCount='-1'/>`} {
		if p, err := iot.ParsePage(parse(t, doc)); !errors.Is(err, stanza.BadRequest) {
			t.Errorf("%s: %v, %v; want bad-request", doc, p, err)
		}
	}
}
