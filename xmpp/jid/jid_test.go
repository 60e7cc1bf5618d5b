package jid

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unsafe"
)

var (
	_ fmt.Stringer             = JID{}
	_ encoding.TextMarshaler   = JID{}
	_ encoding.TextUnmarshaler = (*JID)(nil)
	_ error                    = (*Error)(nil)
)

// rfc7622Valid is Table 1 of RFC 7622 §3.5, with the parts that it names.
var rfc7622Valid = []struct{ in, local, domain, resource string }{
	{"juliet@example.com", "juliet", "example.com", ""},
	{"juliet@example.com/foo", "juliet", "example.com", "foo"},
	{"juliet@example.com/foo bar", "juliet", "example.com", "foo bar"},
	{"juliet@example.com/foo@bar", "juliet", "example.com", "foo@bar"},
	{`foo\20bar@example.com`, `foo\20bar`, "example.com", ""},
	{"fussball@example.com", "fussball", "example.com", ""},
	{"fu\u00dfball@example.com", "fu\u00dfball", "example.com", ""},
	{"\u03c0@example.com", "\u03c0", "example.com", ""},
	{"\u03a3@example.com/foo", "\u03c3", "example.com", "foo"}, // the capital is case-mapped
	{"\u03c3@example.com/foo", "\u03c3", "example.com", "foo"},
	{"\u03c2@example.com/foo", "\u03c2", "example.com", "foo"}, // final sigma is another letter
	{"king@example.com/\u265a", "king", "example.com", "\u265a"},
	{"example.com", "", "example.com", ""},
	{"example.com/foobar", "", "example.com", "foobar"},
	{"a.example.com/b@example.net", "", "a.example.com", "b@example.net"},
	// Table 2 calls this one invalid; erratum 4560 says that it is not.
	{"juliet@example.com/ foo", "juliet", "example.com", " foo"},
}

// rfc7622Invalid is Table 2 of RFC 7622 §3.5, with the part that is wrong.
var rfc7622Invalid = []struct{ in, part string }{
	{`"juliet"@example.com`, "localpart"},
	{"foo bar@example.com", "localpart"},
	{"@example.com/", "localpart"},
	{"henry\u2163@example.com", "localpart"},
	{"\u265a@example.com", "localpart"},
	{"juliet@", "domainpart"},
	{"/foobar", "domainpart"},
}

func TestParseRFC7622Tables(t *testing.T) {
	for _, c := range rfc7622Valid {
		j, err := Parse(c.in)
		if err != nil {
			t.Errorf("Parse(%q): %v", c.in, err)
			continue
		}
		if j.Local() != c.local || j.Domain() != c.domain || j.Resource() != c.resource {
			t.Errorf("Parse(%q) has parts %q, %q, %q, want %q, %q, %q", c.in,
				j.Local(), j.Domain(), j.Resource(), c.local, c.domain, c.resource)
		}
	}
	for _, c := range rfc7622Invalid {
		wantError(t, c.in, c.part)
	}
}

// wantError checks that s is refused because of the part given.
func wantError(t *testing.T, s, part string) {
	t.Helper()
	j, err := Parse(s)
	var wrong *Error
	switch {
	case !errors.As(err, &wrong):
		t.Errorf("Parse(%.80q) = %.80q, %v, want an *Error", s, j, err)
	case wrong.Part != part:
		t.Errorf("Parse(%.80q): %v, want %s to be wrong", s, err, part)
	case !j.IsZero():
		t.Errorf("Parse(%.80q) returned %q with its error", s, j)
	}
}

