package jid

import (
	"strings"
	"testing"
)

func TestPrepareDomain(t *testing.T) {
	label := strings.Repeat("x", maxLabel)
	name := strings.Repeat(label+".", 3) + strings.Repeat("x", maxName-3*(maxLabel+1))
	for _, c := range []struct{ in, want string }{ // want "" for an error
		{"Example.COM", "example.com"},
		{"localhost", "localhost"},
		{"my_service.localhost", "my_service.localhost"},
		{"_xmpp.B\u00fccher.example", "_xmpp.b\u00fccher.example"},
		{"xn--bcher-kva.example", "b\u00fccher.example"},
		{"\uff38\uff0dbox.example", "x-box.example"}, // full-width "X-"
		{"bu\u0308cher.example", "b\u00fccher.example"},
		{"fa\u00df.example", "fa\u00df.example"}, // IDNA2008 keeps sharp s and final sigma
		{"\u03b2\u03cc\u03bb\u03bf\u03c2.com", "\u03b2\u03cc\u03bb\u03bf\u03c2.com"},
		{"\u4f8b\u3048\u3002\u30c6\u30b9\u30c8", "\u4f8b\u3048.\u30c6\u30b9\u30c8"}, // ideographic full stop
		{"\u05d0\u05d1.\u05d2", "\u05d0\u05d1.\u05d2"},
		{"l\u00b7l.cat", "l\u00b7l.cat"}, // CONTEXTO: middle dot between two l
		{"\u00e9--a.example", "\u00e9--a.example"},
		{"a--b.example", "a--b.example"},

		// RFC 7622 §3.2: one final dot is stripped.
		{"example.com.", "example.com"},
		{"example.com\u3002", "example.com"},
		{"example.com..", ""},
		{"example.com.\u3002", ""},
		{".", ""},
		{".example.com", ""},
		{"example..com", ""},
		{"example.\u2024com", ""}, // one dot leader maps to "."
		{"example.xn--", ""},      // an A-label of nothing is not a final dot
		{"xn--.example", ""},

		{"192.0.2.1", "192.0.2.1"},
		{"999.0.2.1", "999.0.2.1"}, // a name
		{"[2001:DB8:0:0::1]", "[2001:db8::1]"},
		{"[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]"},
		{"[::1", ""},
		{"[]", ""},
		{"[", ""},
		{"[192.0.2.1]", ""},
		{"[fe80::1%eth0]", ""},
		{"[v1.fe80::a]", ""},
		{"::1", ""},

		{label + ".example", label + ".example"},
		{label + "x.example", ""},
		{name, name},
		{name + ".", name},
		{name + "x", ""},
		{strings.Repeat("\u4e00\u9fa5\u4e00", 21) + ".example", ""}, // 63 characters, but not in an A-label

		{"-a.example", ""},
		{"a-.example", ""},
		{"ab--c.example", ""},
		{"\u00e9b--c.example", ""},
		{"a b.example", ""},
		{"a&b.example", ""},
		{"a\u2100b.example", ""}, // maps to a/c
		{"\u265a.example", ""},   // a symbol: UTS #46 would have it
		{"xn--45h.example", ""},  // and so as an A-label
		{"a\u00b7l.cat", ""},     // CONTEXTO
		{"a\u200db.example", ""}, // CONTEXTJ: joiner without virama
		{"\u0301a.example", ""},  // begins with a combining mark
		{"a\u05d0.example", ""},  // Bidi
		{"1.\u05d0", ""},         // Bidi rule 1 is for every label of such a name
		{"xn--a.example", ""},    // no Punycode of anything
		{"xn--abc-.example", ""}, // Punycode of ASCII
		{"xn--ls8h.xn--", ""},
		{"a\u00adb.example", "ab.example"}, // UTS #46 ignores a soft hyphen
		{"a" + strings.Repeat("\u00ad", 500) + "b.example", "ab.example"},
		{"a" + strings.Repeat("\u00ad", 600) + "b.example", ""}, // work is bounded before mapping
	} {
		got, err := PrepareDomain(c.in)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("PrepareDomain(%.80q) = %.80q, %v, want %.80q", c.in, got, err, c.want)
		}
	}
}

func TestPrepareLocal(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"Juliet", "juliet"},
		{"a!#$%()*+,-.;=?[]^_`{|}~\\z", "a!#$%()*+,-.;=?[]^_`{|}~\\z"},
		{"\u0391\u0392\u0393", "\u03b1\u03b2\u03b3"},
		{"\uff8f\uff8e\u30ce", "\u30de\u30db\u30ce"}, // half-width katakana
		{"\u05d0\u05d1\u05d2", "\u05d0\u05d1\u05d2"},
		{"", ""},
		{" ", ""},
		{"a b", ""},
		{"a\u3000b", ""}, // ideographic space
		{"a\u200eb", ""}, // a direction mark
		{"\U000e0001", ""},
		{"\ufdd0", ""},
		{"\u2126", "\u03c9"}, // ohm is omega
	} {
		got, err := PrepareLocal(c.in)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("PrepareLocal(%q) = %q, %v, want %q", c.in, got, err, c.want)
		}
	}
	for _, c := range excluded {
		if got, err := PrepareLocal("a" + string(c) + "b"); err == nil {
			t.Errorf("%q was accepted as %q. RFC 7622 §3.3.1", c, got)
		}
	}
}

func TestPrepareResource(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{" Foo  Bar ", " Foo  Bar "},
		{"\u265a\U0001f600", "\u265a\U0001f600"},
		{"a\u05d0", "a\u05d0"}, // OpaqueString has no Bidi rule
		{"a\u2003b", "a b"},
		{"", ""},
		{"a\tb", ""},
		{"a\u007f", ""},
		{"a\u200eb", ""},
		{"a\u0301" + strings.Repeat("\u0301", 40), ""}, // normalisation would cut the run with U+034F
	} {
		got, err := PrepareResource(c.in)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("PrepareResource(%q) = %q, %v, want %q", c.in, got, err, c.want)
		}
	}
}

// Of RFC 8266 §3, Table 1 (valid) and Table 2 (invalid).
func TestNickname(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"Foo", "Foo"},
		{"foo", "foo"},
		{"Foo Bar", "Foo Bar"},
		{"  Foo   Bar ", "Foo Bar"},
		{"\u03a3", "\u03a3"},
		{"\u03c3", "\u03c3"},
		{"\u03c2", "\u03c2"},
		{"\u265a", "\u265a"},
		{"Richard \u2163", "Richard IV"},
		{"", ""},
		{" ", ""},
		{"\u3000", ""},
		{"a\nb", ""},
		{strings.Repeat("x", maxPart+1), ""},
		{"a" + strings.Repeat(" ", maxRaw-2) + "b", "a b"},
		{"a" + strings.Repeat(" ", maxRaw-1) + "b", ""}, // work is bounded before mapping
	} {
		got, err := Nickname(c.in)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("Nickname(%.80q) = %.80q, %v, want %q", c.in, got, err, c.want)
		}
	}
}
