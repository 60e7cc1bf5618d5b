package registry_test

import (
	"errors"
	"math"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/xmpp/stanza"
)

const searchXML = `<strEq name='MAN' value='www.ktc.se'/><strEq name='MODEL' value='IMC'/>` +
	`<strMask name='SN' value='39487*' wildcard='*'/>` +
	`<numRange name='V' min='1' minIncluded='true' max='2' maxIncluded='false'/>` +
	`<numRange name='LON' min='-72' minIncluded='true' max='-70' maxIncluded='true'/>` +
	`<numRange name='LAT' min='-34' minIncluded='true' max='-33' maxIncluded='true'/>`

// imcSearch is the search of XEP-0347's example.
var imcSearch = registry.Search{
	Page: iot.Page{MaxCount: 20},
	Operators: []registry.Operator{
		registry.Where("MAN", registry.Equal, "www.ktc.se"),
		registry.Where("MODEL", registry.Equal, "IMC"),
		registry.WhereMask("SN", "39487*", "*"),
		belowTwo(),
		registry.WhereNumRange("LON", -72, -70),
		registry.WhereNumRange("LAT", -34, -33),
	},
}

func belowTwo() registry.Operator {
	op := registry.WhereNumRange("V", 1, 2)
	op.UpperOpen = true
	return op
}

func compile(t testing.TB, ops ...registry.Operator) *registry.Filter {
	t.Helper()
	f, err := registry.Search{Operators: ops}.Compile()
	if err != nil {
		t.Fatalf("%+v: %v", ops, err)
	}
	return f
}

// XEP-0347#search
func TestSearchExample(t *testing.T) {
	f := compile(t, imcSearch.Operators...)
	found := tagsOf(t, append(imc[:4:4], registry.Num("LON", -71.519722), registry.Num("LAT", -33.008055))...)
	if !f.Match(found) {
		t.Error("the thing of the example is not found")
	}
	for _, change := range []registry.Tag{
		registry.Str("MAN", "www.ktc.no"), registry.Str("SN", "123"), registry.Num("V", 2), registry.Num("LON", -69.9),
		registry.Str("V", "1.2"), registry.Str("LAT", ""),
	} {
		other, err := found.Merge(tagsOf(t, change))
		if err != nil {
			t.Fatal(err)
		}
		if f.Match(other) {
			t.Errorf("a thing with %+v is found", change)
		}
	}
}

