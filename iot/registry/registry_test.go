package registry_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

var (
	generations = []iot.Generation{iot.XSF, iot.IEEE, iot.NF, iot.NFI}

	thing = iot.Thing{JID: jid.MustParse("thing@example.org")}
	owner = jid.MustParse("owner@example.org")
	imc1  = iot.Node{ID: "imc1", Source: "MeteringTopology"}
	rack  = iot.Thing{JID: jid.MustParse("rack@example.org"), Node: imc1}

	// imc is what the thing of XEP-0347's examples registers.
	imc = []registry.Tag{
		registry.Str("SN", "394872348732948723"), registry.Str("MAN", "www.ktc.se"), registry.Str("MODEL", "IMC"),
		registry.Num("V", 1.2), registry.Str("KEY", "4857402340298342"),
	}
)

const imcXML = `<str name='SN' value='394872348732948723'/><str name='MAN' value='www.ktc.se'/>` +
	`<str name='MODEL' value='IMC'/><num name='V' value='1.2'/><str name='KEY' value='4857402340298342'/>`

func parse(t testing.TB, doc string) *xmlstream.Element {
	t.Helper()
	el, err := xmlstream.Parse([]byte(doc), xmlstream.Limits{Bytes: 16 << 20, Nodes: 1 << 20})
	if err != nil {
		t.Fatalf("%v in %.200s", err, doc)
	}
	return el
}

func parseQuietly(doc string) (*xmlstream.Element, error) {
	return xmlstream.Parse([]byte(doc), xmlstream.Limits{})
}

