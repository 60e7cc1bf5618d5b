package jid

import (
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// troublesome are code points that some step of PRECIS or IDNA maps, composes, reorders, or judges by context.
var troublesome = []rune("aAzZ09-_.@/ []:\u00a0\u00ad\u00b7\u00df\u0130\u0131\u017f\u01c5\u0300\u0301\u0308\u0327" +
	"\u0345\u034f\u03a3\u03c2\u03c3\u0390\u0340\u0343\u0374\u0387\u05d0\u0627\u0640\u0660\u06f0\u06f1\u0958" +
	"\u094d\u0d3b\u1100\u1161\u11a8\uac00\u1e9b\u1e9e\u1f80\u1f88\u1fb3\u1fbc\u200b\u200c\u200d\u2024\u2126\u212a\u212b" +
	"\u2163\u2260\u2488\u3002\u302e\u304b\u3099\u309b\u30fb\u30fc\uff0e\uff0f\uff20\uff21\uff61\uff76\uff9e\uffa0\ufb01" +
	"\ufb1d\ufdfa\ufeff\ufffd\U0001d400\U0001f600\U0002f800\U000e0100")

// hostile draws strings that have a fair chance of being an address, and a fair chance of almost being one.
func hostile() *rapid.Generator[string] {
	char := rapid.OneOf(rapid.SampledFrom(troublesome), rapid.Rune(), rapid.RuneFrom([]rune("abcXYZ019")))
	part := rapid.OneOf(
		rapid.StringOfN(char, 0, 12, -1),
		rapid.Just("xn--bcher-kva"),
		rapid.StringMatching(`xn--[a-z0-9-]{0,12}`),
		rapid.StringMatching(`[a-zA-Z0-9]([a-zA-Z0-9_-]{0,8}[a-zA-Z0-9])?(\.[a-z]{1,4}){0,2}\.?`),
	)
	return rapid.Custom(func(t *rapid.T) string {
		var s string
		if rapid.Bool().Draw(t, "has local") {
			s = part.Draw(t, "local") + "@"
		}
		s += part.Draw(t, "domain")
		if rapid.Bool().Draw(t, "has resource") {
			s += "/" + part.Draw(t, "resource")
		}
		return s
	})
}

// failer is what check needs of *testing.T and *rapid.T.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// check holds every address to what the package promises of it.
func check(t failer, s string) {
	t.Helper()
	j, err := Parse(s)
	if err != nil {
		if !j.IsZero() || len(err.Error()) > 120 {
			t.Fatalf("Parse(%q) = %q, %v", s, j, err)
		}
		return
	}
	if again, err := Parse(j.String()); err != nil || again != j {
		t.Fatalf("Parse(%q) = %q, which parses to %q, %v", s, j, again, err)
	}
	if again, err := New(j.Local(), j.Domain(), j.Resource()); err != nil || again != j {
		t.Fatalf("Parse(%q) = %q, whose parts make %q, %v", s, j, again, err)
	}
	if bare, err := Parse(j.Bare().String()); err != nil || bare != j.Bare() {
		t.Fatalf("Parse(%q).Bare() = %q, which parses to %q, %v", s, j.Bare(), bare, err)
	}
	if domain, err := Parse(j.Domain()); err != nil || domain != j.DomainJID() {
		t.Fatalf("Parse(%q).Domain() = %q, which parses to %q, %v", s, j.Domain(), domain, err)
	}
	for _, part := range []string{j.Local(), j.Domain(), j.Resource()} {
		if len(part) > maxPart || !utf8.ValidString(part) {
			t.Fatalf("Parse(%q) has the part %q", s, part)
		}
	}
	if strings.ContainsAny(j.Local(), excluded) || strings.ContainsAny(j.Domain(), "@/ ") {
		t.Fatalf("Parse(%q) lets a separator through: %q, %q", s, j.Local(), j.Domain())
	}
	if j.Domain()[0] == '[' {
		return
	}
	ascii, err := names.ToASCII(j.Domain())
	if err != nil || len(ascii) > maxName {
		t.Fatalf("Parse(%q): the A-labels of %q are %q, %v", s, j.Domain(), ascii, err)
	}
	if u, err := PrepareDomain(ascii); err != nil || u != j.Domain() {
		t.Fatalf("Parse(%q): the A-labels %q of %q give %q, %v", s, ascii, j.Domain(), u, err)
	}
}

func TestParseIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { check(t, hostile().Draw(t, "s")) })
}

