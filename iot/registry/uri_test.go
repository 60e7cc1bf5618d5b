package registry_test

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/xmpp/jid"
)

const (
	// Discovery.md "IoTDisco URI Scheme"
	claimURI = "iotdisco:SN=98734238472634;MAN=www.example.org;MODEL=Device;#V=1.0;KEY=3453485763440213840928;R=discovery.example.org"
	// Discovery.md "IoTDisco URI Scheme for searches"
	searchURI = "iotdisco:MAN=www.example.org;MODEL=Device;SN~*9873*;#V>=1.0;#V<2;#LON>=-72;#LON<=-70;#LAT>=-34;#LAT<=-33"
	// XEP-0347#claim
	oldURI = "IoTDisco;SN:394872348732948723;MAN:www.ktc.se;MODEL:IMC;#V:1.2;KEY:4857402340298342"
)

func TestClaimURI(t *testing.T) {
	u, err := registry.ParseURI(claimURI)
	if err != nil {
		t.Fatal(err)
	}
	want := []registry.Tag{
		registry.Str("SN", "98734238472634"), registry.Str("MAN", "www.example.org"), registry.Str("MODEL", "Device"),
		{Name: "V", Text: "1.0", Number: 1, Numeric: true},
		registry.Str("KEY", "3453485763440213840928"),
	}
	if !u.IsClaim() || u.Registry.String() != "discovery.example.org" || !slices.Equal(slices.Collect(u.Claim.All()), want) {
		t.Errorf("got %+v", u)
	}
	if s, err := u.Format(); err != nil || s != claimURI {
		t.Errorf("written as %s, %v", s, err)
	}
}

func TestSearchURI(t *testing.T) {
	u, err := registry.ParseURI(searchURI)
	if err != nil {
		t.Fatal(err)
	}
	v := belowTwo()
	v.Value.Text = "1.0"
	want := []registry.Operator{
		registry.Where("MAN", registry.Equal, "www.example.org"), registry.Where("MODEL", registry.Equal, "Device"),
		registry.WhereMask("SN", "9873*", "*"), v, registry.WhereNumRange("LON", -72, -70), registry.WhereNumRange("LAT", -34, -33),
	}
	if u.IsClaim() || !reflect.DeepEqual(u.Search, want) {
		t.Errorf("got %+v", u.Search)
	}
	if s, err := u.Format(); err != nil || s != searchURI {
		t.Errorf("written as %s, %v", s, err)
	}
}

// XEP-0347#claim: the form before there was a URI scheme.
func TestOldURI(t *testing.T) {
	u, err := registry.ParseURI(oldURI)
	if err != nil || !u.IsClaim() || !bytes.Equal(u.Claim.CanonicalKey(), tagsOf(t, imc...).CanonicalKey()) {
		t.Errorf("got %+v, %v", u, err)
	}
	u, err = registry.ParseURI(`iotdisco;SN:100%20;PURL:http://example.org/a\;b\\c`)
	want := tagsOf(t, registry.Str("SN", "100%20"), registry.Str("PURL", `http://example.org/a;b\c`))
	if err != nil || !u.IsClaim() || !bytes.Equal(u.Claim.CanonicalKey(), want.CanonicalKey()) {
		t.Errorf("got %+v, %v", u, err)
	}
}

// Values come with backslashes from those who follow the document, and percent-encoded from others.
func TestEncodingsOfURI(t *testing.T) {
	want := tagsOf(t, registry.Str("PURL", `https://example.org/a;b\c?d=100%`), registry.Num("V", 1.5), registry.Str("KEY", "k"))
	for _, s := range []string{
		`iotdisco:PURL=https://example.org/a\;b\\c?d=100%;#V=1.5;KEY=k`,
		`iotdisco:PURL=https%3A%2F%2Fexample.org%2Fa%3Bb%5Cc%3Fd%3D100%25;#V=1.5;KEY=k`,
		`IOTDISCO:PURL=https%3a%2f%2fexample.org%2fa%3bb%5cc%3fd%3d100%25;#V=1.5;KEY=k;`, // a client ends it so
		` iotdisco:purl=https://example.org/a%3Bb\\c?d=100%;#v=1.50;key=k` + "\n",
		// Encoded once more by something that took it for text.
		`iotdisco:PURL%3Dhttps%253A%252F%252Fexample.org%252Fa%253Bb%255Cc%253Fd%253D100%2525;%23V%3D1.5;KEY%3Dk`,
	} {
		u, err := registry.ParseURI(s)
		if err != nil || !bytes.Equal(u.Claim.CanonicalKey(), want.CanonicalKey()) {
			t.Errorf("%s: %v, %v", s, slices.Collect(u.Claim.All()), err)
		}
	}
}