func TestOperators(t *testing.T) {
	tags := tagsOf(t, registry.Str("City", "Göteborg"), registry.Num("V", 1.5), registry.Str("N", "1.5"), registry.Str("E", ""))
	for doc, want := range map[string]bool{
		`<strEq name='CITY' value='GÖTEBORG'/>`:                                      true, // without case
		"<strEq name='CITY' value='Go\u0308teborg'/>":                                true, // in NFC
		`<strEq name='CITY' value='Oslo'/>`:                                          false,
		`<strNEq name='CITY' value='göteborg'/>`:                                     false,
		`<strNEq name='CITY' value='Oslo'/>`:                                         true,
		`<strNEq name='ROOM' value='Oslo'/>`:                                         false, // no such tag
		`<strNEq name='V' value='Oslo'/>`:                                            false, // of the other type
		`<strGt name='CITY' value='Göteborg'/>`:                                      false,
		`<strGt name='CITY' value='G'/>`:                                             true,
		`<strGt name='CITY' value='a'/>`:                                             false, // by code points: "G" is below "a"
		`<strGtEq name='CITY' value='Göteborg'/>`:                                    true,
		`<strLt name='CITY' value='Göteborg'/>`:                                      false,
		`<strLt name='CITY' value='H'/>`:                                             true,
		`<strLtEq name='CITY' value='Göteborg'/>`:                                    true,
		`<strRange name='CITY' min='G' max='H'/>`:                                    true,
		`<strNRange name='CITY' min='G' max='H'/>`:                                   false,
		`<strNRange name='CITY' min='A' max='B'/>`:                                   true,
		`<strNRange name='ROOM' min='A' max='B'/>`:                                   false,
		`<strRegEx name='CITY' value='G.*g'/>`:                                       true,
		`<strRegEx name='CITY' value='teb'/>`:                                        false, // the whole value
		`<strRegEx name='CITY' value='Gö|Göteborg'/>`:                                true,  // the longest
		`<strRegEx name='CITY' value='(?i)GÖTEBORG'/>`:                               true,
		`<strMask name='CITY' value='g*B*g' wildcard='*'/>`:                          true,
		`<strMask name='CITY' value='gXXteXXg' wildcard='XX'/>`:                      true,
		`<strMask name='CITY' value='*x*' wildcard='*'/>`:                            false,
		`<strMask name='CITY' value='göte' wildcard='*'/>`:                           false,
		`<numEq name='V' value='1.50'/>`:                                             true,
		`<numEq name='N' value='1.5'/>`:                                              false, // text that looks like a number
		`<strEq name='N' value='1.5'/>`:                                              true,
		`<numNEq name='V' value='1.5'/>`:                                             false,
		`<numGt name='V' value='1.5'/>`:                                              false,
		`<numGtEq name='V' value='1.5'/>`:                                            true,
		`<numLt name='V' value='INF'/>`:                                              true,
		`<numLtEq name='V' value='1'/>`:                                              false,
		`<numRange name='V' min='1.5' max='2'/>`:                                     true,
		`<numRange name='V' min='1.5' minIncluded='false' max='2'/>`:                 false,
		`<numRange name='V' min='1' max='1.5' maxIncluded='0'/>`:                     false,
		`<numNRange name='V' min='1.5' max='2'/>`:                                    false,
		`<numNRange name='V' min='1.5' minIncluded='false' max='2'/>`:                true,
		`<numNRange name='W' min='5' max='6'/>`:                                      false,
		`<numRange name='V' min='2' max='1'/>`:                                       false,
		`<strEq name='E' value=''/>`:                                                 true,
		`<strEq name='C*' nameWildcard='*' value='göteborg'/>`:                       true,
		`<strEq name='C*' value='göteborg'/>`:                                        false,
		`<strNEq name='*' nameWildcard='*' value='göteborg'/>`:                       true, // another tag
		`<strEq name='CITY' value='göteborg'/><numEq name='V' value='2'/>`:           false,
		`<strEq name='CITY' value='göteborg'/><x xmlns='urn:other' name='ignored'/>`: true,
	} {
		s, err := registry.ParseSearch(parse(t, `<search xmlns='urn:nf:iot:disco:1.0'>`+doc+`</search>`))
		if err != nil {
			t.Errorf("%s: %v", doc, err)
			continue
		}
		if got := compile(t, s.Operators...).Match(tags); got != want {
			t.Errorf("%s: %v; want %v", doc, got, want)
		}
	}
}

// Discovery.md searches for urn:nfi:iot:hi:sensor:*, but tags have "_" for ":".
func TestInterfaceNames(t *testing.T) {
	const doc = `<search xmlns='urn:nfi:iot:disco:1.0'><numGtEq name='urn:nfi:iot:hi:sensor:*' nameWildcard='*' value='1.0'/></search>`
	s, err := registry.ParseSearch(parse(t, doc))
	if err != nil {
		t.Fatal(err)
	}
	f := compile(t, s.Operators...)
	if !f.Match(tagsOf(t, registry.Num("urn_nfi_iot_hi_sensor_temperature", 1))) {
		t.Error("the interface is not found")
	}
	if f.Match(tagsOf(t, registry.Num("urn_nfi_iot_hi_sensor_temperature", .9), registry.Num("urn_nfi_iot_hi_meter_heat", 2))) {
		t.Error("another interface is found")
	}
}