// Every code point alone and beside a letter and a mark: what maps to what is a property of code points. The large
// scripts that map to themselves are left to the fuzzer.
func TestParseIsStableForEveryRune(t *testing.T) {
	for r := range rune(0x20000) {
		if unicode.In(r, unicode.Han, unicode.Hangul) && r < 0xf900 && r >= 0x3400 {
			continue
		}
		c := string(r)
		for _, s := range []string{c, "a" + c + "\u0301"} {
			check(t, s+"@example.com/"+s)
			check(t, s)
		}
	}
}

func TestFastPathEqualsSlowPath(t *testing.T) {
	short := rapid.StringOf(rapid.RuneFrom([]rune("abzABZ019-_.. xn@/:&'\"<>[]%\\~\x00\x1f\x7f")))
	long := rapid.Map(rapid.IntRange(1, 1100), func(n int) string { return strings.Repeat("x", n) })
	labels := rapid.Map(rapid.SliceOfN(rapid.IntRange(0, 70), 1, 6), func(lengths []int) string {
		var s []string
		for _, n := range lengths {
			s = append(s, strings.Repeat("x", n))
		}
		return strings.Join(s, ".")
	})
	ascii := rapid.OneOf(short, long, labels, rapid.StringMatching(`[a-zA-Z0-9_-]{1,5}(\.[a-zA-Z0-9_-]{1,5}){0,3}\.?`))

	rapid.Check(t, func(t *rapid.T) {
		s := ascii.Draw(t, "s")
		same(t, "local", s, PrepareLocal, precisLocal)
		same(t, "resource", s, PrepareResource, precisResource)
		if s != "" && s[0] != '[' && len(s) <= maxPart {
			same(t, "domain", s, PrepareDomain, prepareName)
		}
	})
}

// same checks that two functions agree about s.
func same(t *rapid.T, part, s string, fast, slow func(string) (string, error)) {
	a, errA := fast(s)
	b, errB := slow(s)
	if a != b || (errA == nil) != (errB == nil) {
		t.Fatalf("%s %q: fast path %q, %v; slow path %q, %v", part, s, a, errA, b, errB)
	}
}

func TestNicknameIsResource(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := hostile().Draw(t, "s")
		nick, err := Nickname(s)
		if err != nil {
			return
		}
		if r, err := PrepareResource(nick); err != nil || r != nick {
			t.Fatalf("Nickname(%q) = %q, as resourcepart %q, %v", s, nick, r, err)
		}
		if again, err := Nickname(nick); err != nil || again != nick {
			t.Fatalf("Nickname(%q) = %q, and of that %q, %v", s, nick, again, err)
		}
	})
}

// The profiles are shared by all goroutines; the race detector watches.
func TestParseConcurrently(t *testing.T) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, c := range rfc7622Valid {
				if _, err := Parse(c.in); err != nil {
					t.Errorf("Parse(%q): %v", c.in, err)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzParse(f *testing.F) {
	for _, c := range rfc7622Valid {
		f.Add(c.in)
	}
	for _, c := range rfc7622Invalid {
		f.Add(c.in)
	}
	for _, s := range []string{
		"", "@", "/", "@/", "a@b@c/d/e", "[2001:DB8::1]/x", "[fe80::1%lo]", "192.0.2.1", "my_service.localhost",
		"XN--BCHER-KVA.example.", "b\u00fccher.example\u3002", "example.xn--", "xn--0.pt", "a\u2100c", "\uff20\uff0f",
		"\u0130@\u0130/\u0130", "\u1fbc@x", "\u0390@x/\u1e9b\u0323", "\u05d0@\u05d0.\u0660", "l\u00b7l@l\u00b7l.cat",
		"\u30fb@\u30fb", "\xff@\xff/\xff", "a" + strings.Repeat("\u0327\u0301", 40) + "@x", strings.Repeat("\ufdfa", 50),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { check(t, s) })
}