func TestOperatorsOfURI(t *testing.T) {
	num := func(test registry.Test, value float64) registry.Operator { return registry.WhereNum("V", test, value) }
	outside := func(lower, upper float64, lowerOpen, upperOpen bool) registry.Operator {
		op := registry.WhereNumRange("V", lower, upper)
		op.Test, op.LowerOpen, op.UpperOpen = registry.NotInRange, lowerOpen, upperOpen
		return op
	}
	for s, want := range map[string][]registry.Operator{
		"#V=1":            {num(registry.Equal, 1)},
		"#V<>1":           {num(registry.NotEqual, 1)},
		"#V<1":            {num(registry.Less, 1)},
		"#V<=1":           {num(registry.LessOrEqual, 1)},
		"#V>1":            {num(registry.Greater, 1)},
		"#V>=1":           {num(registry.GreaterOrEqual, 1)},
		"#V>=1;#V<=2":     {registry.WhereNumRange("V", 1, 2)},
		"#V<=2;#v>=1":     {{Test: registry.InRange, Numeric: true, Name: "v", Value: registry.Value{Text: "1", Number: 1}, Upper: registry.Value{Text: "2", Number: 2}}},
		"#V<1;#V>2":       {outside(1, 2, false, false)},
		"#V>=2;#V<=1":     {outside(1, 2, true, true)},
		"#V>2;#V<=1":      {outside(1, 2, true, false)},
		"#V>1;V<2":        {num(registry.Greater, 1), registry.Where("V", registry.Less, "2")}, // of two types
		"#V>1;#V>2":       {num(registry.Greater, 1), num(registry.Greater, 2)},
		"N>b;N<a":         {{Test: registry.NotInRange, Name: "N", Value: registry.Value{Text: "a"}, Upper: registry.Value{Text: "b"}}},
		"A~?x?":           {registry.WhereMask("A", "x?", "?")},
		"A~%2Ax*":         {registry.WhereMask("A", "x*", "*")},
		"A~å%20xå":        {registry.WhereMask("A", " xå", "å")},
		"A%7EB=a<b>c=d~e": {registry.Where("A~B", registry.Equal, "a<b>c=d~e")},
		"V=;W<>":          {registry.Where("V", registry.Equal, ""), registry.Where("W", registry.NotEqual, "")},
		"%23V%3E%3D1":     {num(registry.GreaterOrEqual, 1)},
		"A=%ff%41":        {registry.Where("A", registry.Equal, "%ff%41")}, // would be no UTF-8
		`N\=A<x`:          {registry.Where("N=A", registry.Less, "x")},
		"":                nil,
		";;":              nil,
		"V":               nil,
		"=x":              nil,
		"#=1":             nil,
		"#V=x":            nil,
		"#V~*1":           nil,
		"V~":              nil,
		"A B=1":           nil,
		"KEY<>x":          nil,
		"KEY~*x*;A=1":     nil,
		"R=a@@b;A=1":      nil,
		"R=a@b/c;A=1":     nil,
		"R<>example.org":  nil,
		"R=a;":            nil,
		"#V=NaN":          nil,
		"A=1;A=2;KEY=x":   nil, // a claim names each tag once
		"A%3DB=1;KEY=x":   nil,
		"A=" + strings.Repeat("x", 129) + ";KEY=k":      nil,
		strings.Repeat("A=1;", registry.MaxOperators+1): nil,
		strings.Repeat("x", registry.MaxURI):            nil,
	} {
		u, err := registry.ParseURI("iotdisco:" + s)
		if want == nil {
			if err == nil {
				t.Errorf("%.60s: %+v; want an error", s, u)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(u.Search, want) {
			t.Errorf("%s: %+v, %v; want %+v", s, u.Search, err, want)
		}
	}
	for _, s := range []string{"", "iotdisco", "iotdisco=A", "http://example.org", "iot:A=1", "IoTDisco;", "IoTDisco;SN"} {
		if u, err := registry.ParseURI(s); err == nil {
			t.Errorf("%s: %+v; want an error", s, u)
		}
	}
}

func TestNotInURI(t *testing.T) {
	wild := registry.Where("A*", registry.Equal, "x")
	wild.NameWildcard = "*"
	same := registry.WhereNumRange("V", 1, 1)
	same.Test = registry.NotInRange
	for _, op := range []registry.Operator{
		registry.Where("A", registry.RegEx, "x"), wild, same, registry.WhereNumRange("V", 2, 1), registry.Where("KEY", registry.Equal, "x"),
		registry.Where("R", registry.Equal, "x"), registry.WhereMask("A", "x", ""), registry.WhereMask("A", "*?!$'(),_", "x"), registry.Where("", registry.Equal, ""),
	} {
		if s, err := (registry.URI{Search: []registry.Operator{op}}).Format(); err == nil {
			t.Errorf("%+v is written as %s", op, s)
		}
	}
	for _, u := range []registry.URI{{}, {Claim: tagsOf(t, registry.Str("SN", "1"))}} {
		if s, err := u.Format(); err == nil {
			t.Errorf("a claim without KEY is written as %s", s)
		}
	}
}

// A mask is written with a wildcard that cannot be mistaken.
func TestMaskInURI(t *testing.T) {
	for want, op := range map[string]registry.Operator{
		"iotdisco:A~*x%2By*":  registry.WhereMask("A", "x+yWILD", "WILD"),
		"iotdisco:A~?100%2A?": registry.WhereMask("A", "100*%", "%"),
		"iotdisco:A~*x*":      registry.WhereMask("A", "x;", ";"),
	} {
		if got, err := (registry.URI{Search: []registry.Operator{op}}).Format(); err != nil || got != want {
			t.Errorf("%+v is written as %s, %v; want %s", op, got, err, want)
		}
	}
}

// What is written is read as it was, with any text.
func TestURIRoundTrip(t *testing.T) {
	name := rapid.StringMatching(`[A-JL-QS-Z~å][A-Za-z0-9~._]{0,8}`)
	text := rapid.StringN(0, 30, -1)
	number := rapid.Float64Range(-1e6, 1e6)
	rapid.Check(t, func(t *rapid.T) {
		u := registry.URI{Registry: jid.MustParse("discovery.example.org")}
		if rapid.Bool().Draw(t, "claim") {
			tags := []registry.Tag{registry.Str("KEY", text.Draw(t, "key"))}
			for i := range rapid.IntRange(0, 5).Draw(t, "tags") {
				tags = append(tags, registry.Str(fmt.Sprint("S", i, name.Draw(t, "name")), text.Draw(t, "text")))
				tags = append(tags, registry.Num(fmt.Sprint("N", i), number.Draw(t, "number")))
			}
			var err error
			if u.Claim, err = registry.NewTags(tags...); err != nil {
				t.Fatal(err)
			}
		} else {
			u.Search = []registry.Operator{
				registry.Where(name.Draw(t, "name")+"1", rapid.SampledFrom([]registry.Test{registry.Equal, registry.NotEqual, registry.Less}).Draw(t, "test"), text.Draw(t, "text")),
				registry.WhereNum(name.Draw(t, "name")+"2", registry.GreaterOrEqual, number.Draw(t, "number")),
			}
			r := registry.WhereNumRange(name.Draw(t, "name")+"3", number.Draw(t, "lower"), number.Draw(t, "upper"))
			r.Test = rapid.SampledFrom([]registry.Test{registry.InRange, registry.NotInRange}).Draw(t, "range")
			r.LowerOpen, r.UpperOpen = rapid.Bool().Draw(t, "lower open"), rapid.Bool().Draw(t, "upper open")
			if r.Value.Number < r.Upper.Number {
				u.Search = append(u.Search, r)
			}
		}
		s, err := u.Format()
		if err != nil {
			t.Fatal(err)
		}
		got, err := registry.ParseURI(s)
		if err != nil || !reflect.DeepEqual(got, u) {
			t.Fatalf("%s\n got %+v, %v\nwant %+v", s, got, err, u)
		}
	})
}

func FuzzURI(f *testing.F) {
	for _, s := range []string{
		claimURI, searchURI, oldURI, `iotdisco:A=a\;b\\c;KEY=%41%zz`, "iotdisco:A~%", "iotdisco:A~%2", "iotdisco:A~\\x", "iotdisco:\\", "IoTDisco;A:",
		"iotdisco:#V<1;#V>2;#V>3", "iotdisco:A~*%2A*", "iotdisco:%23V%3E%3D1;R=a", "iotdisco:A=\xff;KEY=1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := registry.ParseURI(s)
		if err != nil {
			return
		}
		if u.IsClaim() != (u.Claim.Len() > 0) {
			t.Fatalf("%q is neither claim nor search: %+v", s, u)
		}
		written, err := u.Format()
		if err != nil {
			return // a claim in the old form without KEY, or a mask with too strange a text
		}
		again, err := registry.ParseURI(written)
		if err != nil {
			t.Fatalf("%q is written as %q: %v", s, written, err)
		}
		if !bytes.Equal(again.Claim.CanonicalKey(), u.Claim.CanonicalKey()) || again.Registry != u.Registry || len(again.Search) != len(u.Search) {
			t.Fatalf("%q is written as %q and read as %+v; was %+v", s, written, again, u)
		}
	})
}

func TestURIIsForSearchInEveryGeneration(t *testing.T) {
	u, err := registry.ParseURI(searchURI)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range generations {
		s, err := registry.ParseSearch(registry.Search{Page: iot.Page{MaxCount: 5}, Operators: u.Search}.Element(g))
		if err != nil || !reflect.DeepEqual(s.Operators, u.Search) {
			t.Errorf("%v: %+v, %v", g, s, err)
		}
	}
}