func tagsOf(t testing.TB, tags ...registry.Tag) registry.Tags {
	t.Helper()
	ts, err := registry.NewTags(tags...)
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

// payload is any type of the protocol.
type payload interface {
	Element(iot.Generation) *xmlstream.Element
}

// reader makes a Parse function one of payloads.
func reader[T payload](parse func(*xmlstream.Element) (T, error)) func(*xmlstream.Element) (payload, error) {
	return func(el *xmlstream.Element) (payload, error) {
		v, err := parse(el)
		return v, err
	}
}

// readers are the Parse functions by the names of their elements. A claimed that answers a claim has one of its own.
var readers = map[string]func(*xmlstream.Element) (payload, error){
	"register":   reader(registry.ParseRegister),
	"mine":       reader(registry.ParseMine),
	"claimed":    reader(registry.ParseClaimed),
	"remove":     reader(registry.ParseRemove),
	"removed":    reader(registry.ParseRemoved),
	"update":     reader(registry.ParseUpdate),
	"unregister": reader(registry.ParseUnregister),
	"disown":     reader(registry.ParseDisown),
	"disowned":   reader(registry.ParseDisowned),
	"search":     reader(registry.ParseSearch),
	"found":      reader(registry.ParseFound),
}

// sorted returns an element as XML with the attributes of all elements in order, for comparison.
func sorted(el *xmlstream.Element) string {
	attrs := slices.SortedFunc(el.Attrs(), func(a, b xmlstream.Attr) int { return strings.Compare(a.Name.Local, b.Name.Local) })
	var b strings.Builder
	b.WriteString("<" + el.Space() + " " + el.Local())
	for _, a := range attrs {
		b.WriteString(" " + a.Name.Local + "='" + a.Value + "'")
	}
	b.WriteString(">")
	for c := range el.Children() {
		b.WriteString(sorted(c))
	}
	return b.String() + "</>"
}

// example is a payload as a document prints it, what it means, and what this package writes where that differs.
type example struct {
	name, xml string
	want      payload
	writes    string
}

// The examples of XEP-0347, in its order.
func xsfExamples(t testing.TB) []example {
	update := tagsOf(t, registry.Str("CLASS", "PLC"), registry.Tag{Name: "LON", Text: "-71.519722", Numeric: true},
		registry.Tag{Name: "LAT", Text: "-33.008055", Numeric: true})
	const updateXML = `<str name='CLASS' value='PLC'/><num name='LON' value='-71.519722'/><num name='LAT' value='-33.008055'/>`
	listed := tagsOf(t, append(slices.Collect(tagsOf(t, imc[:4]...).All()), slices.Collect(update.All())...)...)
	imcTags := tagsOf(t, imc...)
	return []example{
		{"Register Thing", `<register xmlns='NS'>` + imcXML + `</register>`, registry.Register{Tags: imcTags}, ""},
		{
			"Registration response when already claimed",
			`<claimed xmlns='NS' jid='owner@example.org'/>`,
			registry.Claimed{Owner: owner, Public: true},
			`<claimed xmlns='NS' jid='owner@example.org' public='true'/>`,
		},
		{
			"Register self-owned Thing", `<register xmlns='NS' selfOwned='true'>` + imcXML + `</register>`,
			registry.Register{SelfOwned: true, Tags: imcTags},
			"",
		},
		{
			"Register Thing behind Concentrator",
			`<register xmlns='NS' nodeId='imc1' sourceId='MeteringTopology'>` + imcXML + `</register>`,
			registry.Register{Node: imc1, Tags: imcTags},
			"",
		},
		{
			"Claim Ownership of public Thing", `<mine xmlns='NS'>` + imcXML + `</mine>`,
			registry.Mine{Public: true, Tags: imcTags},
			`<mine xmlns='NS' public='true'>` + imcXML + `</mine>`,
		},
		{
			"Claim Ownership of private Thing", `<mine xmlns='NS' public='false'>` + imcXML + `</mine>`,
			registry.Mine{Tags: imcTags},
			"",
		},
		{
			"Ownership of private Thing claimed", `<claimed xmlns='NS' jid='owner@example.org' public='false'/>`,
			registry.Claimed{Owner: owner},
			"",
		},
		{
			"Ownership of Thing behind concentrator claimed",
			`<claimed xmlns='NS' jid='owner@example.org' nodeId='imc1' sourceId='MeteringTopology'/>`,
			registry.Claimed{Owner: owner, Node: imc1, Public: true},
			`<claimed xmlns='NS' jid='owner@example.org' nodeId='imc1' sourceId='MeteringTopology' public='true'/>`,
		},
		{"Remove Thing", `<remove xmlns='NS' jid='thing@example.org'/>`, registry.Remove{Thing: thing}, ""},
		{
			"Remove Thing behind concentrator",
			`<remove xmlns='NS' jid='rack@example.org/plcs' nodeId='imc1' sourceId='MeteringTopology'/>`,
			registry.Remove{Thing: rack},
			`<remove xmlns='NS' jid='rack@example.org' nodeId='imc1' sourceId='MeteringTopology'/>`,
		},
		{"Thing removed from registry by owner", `<removed xmlns='NS'/>`, registry.Removed{}, ""},
		{
			"Thing behind concentrator removed from registry by owner",
			`<removed xmlns='NS' nodeId='imc1' sourceId='MeteringTopology'/>`,
			registry.Removed{Node: imc1},
			"",
		},
		{
			"Update Meta Data request", `<update xmlns='NS'><str name='KEY' value=''/>` + updateXML + `</update>`,
			registry.Update{Tags: update},
			`<update xmlns='NS'>` + updateXML + `</update>`,
		},
		{
			"Update Meta Data of Thing behind concentrator",
			`<update xmlns='NS' nodeId='imc1' sourceId='MeteringTopology'>` + updateXML + `</update>`,
			registry.Update{Node: imc1, Tags: update},
			"",
		},
		{"Update Meta Data response to request from disowned Thing", `<disowned xmlns='NS'/>`, registry.Disowned{}, ""},
		{
			"Owner requests an update of Meta Data of Thing",
			`<update xmlns='NS' jid='thing@example.org'><str name='ROOM' value='...'/></update>`,
			registry.Update{JID: thing.JID, Tags: tagsOf(t, registry.Str("ROOM", "..."))},
			"",
		},
		{
			"Owner requests an update of Meta Data of Thing behind concentrator",
			`<update xmlns='NS' jid='rack@example.org' nodeId='imc1' sourceId='MeteringTopology'><str name='ROOM' value='...'/></update>`,
			registry.Update{JID: rack.JID, Node: imc1, Tags: tagsOf(t, registry.Str("ROOM", "..."))},
			"",
		},
		{"Searching for Things", `<search xmlns='NS' offset='0' maxCount='20'>` + searchXML + `</search>`, imcSearch, ""},
		{
			"Search result",
			`<found xmlns='NS' more='false'><thing owner='owner@example.org' jid='thing@example.org'>` + imcXML[:strings.Index(imcXML, "<str name='KEY'")] + updateXML + `</thing></found>`,
			registry.Found{Things: []registry.Listed{{Thing: thing, Tags: listed}}},
			`<found xmlns='NS' more='false'><thing jid='thing@example.org'>` + imcXML[:strings.Index(imcXML, "<str name='KEY'")] + updateXML + `</thing></found>`,
		},
		{
			"Search result containing Thing behind a concentrator",
			`<found xmlns='NS' more='1'><thing owner='owner@example.org' jid='rack@example.org' nodeId='imc1' sourceId='MeteringTopology'>` +
				updateXML + `</thing></found>`,
			registry.Found{More: true, Things: []registry.Listed{{Thing: rack, Tags: update}}},
			`<found xmlns='NS' more='true'><thing jid='rack@example.org' nodeId='imc1' sourceId='MeteringTopology'>` + updateXML + `</thing></found>`,
		},
		{"Unregister Thing", `<unregister xmlns='NS'/>`, registry.Unregister{}, ""},
		{
			"Unregistering Thing behind concentrator", `<unregister xmlns='NS' nodeId='imc1' sourceId='MeteringTopology'/>`,
			registry.Unregister{Node: imc1},
			"",
		},
		{"Disowning Thing", `<disown xmlns='NS' jid='thing@example.org'/>`, registry.Disown{Thing: thing}, ""},
		{
			"Disowning Thing behind concentrator",
			`<disown xmlns='NS' jid='rack@example.org/plcs' nodeId='imc1' sourceId='MeteringTopology'/>`,
			registry.Disown{Thing: rack},
			`<disown xmlns='NS' jid='rack@example.org' nodeId='imc1' sourceId='MeteringTopology'/>`,
		},
		{
			"Thing behind concentrator disowned in registry by owner",
			`<disowned xmlns='NS' nodeId='imc1' sourceId='MeteringTopology'/>`,
			registry.Disowned{Node: imc1},
			"",
		},
	}
}

// in returns an example of the first generation in another.
func in(g iot.Generation, doc string) string {
	if g != iot.XSF {
		doc = strings.NewReplacer("nodeId=", "id=", "sourceId=", "src=", "cacheType=", "pt=").Replace(doc)
	}
	return strings.ReplaceAll(doc, "'NS'", "'"+registry.Space.NS(g)+"'")
}

// Every example is read, and written, in every generation.
func TestExamples(t *testing.T) {
	for _, e := range xsfExamples(t) {
		for _, g := range generations {
			t.Run(e.name+"/"+g.String(), func(t *testing.T) {
				el := parse(t, in(g, e.xml))
				got, err := readers[el.Local()](el)
				if err != nil || !reflect.DeepEqual(got, e.want) {
					t.Fatalf("reading %s:\n got %+v, %v\nwant %+v", el, got, err, e.want)
				}
				writes := e.writes
				if writes == "" {
					writes = e.xml
				}
				if got, want := sorted(e.want.Element(g)), sorted(parse(t, in(g, writes))); got != want {
					t.Errorf("writing:\n got %s\nwant %s", got, want)
				}
			})
		}
	}
}

// XEP-0347#claim: the answer to a claim names the thing, not the owner.
func TestClaimResult(t *testing.T) {
	for _, g := range generations {
		for doc, want := range map[string]iot.Thing{
			`<claimed xmlns='NS' jid='thing@example.org'/>`:                                                       thing,
			`<claimed xmlns='NS' jid='rack@example.org/plcs' nodeId='imc1' sourceId='MeteringTopology'/>`:         rack,
			`<claimed xmlns='NS' jid='rack@example.org' nodeId='imc1' sourceId='MeteringTopology' cacheType=''/>`: rack,
		} {
			got, err := registry.ParseClaimResult(parse(t, in(g, doc)))
			if err != nil || got.Thing != want {
				t.Errorf("%s: %v, %v", doc, got, err)
			}
			if again, err := registry.ParseClaimResult(got.Element(g)); err != nil || again != got {
				t.Errorf("%v came back as %v, %v", got, again, err)
			}
		}
	}
}

// The claim between a thing, its owner and the registry, as the Neuro-Foundation's generations have it.
func TestClaimFlow(t *testing.T) {
	const tags = `<str name='SN' value='98734'/><str name='MAN' value='maker.example'/><num name='V' value='1.0'/><str name='KEY' value='kJ3'/>`
	for _, g := range generations[1:] {
		ns := registry.Space.NS(g)
		reg, err := registry.ParseRegister(parse(t, `<register xmlns='`+ns+`' id='plc1' src='Topology'>`+tags+`</register>`))
		if err != nil {
			t.Fatal(err)
		}
		mine, err := registry.ParseMine(parse(t, `<mine xmlns='`+ns+`' public='false'>`+tags+`</mine>`))
		if err != nil {
			t.Fatal(err)
		}
		if string(mine.Tags.CanonicalKey()) != string(reg.Tags.CanonicalKey()) || mine.Public {
			t.Errorf("%v: the claim is not for what was registered", g)
		}
		plc1 := iot.Thing{JID: rack.JID, Node: reg.Node}
		if got, want := sorted(registry.ClaimResult{Thing: plc1}.Element(g)),
			sorted(parse(t, `<claimed xmlns='`+ns+`' jid='rack@example.org' id='plc1' src='Topology'/>`)); got != want {
			t.Errorf("answer %s; want %s", got, want)
		}
		if got, want := sorted(registry.Claimed{Owner: owner, Node: reg.Node}.Element(g)),
			sorted(parse(t, `<claimed xmlns='`+ns+`' jid='owner@example.org' id='plc1' src='Topology' public='false'/>`)); got != want {
			t.Errorf("push %s; want %s", got, want)
		}
	}
}
