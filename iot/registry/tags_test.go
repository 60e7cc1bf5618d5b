package registry_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// XEP-0347#tags, with the length of names that Discovery.md allows.
func TestTagLimits(t *testing.T) {
	for _, tag := range []registry.Tag{
		registry.Str(strings.Repeat("n", 64), strings.Repeat("v", 128)),
		registry.Str(strings.Repeat("å", 64), strings.Repeat("😀", 128)), // characters, not bytes
		registry.Num("urn_nfi_iot_hi_sensor", 1), registry.Str("A~B", ""), registry.Str("A=B", "for updates only"),
	} {
		if _, err := registry.NewTags(tag); err != nil {
			t.Errorf("%.40q: %v", tag.Name, err)
		}
	}
	for _, tag := range []registry.Tag{
		registry.Str("", "x"), registry.Str(strings.Repeat("n", 65), "x"), registry.Str("A:B", "x"), registry.Str("A#B", "x"),
		registry.Str("A B", "x"), registry.Str("A\u00a0B", "x"), registry.Str("A\tB", "x"), registry.Str("A\u0000", "x"), registry.Str("A\xff", "x"),
		registry.Str("A", strings.Repeat("v", 129)), registry.Str("A", "\xff"),
		registry.Num("A", math.NaN()), registry.Num("A", math.Inf(1)), registry.Num("A", math.Inf(-1)),
		{Name: "A", Text: "x", Numeric: true},
		{Name: "A", Text: "1e999", Numeric: true},
		{Name: "A", Text: "1." + strings.Repeat("0", 128), Numeric: true},
	} {
		if _, err := registry.NewTags(tag); !errors.Is(err, stanza.BadRequest) {
			t.Errorf("%.40q=%.40q: %v; want bad-request", tag.Name, tag.Text, err)
		}
	}
}

func TestTagComesOnce(t *testing.T) {
	for _, pair := range [][2]registry.Tag{
		{registry.Str("SN", "1"), registry.Str("sn", "1")},
		{registry.Str("V", "1"), registry.Num("V", 1)},
		{registry.Str("STRAẞE", "1"), registry.Str("Straße", "2")},
		{registry.Str("\u00c5", "1"), registry.Str("a\u030a", "2")},
	} {
		if _, err := registry.NewTags(pair[:]...); !errors.Is(err, stanza.BadRequest) {
			t.Errorf("%v: %v; want bad-request", pair, err)
		}
	}
}

// XEP-0347#tagspam
func TestTagSpam(t *testing.T) {
	var b strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&b, "<str name='N%d' value='v'/>", i)
	}
	for _, local := range []string{"register", "mine", "update"} {
		el := parse(t, "<"+local+" xmlns='urn:nf:iot:disco:1.0'>"+b.String()+"</"+local+">")
		if _, err := readers[local](el); !errors.Is(err, stanza.ResourceConstraint) {
			t.Errorf("%s: %v; want resource-constraint", local, err)
		}
	}
	full := make([]registry.Tag, registry.MaxTags)
	for i := range full {
		full[i] = registry.Str(fmt.Sprint("N", i), "v")
	}
	if _, err := tagsOf(t, full...).Merge(tagsOf(t, registry.Str("more", "v"))); !errors.Is(err, stanza.ResourceConstraint) {
		t.Errorf("merging: %v; want resource-constraint", err)
	}
}

func TestBadTags(t *testing.T) {
	for _, doc := range []string{
		`<str value='x'/>`, `<str name='A'/>`, `<num name='A'/>`, `<num name='A' value=''/>`, `<num name='A' value=' '/>`,
		`<num name='A' value='1,5'/>`, `<num name='A' value='NaN'/>`, `<num name='A' value='INF'/>`, `<num name='A' value='0x10'/>`,
		`<str name='A' value='1'/><str name='a' value='1'/>`, `<str name='A&lt;B' value='1'/>`, `<str name='A=B' value='1'/>`,
	} {
		_, err := registry.ParseRegister(parse(t, `<register xmlns='urn:nf:iot:disco:1.0'>`+doc+`</register>`))
		if !errors.Is(err, stanza.BadRequest) {
			t.Errorf("%s: %v; want bad-request", doc, err)
		}
	}
}

// A number is told as precisely as it was given.
func TestPrecisionIsKept(t *testing.T) {
	r, err := registry.ParseRegister(parse(t, `<register xmlns='urn:nf:iot:disco:1.0'><num name='V' value='1.00'/></register>`))
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := r.Tags.Get("v"); !ok || v.Number != 1 || v.Text != "1.00" {
		t.Errorf("V is %+v", v)
	}
	if got := r.Element(iot.NF).String(); !strings.Contains(got, "1.00") {
		t.Errorf("written as %s", got)
	}
}

