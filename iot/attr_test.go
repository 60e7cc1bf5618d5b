package iot_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

func TestParseBool(t *testing.T) {
	for s, want := range map[string]bool{"true": true, "1": true, " true\n": true, "false": false, "0": false} {
		if v, ok := iot.ParseBool(s); !ok || v != want {
			t.Errorf("ParseBool(%q) = %v, %v", s, v, ok)
		}
	}
	for _, s := range []string{"", "TRUE", "True", "t", "yes", "on", "2", "true false", "\u00a0true"} {
		if v, ok := iot.ParseBool(s); ok {
			t.Errorf("ParseBool(%q) = %v; want none", s, v)
		}
	}
}

func TestParseDouble(t *testing.T) {
	for s, want := range map[string]float64{
		"1": 1, "+1.50": 1.5, "-0": math.Copysign(0, -1), ".5": .5, "5.": 5, "1e3": 1000, "1E-3": .001, "\t12\r\n": 12,
		"INF": math.Inf(1), "-INF": math.Inf(-1), "1e400": math.Inf(1), "-1e400": math.Inf(-1), "1e-400": 0,
	} {
		if v, ok := iot.ParseDouble(s); !ok || v != want {
			t.Errorf("ParseDouble(%q) = %v, %v; want %v", s, v, ok, want)
		}
	}
	if v, ok := iot.ParseDouble("NaN"); !ok || !math.IsNaN(v) {
		t.Errorf("ParseDouble(NaN) = %v, %v", v, ok)
	}
	for _, s := range []string{
		"", " ", ".", "+", "e", "1e", "1,5", "1 5", "0x10", "0x1p4", "1_000", "Inf", "Infinity", "inf", "nan", "--1", "1e5.0", "٣",
	} {
		if v, ok := iot.ParseDouble(s); ok {
			t.Errorf("ParseDouble(%q) = %v; want none", s, v)
		}
	}
}

func TestFormatDoubleReadsBack(t *testing.T) {
	for v, want := range map[float64]string{
		1.2: "1.2", 1e6: "1000000", -71.519722: "-71.519722", 0: "0", 1e300: "1E+300", 1e-9: "1E-09",
		math.Inf(1): "INF", math.Inf(-1): "-INF",
	} {
		if got := iot.FormatDouble(v); got != want {
			t.Errorf("FormatDouble(%v) = %q; want %q", v, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float64().Draw(t, "v")
		s := iot.FormatDouble(v)
		if got, ok := iot.ParseDouble(s); !ok || got != v {
			t.Fatalf("%v is written %q and read %v, %v", v, s, got, ok)
		}
	})
}

// Clients write id=” where they mean none: an attribute that is empty is absent.
func TestEmptyAttributeIsAbsent(t *testing.T) {
	el := xmlstream.New("urn:x", "e", xmlstream.A("b", ""), xmlstream.A("n", ""), xmlstream.A("j", ""))
	if v, err := iot.BoolAttr(el, "b", true); !v || err != nil {
		t.Errorf("BoolAttr = %v, %v", v, err)
	}
	if v, err := iot.CountAttr(el, "n", 7); v != 7 || err != nil {
		t.Errorf("CountAttr = %v, %v", v, err)
	}
	if _, err := iot.RequiredBoolAttr(el, "b"); !errors.Is(err, stanza.BadRequest) {
		t.Errorf("RequiredBoolAttr: %v", err)
	}
	if _, err := iot.AddressAttr(el, "j"); !errors.Is(err, stanza.BadRequest) {
		t.Errorf("AddressAttr: %v", err)
	}
}

func TestCountAttr(t *testing.T) {
	for s, want := range map[string]int{"0": 0, "20": 20, " +7 ": 7, "2147483647": math.MaxInt32, "99999999999999999999": math.MaxInt32} {
		el := xmlstream.New("urn:x", "e", xmlstream.A("n", s))
		if v, err := iot.CountAttr(el, "n", -1); v != want || err != nil {
			t.Errorf("CountAttr(%q) = %v, %v; want %v", s, v, err, want)
		}
	}
	for _, s := range []string{"-1", "1.0", "1e3", "x", "+", "++1", "0x1", "1_0"} {
		el := xmlstream.New("urn:x", "e", xmlstream.A("n", s))
		if v, err := iot.CountAttr(el, "n", 0); !errors.Is(err, stanza.BadRequest) {
			t.Errorf("CountAttr(%q) = %v, %v; want bad-request", s, v, err)
		}
	}
}

func TestAddressAttr(t *testing.T) {
	el := xmlstream.New("urn:x", "e", xmlstream.A("jid", "Rack@Example.org/plcs"), xmlstream.A("bad", "@example.org"))
	if j, err := iot.AddressAttr(el, "jid"); err != nil || j.String() != "rack@example.org" {
		t.Errorf("AddressAttr = %v, %v; want the bare address", j, err)
	}
	if _, err := iot.AddressAttr(el, "bad"); !errors.Is(err, stanza.JIDMalformed) {
		t.Errorf("AddressAttr: %v; want jid-malformed", err)
	}
}