// XEP-0347#search: searches on KEY MUST never find things.
func TestKeyIsNeverFound(t *testing.T) {
	tags := tagsOf(t, registry.Str("KEY", "secret"), registry.Str("SN", "1"))
	for _, ops := range [][]registry.Operator{
		{registry.Where("KEY", registry.Equal, "secret")},
		{registry.Where("key", registry.NotEqual, "other")},
		{registry.Where("SN", registry.Equal, "1"), registry.WhereNum("Key", registry.Less, 1)},
	} {
		if f := compile(t, ops...); f.Match(tags) || !f.Never() {
			t.Errorf("%+v finds a thing", ops)
		}
	}
	for _, name := range []string{"K*", "*", "KEY*", "*KEY"} {
		op := registry.Where(name, registry.Equal, "secret")
		op.NameWildcard = "*"
		if compile(t, op).Match(tags) {
			t.Errorf("the name %s finds KEY", name)
		}
	}
	if el := (registry.Found{Things: []registry.Listed{{Thing: thing, Tags: tags}}}).Element(iot.NF); strings.Contains(el.String(), "secret") {
		t.Errorf("a result shows KEY: %s", el)
	}
}

func TestBadSearches(t *testing.T) {
	many := strings.Repeat(`<strEq name='A' value='b'/>`, registry.MaxOperators+1)
	for _, doc := range []string{
		``, `<x xmlns='urn:other'/>`, many,
		`<strFoo name='A' value='b'/>`, `<numMask name='A' value='1' wildcard='*'/>`, `<numRegEx name='A' value='1'/>`, `<Eq name='A' value='1'/>`,
		`<strEq value='b'/>`, `<strEq name='' value='b'/>`, `<strEq name='A'/>`, `<strRange name='A' min='b'/>`,
		`<numEq name='A' value='x'/>`, `<numEq name='A' value='NaN'/>`, `<numRange name='A' min='1' max='NaN'/>`,
		`<numRange name='A' min='1' max='2' maxIncluded='maybe'/>`,
		`<strMask name='A' value='b'/>`, `<strMask name='A' value='b' wildcard=''/>`,
		`<strRegEx name='A' value='('/>`, `<strRegEx name='A' value='a)|(b'/>`, `<strRegEx name='A' value='(?=b)'/>`, `<strRegEx name='A' value='(.)\1'/>`,
		`<strEq name='A' value='` + strings.Repeat("x", 257) + `'/>`, `<strEq name='` + strings.Repeat("x", 257) + `' value=''/>`,
	} {
		s, err := registry.ParseSearch(parse(t, `<search xmlns='urn:xmpp:iot:discovery'>`+doc+`</search>`))
		if err == nil {
			_, err = s.Compile()
		}
		if !errors.Is(err, stanza.BadRequest) {
			t.Errorf("%.100s: %v; want bad-request", doc, err)
		}
	}
	for _, attrs := range []string{`offset='-1'`, `maxCount='many'`, `distributed='perhaps'`} {
		_, err := registry.ParseSearch(parse(t, `<search xmlns='urn:xmpp:iot:discovery' `+attrs+`>`+searchXML+`</search>`))
		if !errors.Is(err, stanza.BadRequest) {
			t.Errorf("%s: %v; want bad-request", attrs, err)
		}
	}
}

// Expressions that would cost much memory or time are refused, those that are as large as they may be stay quick.
func TestHugeRegEx(t *testing.T) {
	for _, expr := range []string{
		"(((((((((a{1000})))))))))", "(?:(?:a{30}){30})", strings.Repeat(`\pL{1000}`, 25), strings.Repeat("a", 256) + "{9}",
		"(?:" + strings.Repeat("ab", 100) + "){1000}", "a{1001}", strings.Repeat("(", 120) + strings.Repeat(")", 120) + "{500}",
		strings.Repeat("x?", 127) + "{9}",
	} {
		_, err := registry.Search{Operators: []registry.Operator{registry.Where("A", registry.RegEx, expr)}}.Compile()
		if !errors.Is(err, stanza.BadRequest) {
			t.Errorf("%.40s: %v; want bad-request", expr, err)
		}
	}
	worst := compile(t, registry.Where("A", registry.RegEx, strings.Repeat("(a*)*", 40)+"b"))
	if worst.Match(tagsOf(t, registry.Str("A", strings.Repeat("a", registry.MaxValue)))) {
		t.Error("matched")
	}
}

