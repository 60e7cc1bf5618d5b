package xmlstream

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestAppendXML(t *testing.T) {
	for _, c := range []struct {
		e               *Element
		inherited, want string
	}{
		{nil, "", ``},
		{New("", "a"), "", `<a/>`},
		{New("", "a"), "urn:x", `<a xmlns=''/>`},
		{New("urn:x", "a"), "urn:x", `<a/>`},
		{New("urn:x", "a", New("urn:x", "b"), New("", "c"), New("urn:y", "d", New("urn:x", "e"))), "", `<a xmlns='urn:x'><b/>` +
			`<c xmlns=''/><d xmlns='urn:y'><e xmlns='urn:x'/></d></a>`},
		{New(SpaceClient, "a"), SpaceServer, `<a xmlns='jabber:client'/>`},
		{New("", "a", A("b", `<>&'"`), Text(`<>&'"`)), "", `<a b='&lt;&gt;&amp;&apos;"'>&lt;&gt;&amp;'"</a>`},
		{New("", "a", A("b", "\t\n\r"), Text("\t\n\r")), "", "<a b='&#x9;&#xA;&#xD;'>\t\n&#xD;</a>"},
		{New("", "a", Text("]]>")), "", `<a>]]&gt;</a>`},
		{New("", "a", Text("")), "", `<a></a>`},
		{New("urn:'&", "a"), "", `<a xmlns='urn:&apos;&amp;'/>`},
		// namespaces of attributes, and names in that of XML
		{New("", "a", Attr{Name{SpaceXML, "lang"}, "en"}), "", `<a xml:lang='en'/>`},
		{
			New("", "a", Attr{Name{"urn:x", "b"}, "1"}, A("b", "2"), Attr{Name{"urn:y", "b"}, "3"}, Attr{Name{"urn:x", "c"}, "4"}), "",
			`<a xmlns:ns0='urn:x' ns0:b='1' b='2' xmlns:ns2='urn:y' ns2:b='3' ns0:c='4'/>`,
		},
		{New(SpaceXML, "a", New("urn:x", "b"), New("urn:y", "c")), "urn:x", `<xml:a><b/><c xmlns='urn:y'/></xml:a>`},
		// what would break a stream, or fool it
		{New("", "a", Text("\x00\x1f\uFFFE\xff\xed\xa0\x80é\uFFFD")), "", "<a>\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDé\uFFFD</a>"},
		{New("", "a", A("b", "\x00\xff")), "", "<a b='\uFFFD\uFFFD'/>"},
		{New("", "a b='c'"), "", `<a_b__c_/>`},
		{New("", ""), "", `<_/>`},
		{New("", "1\xff"), "", `<_1_/>`},
		{New("", "a:b"), "", `<a_b/>`},
		{New("", "a", A("b c", "1"), A("", "2"), A("x:y", "3"), A("\xff", "4")), "", `<a/>`},
		{New("", "a", Attr{Name{"urn:x", "b c"}, "1"}, Attr{Name{"urn:x", "d"}, "2"}), "", `<a xmlns:ns1='urn:x' ns1:d='2'/>`},
		{New("", "a", Attr{Name{"\x00", "b"}, "1"}, Attr{Name{"\x01", "b"}, "2"}), "", `<a/>`},
		{New("", "a", A("xmlns", "urn:x"), Attr{Name{"http://www.w3.org/2000/xmlns/", "p"}, "urn:x"}), "", `<a/>`},
		{New("http://www.w3.org/2000/xmlns/", "a", New("", "b")), "", `<a><b/></a>`},
	} {
		got := string(c.e.AppendXML(nil, c.inherited))
		if got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
		if c.e != nil {
			if _, err := ParseIn(c.inherited, []byte(got), Limits{}); err != nil {
				t.Errorf("%s: %v", got, err)
			}
		}
	}
}

func TestAppendEscaped(t *testing.T) {
	if got := string(AppendEscaped([]byte("a"), "<b>&c\r\n")); got != "a&lt;b&gt;&amp;c&#xD;\n" {
		t.Error(got)
	}
	if got := string(AppendAttr([]byte("<a"), "b", "it's")); got != "<a b='it&apos;s'" {
		t.Error(got)
	}
}

// anyText generates text with all that could do harm.
func anyText(t *rapid.T) string {
	return rapid.OneOf(
		rapid.StringOf(rapid.SampledFrom([]rune("<>&'\"]\r\n\t a\x00\uFFFEé\U0001F600"))),
		rapid.String(),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
	).Draw(t, "text")
}

// legal returns s as AppendEscaped promises it to arrive.
func legal(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if !isChar(r) {
			r = utf8.RuneError
		}
		b.WriteRune(r)
		i += n
	}
	return b.String()
}

func anyElement(t *rapid.T, depth int) *Element {
	name := func() Name {
		return Name{
			pick(t, "space", "", "urn:x", SpaceClient, SpaceServer, SpaceXML, "urn:'<é"),
			pick(t, "local", "a", "é", "b.c-1"),
		}
	}
	n := name()
	e := New(n.Space, n.Local)
	for range rapid.IntRange(0, 3).Draw(t, "attributes") {
		e = e.With(Attr{name(), anyText(t)})
	}
	for range rapid.IntRange(0, 3).Draw(t, "nodes") {
		if depth > 0 && rapid.Bool().Draw(t, "element") {
			e = e.With(anyElement(t, depth-1))
		} else {
			e = e.With(Text(anyText(t)))
		}
	}
	return e
}

// legalised returns e with all text as it is promised to arrive.
func legalised(e *Element) *Element {
	c := &Element{name: e.name}
	for _, a := range e.attrs {
		c.attrs = append(c.attrs, Attr{a.Name, legal(a.Value)})
	}
	for _, n := range e.nodes {
		if n.elem != nil {
			c.add(legalised(n.elem))
		} else {
			c.nodes = append(c.nodes, node{text: legal(n.text)})
		}
	}
	return c
}

// Whatever an element is made of, it is read back as what it was, here and by the oracle.
func TestWriteThenRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyElement(t, 3)
		inherited := pick(t, "inherited", "", "urn:x", SpaceClient)
		doc := e.AppendXML(nil, inherited)
		got, err := ParseIn(inherited, doc, Limits{})
		if err != nil || !got.Equal(legalised(e)) {
			t.Fatalf("%s\nis read as\n%v, %v", doc, got, err)
		}
		checkAgainstOracle(t, string(e.AppendXML(nil, "")))
	})
}
