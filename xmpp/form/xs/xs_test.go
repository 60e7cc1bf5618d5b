package xs

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		datatype  string
		good, bad []string
	}{
		{"xs:boolean", []string{"true", "false", "0", "1", " 1 "}, []string{"", "True", "yes", "2"}},
		{"xs:byte", []string{"-128", "127", "+5"}, []string{"128", "-129", "", "1.0", "0x1"}},
		{"xs:short", []string{"-32768", "32767"}, []string{"32768"}},
		{"xs:int", []string{"-2147483648", "2147483647", "007"}, []string{"2147483648", "1_000", "1e3"}},
		{"xs:long", []string{"9223372036854775807"}, []string{"9223372036854775808"}},
		{"xs:integer", []string{"123456789012345678901234567890", "-0"}, []string{"", "-", "1.", "1e1"}},
		{"xs:decimal", []string{"1", "-1.50", ".5", "5."}, []string{"", ".", "+", "1e3", "1.2.3", "INF"}},
		{"xs:double", []string{"1", "-1.5e-3", "1E400", "INF", "-INF", "NaN", ".5"}, []string{"", "e5", "1e", "1e+", "0x1p4", "inf", "nan", "1_0"}},
		{"xs:date", []string{"2013-05-01", "2013-05-01Z", "2013-05-01+02:00"}, []string{"2013-13-01", "13-05-01", "2013-05-01T00:00:00"}},
		{"xs:time", []string{"08:00:00", "08:00:00.25Z"}, []string{"8:00", "8:00:00", "08:00:00,5", "24:00:00", "08:00:60"}},
		{"xs:dateTime", []string{"2013-03-07T16:24:30", "2003-10-06T11:22:00-07:00", "2018-07-02T09:47:38.5102314Z"}, []string{"2013-03-07", "2013-03-07 16:24:30", "2013-02-30T00:00:00"}},
		{"xs:duration", []string{"PT3M30S", "P1Y", "-P1DT12H", "PT0.5S"}, []string{"", "P", "PT", "P1S", "PT1M1H", "P1", "PT1.S", "PT.5S", "3M", "P999999999999999999Y", "P2147483647D"}},
		{"xs:anyURI", []string{"http://example.org/", "urn:xmpp:iot:control"}, []string{"%", "http://[::1"}},
		{"xs:language", []string{"en", "sv-SE", "zh-Hant-TW"}, []string{"", "en_US", "1a", "abcdefghi"}},
		{"xs:string", []string{"", "anything"}, nil},
		{"x:own", []string{"anything"}, nil},
	} {
		for _, v := range c.good {
			if err := Check(c.datatype, v); err != nil {
				t.Errorf("%s: %q is refused", c.datatype, v)
			}
		}
		for _, v := range c.bad {
			if err := Check(c.datatype, v); err == nil {
				t.Errorf("%s: %q is accepted", c.datatype, v)
			}
		}
	}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		datatype, a, b string
		want           int
	}{
		{"xs:int", "-5", "4", -1},
		{"xs:long", "9223372036854775807", "9223372036854775806", 1},
		{"xs:decimal", "1.0", "1", 0},
		{"xs:integer", "100000000000000000000000", "99999999999999999999999", 1},
		{"xs:double", "8.192", "INF", -1},
		{"xs:date", "2013-05-01", "2013-04-30", 1},
		{"xs:time", "08:00:00", "08:00:00.001", -1},
		{"xs:dateTime", "2003-10-06T11:22:00-07:00", "2003-10-06T18:22:00Z", 0},
	} {
		if got, err := Compare(c.datatype, c.a, c.b); err != nil || got != c.want {
			t.Errorf("%s: %s against %s gives %d, %v", c.datatype, c.a, c.b, got, err)
		}
	}
	for _, c := range [][3]string{{"xs:double", "NaN", "1"}, {"xs:string", "a", "b"}, {"xs:int", "a", "1"}, {"xs:date", "1", "2"}, {"xs:duration", "P1M", "P30D"}} {
		if _, err := Compare(c[0], c[1], c[2]); err == nil {
			t.Errorf("%s has no order, %q against %q was compared", c[0], c[1], c[2])
		}
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]Duration{
		"P1Y2M3DT4H5M6.5S": {14, 3*24*time.Hour + 4*time.Hour + 5*time.Minute + 6500*time.Millisecond},
		"-PT1M30S":         {0, -90 * time.Second},
		"P1M":              {1, 0},
		"PT0S":             {},
		"PT0.000000001S":   {0, 1},
	} {
		got, err := ParseDuration(text)
		if err != nil || got != want {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
		if got.String() != text {
			t.Errorf("%s: written as %s", text, got)
		}
	}
}

func TestDurationRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Duration{rapid.IntRange(0, 1<<31-1).Draw(t, "months"), time.Duration(rapid.Int64Min(0).Draw(t, "rest"))}
		if rapid.Bool().Draw(t, "negative") {
			d.Months, d.Rest = -d.Months, -d.Rest
		}
		if got, err := ParseDuration(d.String()); err != nil || got != d {
			t.Fatalf("%v became %v, %v by %s", d, got, err, d.String())
		}
	})
}

func TestDateTimeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := time.Unix(rapid.Int64Range(-62135596800, 253402300799).Draw(t, "s"), rapid.Int64Range(0, 999999999).Draw(t, "ns"))
		if got, err := ParseDateTime(FormatDateTime(want)); err != nil || !got.Equal(want) {
			t.Fatalf("%v became %v, %v", want, got, err)
		}
	})
}

func TestFormatDouble(t *testing.T) {
	for _, f := range []float64{0, 23.4, -1e300, math.Inf(1), math.Inf(-1), 5e-324} {
		if got, err := ParseDouble(FormatDouble(f)); err != nil || got != f {
			t.Errorf("%g became %g, %v", f, got, err)
		}
	}
	if got, err := ParseDouble(FormatDouble(math.NaN())); err != nil || !math.IsNaN(got) {
		t.Errorf("NaN became %g, %v", got, err)
	}
}

func FuzzCheck(f *testing.F) {
	for _, s := range []string{"P1Y2M3DT4H5M6.5S", "2018-07-02T09:47:38.5102314Z", "-1.5e-3", "+.", "sv-SE", "P-"} {
		f.Add(s)
	}
	types := []string{"xs:boolean", "xs:int", "xs:integer", "xs:decimal", "xs:double", "xs:date", "xs:time", "xs:dateTime", "xs:duration", "xs:language", "xs:anyURI"}
	f.Fuzz(func(t *testing.T, s string) {
		for _, typ := range types {
			if order, err := Compare(typ, s, s); err == nil && (order != 0 || Check(typ, s) != nil) {
				t.Errorf("%s: %q equals itself by %d, checked as %v", typ, s, order, Check(typ, s))
			}
		}
		if d, err := ParseDuration(s); err == nil {
			if again, err := ParseDuration(d.String()); err != nil || again != d {
				t.Errorf("%q became %v, then %v, %v", s, d, again, err)
			}
		}
	})
}