// The registry's address lives in URIs only, but clients copy it into what they send.
func TestRegistryTagIsDropped(t *testing.T) {
	m, err := registry.ParseMine(parse(t, `<mine xmlns='urn:nf:iot:disco:1.0'>`+imcXML+`<str name='r' value='discovery.example.org'/></mine>`))
	if err != nil || !bytes.Equal(m.Tags.CanonicalKey(), tagsOf(t, imc...).CanonicalKey()) {
		t.Errorf("got %+v, %v", m, err)
	}
}

// XEP-0347#update
func TestMerge(t *testing.T) {
	before := tagsOf(t, registry.Str("SN", "1"), registry.Str("ROOM", "2"), registry.Num("V", 1))
	after, err := before.Merge(tagsOf(
		t, registry.Str("room", ""), registry.Num("v", 2), registry.Str("CITY", "Oslo"), registry.Str("NONE", ""), registry.Str("key", "stolen"),
	))
	if err != nil {
		t.Fatal(err)
	}
	want := tagsOf(t, registry.Str("SN", "1"), registry.Num("v", 2), registry.Str("CITY", "Oslo"))
	if !slices.Equal(slices.Collect(after.All()), slices.Collect(want.All())) {
		t.Errorf("after: %v", slices.Collect(after.All()))
	}
	if before.Len() != 3 {
		t.Error("the set before has changed")
	}
	keyed := tagsOf(t, registry.Str("KEY", "own"))
	if after, err := keyed.Merge(tagsOf(t, registry.Str("KEY", ""))); err != nil || after.Len() != 1 {
		t.Errorf("KEY was deleted by an update: %v, %v", after, err)
	}
}

func TestKeyCannotBeUpdated(t *testing.T) {
	_, err := registry.ParseUpdate(parse(t, `<update xmlns='urn:nf:iot:disco:1.0'><str name='key' value='new'/></update>`))
	if !errors.Is(err, stanza.BadRequest) {
		t.Errorf("%v; want bad-request", err)
	}
}

func TestCanonicalKeyTellsApart(t *testing.T) {
	sets := []registry.Tags{
		tagsOf(t),
		tagsOf(t, registry.Str("A", "1")), tagsOf(t, registry.Num("A", 1)), tagsOf(t, registry.Str("A", "1.0")), tagsOf(t, registry.Str("B", "1")),
		tagsOf(t, registry.Str("A", "x")), tagsOf(t, registry.Str("A", "X")), // values have case
		tagsOf(t, registry.Str("A", "1"), registry.Str("B", "")), tagsOf(t, registry.Str("A", "1\x01bs")), tagsOf(t, registry.Str("A1", "")),
		tagsOf(t, registry.Str("A", "1"), registry.Str("KEY", "k")), tagsOf(t, registry.Num("A", math.Nextafter(1, 2))),
	}
	seen := map[string]int{}
	for i, s := range sets {
		key := string(s.CanonicalKey())
		if j, ok := seen[key]; ok {
			t.Errorf("sets %d and %d are the same", i, j)
		}
		seen[key] = i
	}
}

// XEP-0347#claim: exactly the same meta data; the order is not important, nor is the case of names.
func TestCanonicalKeyIgnores(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var one, two []registry.Tag
		for i := range rapid.IntRange(0, 8).Draw(t, "tags") {
			name := fmt.Sprintf("Ñame%d", i)
			if rapid.Bool().Draw(t, "numeric") {
				v := rapid.Float64Range(-1e9, 1e9).Draw(t, "number")
				one = append(one, registry.Num(name, v))
				two = append(two, registry.Tag{Name: strings.ToUpper(name), Text: fmt.Sprintf("%.30E", v), Numeric: true})
				continue
			}
			v := rapid.StringN(0, 100, -1).Draw(t, "text")
			one = append(one, registry.Str(name, v))
			two = append(two, registry.Str(strings.ToLower(name), v))
		}
		two = rapid.Permutation(two).Draw(t, "order")
		a, err := registry.NewTags(one...)
		if err != nil {
			t.Fatal(err)
		}
		b, err := registry.NewTags(two...)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.CanonicalKey(), b.CanonicalKey()) {
			t.Fatalf("%v and %v differ", one, two)
		}
	})
}

func TestZeroHasNoSign(t *testing.T) {
	a, b := tagsOf(t, registry.Num("A", 0)), tagsOf(t, registry.Tag{Name: "A", Text: "-0", Numeric: true})
	if !bytes.Equal(a.CanonicalKey(), b.CanonicalKey()) {
		t.Error("0 and -0 differ")
	}
}