func TestParseErrors(t *testing.T) {
	long := strings.Repeat("x", maxPart+1)
	for _, c := range []struct{ in, message string }{
		{"", "jid: domainpart is empty"},
		{"@", "jid: domainpart is empty"},
		{"@/", "jid: domainpart is empty"},
		{"@example.com", "jid: localpart is empty"},
		{"example.com/", "jid: resourcepart is empty"},
		{"a@b@example.com", "jid: domainpart contains a character not allowed in a domain name"},
		{"a:b@example.com", "jid: localpart contains one of " + excluded},
		{"a\uff20b@example.com", "jid: localpart contains one of " + excluded}, // full-width "@"
		{"a\u0000@example.com", "jid: localpart contains a character that PRECIS does not allow there"},
		{"a\xff@example.com", "jid: localpart is not valid UTF-8"},
		{"a\u05d0@example.com", "jid: localpart mixes directions of writing against the Bidi rule"},
		{"a@example.com/\u0007", "jid: resourcepart contains a character that PRECIS does not allow there"},
		{"a@example.com/\xc3", "jid: resourcepart is not valid UTF-8"},
		{"a@\xc3.com", "jid: domainpart is not valid UTF-8"},
		{long + "@example.com", "jid: localpart is longer than 1023 octets"},
		{"a@" + long[:64], "jid: domainpart has a label longer than 63 octets"},
		{"a@" + long + ".example", "jid: domainpart is longer than 1023 octets"},
		{"a@" + strings.Repeat("\u3300", 300), "jid: domainpart is longer than 1023 octets"}, // maps to four times as much
		{"a@example.com/" + long, "jid: resourcepart is longer than 1023 octets"},
		{"a@example.com/" + strings.Repeat("\u00e4", 512), "jid: resourcepart is longer than 1023 octets"},
		{strings.Repeat("\u00e4", 1<<20), "jid: address is too long"},
	} {
		if _, err := Parse(c.in); err == nil || err.Error() != c.message {
			t.Errorf("Parse(%.80q): %v, want %s", c.in, err, c.message)
		}
	}
}

func TestParseLimits(t *testing.T) {
	full := strings.Repeat("x", maxPart)
	for _, s := range []string{
		full + "@example.com/" + full,
		// The limit is for the canonical form: three octets of each letter become one.
		strings.Repeat("\uff41", maxPart) + "@example.com",
	} {
		if j, err := Parse(s); err != nil || len(j.Local()) != maxPart {
			t.Errorf("Parse(%.80q) = %.80q, %v", s, j, err)
		}
	}
}

func TestEqualAddressesAreEqual(t *testing.T) {
	for _, c := range []struct{ a, b string }{
		{"Juliet@Example.COM/Balcony", "juliet@example.com/Balcony"},
		{"\uff2auliet@example.com", "juliet@example.com"},
		{"e\u0301@example.com/e\u0301", "\u00e9@example.com/\u00e9"},
		{"a@example.com/x\u00a0y", "a@example.com/x y"},
		{"example.com.", "example.com"},
		{"b\u00fccher.example", "XN--BCHER-KVA.example"},
	} {
		a, b := MustParse(c.a), MustParse(c.b)
		if a != b {
			t.Errorf("%q and %q differ: %q, %q", c.a, c.b, a, b)
		}
		if byKey := map[JID]bool{a: true}; !byKey[b] {
			t.Errorf("%q does not find %q in a map", c.b, c.a)
		}
	}
	if MustParse("a@example.com/X") == MustParse("a@example.com/x") {
		t.Error("the resourcepart lost its case")
	}
}

func TestKinds(t *testing.T) {
	full := MustParse("juliet@example.com/balcony")
	for _, c := range []struct {
		j                         JID
		text                      string
		zero, bare, full, domains bool
	}{
		{JID{}, "", true, false, false, false},
		{full, "juliet@example.com/balcony", false, false, true, false},
		{full.Bare(), "juliet@example.com", false, true, false, false},
		{full.DomainJID(), "example.com", false, true, false, true},
		{MustParse("example.com/x"), "example.com/x", false, false, true, false},
		{JID{}.Bare(), "", true, false, false, false},
		{JID{}.DomainJID(), "", true, false, false, false},
	} {
		if c.j.String() != c.text || c.j.IsZero() != c.zero || c.j.IsBare() != c.bare ||
			c.j.IsFull() != c.full || c.j.IsDomain() != c.domains {
			t.Errorf("%q: zero %v, bare %v, full %v, domain %v; want %q, %v, %v, %v, %v", c.j,
				c.j.IsZero(), c.j.IsBare(), c.j.IsFull(), c.j.IsDomain(), c.text, c.zero, c.bare, c.full, c.domains)
		}
	}
	if full.Bare() != MustParse("juliet@example.com") || full.DomainJID() != MustParse("example.com") {
		t.Error("a derived address differs from the same address parsed")
	}
}