// NotInRange is InRange denied, of tags that are there, and a range is its two ends.
func TestRangeLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		num := rapid.Float64Range(-3, 3)
		in := registry.WhereNumRange("V", math.Round(num.Draw(t, "lower")), math.Round(num.Draw(t, "upper")))
		in.LowerOpen, in.UpperOpen = rapid.Bool().Draw(t, "lower open"), rapid.Bool().Draw(t, "upper open")
		out := in
		out.Test = registry.NotInRange
		lower, upper := registry.GreaterOrEqual, registry.LessOrEqual
		if in.LowerOpen {
			lower = registry.Greater
		}
		if in.UpperOpen {
			upper = registry.Less
		}
		tags, err := registry.NewTags(registry.Num("V", math.Round(num.Draw(t, "value"))))
		if err != nil {
			t.Fatal(err)
		}
		match := func(ops ...registry.Operator) bool {
			f, err := registry.Search{Operators: ops}.Compile()
			if err != nil {
				t.Fatal(err)
			}
			return f.Match(tags)
		}
		both := match(registry.WhereNum("V", lower, in.Value.Number), registry.WhereNum("V", upper, in.Upper.Number))
		if match(in) != both || match(out) == both {
			t.Fatalf("both ends %v, in range %v, out of range %v", both, match(in), match(out))
		}
	})
}

// WhereRange includes both ends.
func TestWhereRange(t *testing.T) {
	f := compile(t, registry.WhereRange("A", "b", "d"))
	for value, want := range map[string]bool{"a": false, "b": true, "c": true, "d": true, "da": false} {
		if got := f.Match(tagsOf(t, registry.Str("A", value))); got != want {
			t.Errorf("%s: %v", value, got)
		}
	}
}

// Searches that are made by hand are checked as those that are read.
func TestCompileChecks(t *testing.T) {
	for _, op := range []registry.Operator{
		{},
		{Name: "A", Test: 99},
		{Name: "A", Test: 99, Numeric: true},
		{Name: "A", Test: registry.Mask, Numeric: true},
		{Name: "A", Test: registry.RegEx, Numeric: true},
		registry.WhereNum("A", registry.Equal, math.NaN()),
	} {
		if _, err := (registry.Search{Operators: []registry.Operator{op}}).Compile(); !errors.Is(err, stanza.BadRequest) {
			t.Errorf("%+v: %v; want bad-request", op, err)
		}
	}
	for _, n := range []int{0, registry.MaxOperators + 1} {
		if _, err := (registry.Search{Operators: make([]registry.Operator, n)}).Compile(); !errors.Is(err, stanza.BadRequest) {
			t.Errorf("%d operators: %v; want bad-request", n, err)
		}
	}
}

// A mask matches as the regular expression does that it stands for.
func TestMaskIsRegEx(t *testing.T) {
	text := rapid.StringOfN(rapid.SampledFrom([]rune("abB*.")), 0, 8, -1)
	rapid.Check(t, func(t *rapid.T) {
		mask, value := text.Draw(t, "mask"), text.Draw(t, "value")
		parts := strings.Split(mask, "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		want := regexp.MustCompile(`(?is)^` + strings.Join(parts, ".*") + `$`).MatchString(value)
		tags, err := registry.NewTags(registry.Str("A", value))
		if err != nil {
			t.Fatal(err)
		}
		f, err := registry.Search{Operators: []registry.Operator{registry.WhereMask("A", mask, "*")}}.Compile()
		if err != nil {
			t.Fatal(err)
		}
		if f.Match(tags) != want {
			t.Fatalf("mask %q, value %q: %v; want %v", mask, value, !want, want)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	f := compile(b, imcSearch.Operators...)
	tags := tagsOf(b, append(imc[:4:4], registry.Num("LON", -71.519722), registry.Num("LAT", -33.008055))...)
	b.ReportAllocs()
	for b.Loop() {
		if !f.Match(tags) {
			b.Fatal("no match")
		}
	}
}