func TestNew(t *testing.T) {
	j, err := New("Juliet", "Example.com", "Balcony")
	if err != nil || j != MustParse("juliet@example.com/Balcony") {
		t.Errorf("New = %q, %v", j, err)
	}
	if j, err = New("", "example.com", ""); err != nil || !j.IsDomain() {
		t.Errorf("New with a domain alone = %q, %v", j, err)
	}
	for _, c := range [][3]string{{"a/b", "example.com", ""}, {"a", "", "b"}, {"a", "x/y", ""}, {"a", "b@c", ""}, {"a", "example.com", "\n"}} {
		if j, err := New(c[0], c[1], c[2]); err == nil || !j.IsZero() {
			t.Errorf("New(%q) = %q, %v, want an error", c, j, err)
		}
	}
}

func TestWithResource(t *testing.T) {
	j := MustParse("juliet@example.com/balcony")
	if got, err := j.WithResource("a/b@c"); err != nil || got != MustParse("juliet@example.com/a/b@c") {
		t.Errorf("WithResource = %q, %v", got, err)
	}
	if got, err := j.WithResource(""); err == nil {
		t.Errorf("an empty resourcepart gave %q", got)
	}
	if got, err := (JID{}).WithResource("x"); err == nil {
		t.Errorf("the zero value with a resourcepart gave %q", got)
	}
}

func TestMemory(t *testing.T) {
	stanza := "<message to='juliet@example.com/balcony'/>"
	text := stanza[13 : len(stanza)-3]
	j := MustParse(text)
	if unsafe.StringData(j.String()) != unsafe.StringData(text) {
		t.Error("a canonical address was copied")
	}
	if c := j.Clone(); c != j || unsafe.StringData(c.String()) == unsafe.StringData(text) {
		t.Error("Clone shares memory or differs")
	}
	if n := testing.AllocsPerRun(100, func() { _ = MustParse(text).Bare().DomainJID() }); n != 0 {
		t.Errorf("parsing canonical ASCII allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { MustParse("Juliet@Example.com/Balcony") }); n != 1 {
		t.Errorf("parsing ASCII in upper case allocates %v times, want 1", n)
	}
}

func TestText(t *testing.T) {
	type config struct{ Admin, Backup JID }
	in := config{Admin: MustParse("admin@example.com")}
	text, err := json.Marshal(in)
	if err != nil || string(text) != `{"Admin":"admin@example.com","Backup":""}` {
		t.Fatalf("Marshal = %s, %v", text, err)
	}
	out := config{Backup: MustParse("old@example.com")}
	if err := json.Unmarshal(text, &out); err != nil || out != in {
		t.Errorf("Unmarshal = %v, %v, want %v", out, err, in)
	}
	for _, bad := range []string{"@", strings.Repeat("x", maxAddress+1)} {
		if err := out.Admin.UnmarshalText([]byte(bad)); err == nil || out != in {
			t.Errorf("UnmarshalText(%.20q): %v, and left %v", bad, err, out)
		}
	}
}

func TestMustParsePanics(t *testing.T) {
	defer func() {
		if r := fmt.Sprint(recover()); !strings.Contains(r, "localpart is empty") || len(r) > 500 {
			t.Errorf("panic: %.600s", r)
		}
	}()
	MustParse("@example.com/" + strings.Repeat("x", 1000))
	t.Error("no panic")
}
