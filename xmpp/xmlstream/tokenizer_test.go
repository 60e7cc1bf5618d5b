package xmlstream

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// fill puts input into the window, as one Read would.
func fill(t *Tokenizer, input string) { t.Filled(copy(t.Space(len(input)), input)) }

// inStream returns a tokenizer behind a client's header, with input in its window.
func inStream(t testing.TB, input string) *Tokenizer {
	t.Helper()
	tok := NewTokenizer(Limits{})
	fill(tok, clientHeader+input)
	if kind, err := tok.Next(); kind != Header || err != nil {
		t.Fatal(kind, err)
	}
	return tok
}

// wellFormed returns documents that must be read.
func wellFormed() []string {
	return []string{
		`<a/>`, `<a />`, `<a></a>`, "<a\n>\t</a\r\n>", `<a b=''/>`, `<a b = "c"  d='e' />`,
		`<a b='>' c="'" d='"'>]] &gt; ></a>`, `<a b=']]>'/>`, `<a>]]&gt;</a>`, `<a>]]&#62;</a>`, `<a>]>]] ></a>`,
		`<a>&lt;&gt;&amp;&apos;&quot;</a>`, `<a b='&lt;&gt;&amp;&apos;&quot;'/>`,
		`<a>&#65;&#x41;&#0000000065;&#x10FFFF;&#xd7ff;&#xE000;&#xFFFD;&#9;&#10;&#13;</a>`, `<a b='&#9;&#xA;&#13;'/>`,
		"<a b='1\t2\n3\r4\r\n5'>1\t2\n3\r4\r\n5\r\r\n</a>", "<a>\r<![CDATA[\n\r\n\r]]>\n</a>",
		`<a><![CDATA[<b>&amp;]] >]]></a>`, `<a><![CDATA[]]></a>`, `<a><![CDATA[]]]]><![CDATA[>]]></a>`, `<a>b<![CDATA[]]]></a>`,
		`<a>b<![CDATA[c]]>d&#101;<f/>g</a>`,
		`<a xmlns='urn:x'><b xmlns=''/><c xmlns='urn:y'><d/></c></a>`,
		`<p:a xmlns:p='urn:x' p:b='1' b='2' xml:lang='en'><p:c xmlns:p='urn:y' p:b='1'/><p:d/></p:a>`,
		`<p:a p:b='1' xmlns:p="urn:'x"/>`, `<a xmlns='urn:&amp;x' xmlns:p='urn:&#x78;'><p:b/></a>`,
		`<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:space='preserve'><xml:b/></a>`,
		`<a xmlns:p='urn:x' xmlns:q='urn:y' p:b='1' q:b='2'/>`, `<a xmlnsx='1' x='xmlns' xml:xmlns='urn:x'/>`, `<a xmlns:xmlnsx='u' xmlnsx:a='1'/>`,
		`<_a.-b0 C:d='' xmlns:C='urn:x'/>`, `<é ü='ß'>日本語 ñ ` + "\U0001F600\uFFFD\u0085\u007f\uFDD0" + `</é>`,
		"<a\u00B7\u0300\u203F/>", "<\U00010000/>", "<\u3001>x</\u3001>",
		`<?xml version='1.0'?><a/>`, "\n<a/>\n",
	}
}

func TestWellFormed(t *testing.T) {
	for _, doc := range wellFormed() {
		if _, err := Parse([]byte(doc), Limits{}); err != nil {
			t.Errorf("%q: %v", doc, err)
		}
	}
}

func TestDecoding(t *testing.T) {
	for _, c := range []struct{ doc, value, text string }{
		{"<a b='1\t2\n3\r4\r\n5'>1\t2\n3\r4\r\n5\r\r\n</a>", "1 2 3 4 5", "1\t2\n3\n4\n5\n\n"},
		{"<a b='&#9;&#xA;&#13;'>&#9;&#xA;&#13;\r</a>", "\t\n\r", "\t\n\r\n"},
		{"<a>\r<![CDATA[\n\r\n\r]]>\n</a>", "", "\n\n\n\n\n"},
		{`<a b='&lt;&gt;&amp;&apos;&quot;'>&lt;&gt;&amp;&apos;&quot;</a>`, `<>&'"`, `<>&'"`},
		{`<a>&#65;&#x42;&#0000000067;&#x10FFFF;&#xe9;</a>`, "", "ABC\U0010FFFFé"},
		{`<a>x<![CDATA[<b>&amp;]] >]]>y</a>`, "", "x<b>&amp;]] >y"},
		{`<a><![CDATA[]]]]><![CDATA[>]]></a>`, "", "]]>"},
	} {
		e, err := Parse([]byte(c.doc), Limits{})
		if err != nil || e.Attr("b") != c.value || e.Text() != c.text {
			t.Errorf("%q: %q, %q, %v", c.doc, e.Attr("b"), e.Text(), err)
		}
	}
}

// RFC 6120 §4.2, §4.4: a stream from its header to its end.
func TestStream(t *testing.T) {
	tok := NewTokenizer(Limits{})
	fill(tok, `<?xml version='1.0'?>`+clientHeader+" \n<message to='a&amp;b'>hello</message>\n<presence/> </stream:stream >late")
	var got []string
	for {
		kind, err := tok.Next()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(kind, tok.Name(), slices.Collect(tok.Attrs()), tok.Element()))
		if kind == End {
			break
		}
	}
	want := []string{
		"1 {http://etherx.jabber.org/streams stream} [{{ to} capulet.example} {{ version} 1.0}" +
			" {{http://www.w3.org/XML/1998/namespace lang} en}] ",
		"2 {jabber:client message} [{{ to} a&b}] <message xmlns='jabber:client' to='a&amp;b'>hello</message>",
		"2 {jabber:client presence} [] <presence xmlns='jabber:client'/>",
		"3 { } [] ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if kind, err := tok.Next(); kind != End || err != nil || tok.Buffered() != len("late") {
		t.Error(kind, err, tok.Buffered())
	}
}

func TestHeader(t *testing.T) {
	tok := NewTokenizer(Limits{})
	fill(tok, `<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback'/>`)
	kind, err := tok.Next()
	if kind != Header || err != nil || tok.DefaultSpace() != SpaceServer {
		t.Fatal(kind, err, tok.DefaultSpace())
	}
	for space, want := range map[string]bool{
		SpaceServer: true, SpaceStreams: true, "jabber:server:dialback": true, SpaceClient: false, "": false,
	} {
		if tok.Declares(space) != want {
			t.Errorf("declares %q: %v", space, !want)
		}
	}
	// An empty element begins the stream and ends it.
	if kind, err := tok.Next(); kind != End || err != nil {
		t.Error(kind, err)
	}
}

// RFC 6120 §5.4.3.3: behind STARTTLS nothing of the old stream counts, and what was sent ahead must be seen.
func TestReset(t *testing.T) {
	tok := inStream(t, `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`)
	if kind, err := tok.Next(); kind != Complete || err != nil || tok.Buffered() != 0 {
		t.Fatal(kind, err, tok.Buffered())
	}
	if err := tok.Reset(); err != nil || tok.DefaultSpace() != "" {
		t.Fatal(err, tok.DefaultSpace())
	}
	fill(tok, `<?xml version='1.0'?><s:stream xmlns='jabber:server' xmlns:s='http://etherx.jabber.org/streams'><stream:features`)
	if kind, err := tok.Next(); kind != Header || err != nil || tok.DefaultSpace() != SpaceServer {
		t.Fatal(kind, err)
	}
	if kind, err := tok.Next(); kind != More || err != nil {
		t.Fatal(kind, err)
	}
	if tok.Reset() == nil {
		t.Error("reset inside an element")
	}
	fill(tok, "/>")
	if _, err := tok.Next(); err == nil {
		t.Error("a prefix of the old stream is still known")
	}
}

func TestResetKeepsWhatIsBuffered(t *testing.T) {
	injected := `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>`
	tok := inStream(t, `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`+injected)
	if kind, err := tok.Next(); kind != Complete || err != nil {
		t.Fatal(kind, err)
	}
	before := tok.Buffered()
	if err := tok.Reset(); err != nil || before != len(injected) || tok.Buffered() != before || tok.Idle() {
		t.Error(err, before, tok.Buffered())
	}
	if kind, err := tok.Next(); kind != Header || err != nil || tok.Name().Local != "auth" {
		t.Error(kind, err, tok.Name())
	}
}

// Clients that end what they send with a line feed are understood, as go-xmpp is: the XML declaration comes first all the same.
func TestResetSkipsSpace(t *testing.T) {
	tok := inStream(t, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>\r\n "+"<?xml version='1.0'?>"+clientHeader)
	if kind, err := tok.Next(); kind != Complete || err != nil {
		t.Fatal(kind, err)
	}
	if err := tok.Reset(); err != nil {
		t.Fatal(err)
	}
	if kind, err := tok.Next(); kind != Header || err != nil {
		t.Error(kind, err)
	}
	fill(tok, " <a> ")
	if tok.Next(); tok.Buffered() == 0 {
		t.Fatal("an element under way is not buffered")
	}
	before := tok.Buffered()
	if tok.SkipSpace(); tok.Buffered() != before {
		t.Error("white space inside an element was skipped")
	}
}

// An offset counts from the beginning of the stream, wherever in the window that is.
func TestOffsets(t *testing.T) {
	tok := inStream(t, "")
	tok.Reset()
	fill(tok, clientHeader+"<a>\x00")
	tok.Next()
	_, err := tok.Next()
	if e, ok := err.(*SyntaxError); !ok || e.Offset != int64(len(clientHeader)+3) {
		t.Error(err)
	}
	tok = inStream(t, "")
	for range 100 {
		fill(tok, "<presence> </presence>\n")
		tok.Next()
	}
	fill(tok, "<a><b></a>")
	_, err = tok.Next()
	if e, ok := err.(*SyntaxError); !ok || e.Offset != int64(len(clientHeader)+100*23+8) {
		t.Error(err)
	}
}

func TestRelease(t *testing.T) {
	tok := inStream(t, "<a>")
	if tok.Next(); tok.Idle() || tok.Release() {
		t.Error("released inside an element")
	}
	fill(tok, "</a>\n")
	if kind, _ := tok.Next(); kind != Complete || tok.Release() {
		t.Error("released with bytes buffered")
	}
	if kind, _ := tok.Next(); kind != More || !tok.Idle() || !tok.Release() || tok.buf != nil || tok.work != nil {
		t.Error("not released")
	}
	if kind, err := tok.Next(); kind != More || err != nil {
		t.Error(kind, err)
	}
	fill(tok, "<stream:b c='d'/>")
	if kind, err := tok.Next(); kind != Complete || err != nil || !tok.Element().Is(SpaceStreams, "b") {
		t.Error(kind, err)
	}
	if !tok.Release() || tok.Element() != nil || tok.Name() != (Name{}) {
		t.Error("the element outlives the window")
	}
}

// White space keeps a connection alive and must not fill the window. RFC 6120 §4.6.1
func TestKeepAlive(t *testing.T) {
	tok := inStream(t, "")
	for range 10_000 {
		fill(tok, " ")
		if kind, err := tok.Next(); kind != More || err != nil || !tok.Idle() {
			t.Fatal(kind, err)
		}
	}
	if cap(tok.buf) > 4096 {
		t.Error("window grew to", cap(tok.buf))
	}
}

func TestSpace(t *testing.T) {
	tok := inStream(t, "")
	for n := range 3000 {
		if got := len(tok.Space(n)); got < n {
			t.Fatalf("asked for %d, got %d", n, got)
		}
		fill(tok, "<presence/>")
		if kind, err := tok.Next(); kind != Complete || err != nil {
			t.Fatal(kind, err)
		}
	}
	if cap(tok.buf) > 8192 {
		t.Error("window grew to", cap(tok.buf))
	}
}

func TestDocument(t *testing.T) {
	tok := NewTokenizer(Limits{})
	for range 3 {
		doc := []byte(` <message xmlns='jabber:client' to='a'><body>hi</body></message>` + "\n")
		if err := tok.Document(doc); err != nil {
			t.Fatal(err)
		}
		var taken Taken
		tok.Take(&taken)
		clear(doc)
		if taken.Name != (Name{SpaceClient, "message"}) || taken.Attr("to") != "a" || taken.Content.Raw() != "<body>hi</body>" {
			t.Error(taken.Name, taken.Attrs, taken.Content)
		}
		if tok.Document([]byte("<a>")) == nil {
			t.Error("half a document")
		}
	}
	if err := tok.Document([]byte("<a/>")); err != nil || !tok.Release() || tok.buf != nil {
		t.Error(err)
	}
}

func TestParseIn(t *testing.T) {
	e, err := ParseIn("urn:far", []byte("<a><b xmlns=''/><c/></a>"), Limits{})
	if err != nil || !e.Is("urn:far", "a") || e.Child("", "b") == nil || e.Child("urn:far", "c") == nil {
		t.Error(e, err)
	}
	if e, err := Parse([]byte("<a/>"), Limits{}); err != nil || !e.Is("", "a") {
		t.Error(e, err)
	}
}

func TestLimits(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }
	attrs := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, " a%d='%[1]d'", i)
		}
		return "<a" + b.String() + "/>"
	}
	wide := func(n int) string { return "<a>" + strings.Repeat("<b/>", n-1) + "</a>" }
	long := func(n int) string { return "<a>" + strings.Repeat("x", n-7) + "</a>" }
	scoped := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "<a xmlns:p%d='urn:x'>", i)
		}
		return b.String() + strings.Repeat("</a>", n)
	}
	// Each <p:b/> stands for <b xmlns='…'/> with 30 bytes of namespace.
	inflated := func(n int) string {
		return "<a xmlns:p='" + strings.Repeat("n", 30) + "'>" + strings.Repeat("<p:b/>", n) + "</a>"
	}
	inflatedAttrs := func(n int) string {
		return "<a xmlns:p='" + strings.Repeat("n", 30) + "'>" + strings.Repeat("<b p:c=''/>", n) + "</a>"
	}
	for _, c := range []struct {
		limits Limits
		make   func(int) string
		most   int
		detail string
	}{
		{Limits{Depth: 5}, nested, 5, "too deep"},
		{Limits{}, nested, 64, "too deep"},
		{Limits{Attrs: 3}, attrs, 3, "too many attributes"},
		{Limits{}, attrs, 64, "too many attributes"},
		{Limits{Attrs: 10}, scoped, 10, "too many prefixes in scope"},
		{Limits{Nodes: 7}, wide, 7, "too many elements"},
		{Limits{}, wide, 8192, "too many elements"},
		{Limits{Bytes: 100}, long, 100, "too many bytes"},
		{Limits{}, long, 256 << 10, "too many bytes"},
		{Limits{Bytes: 1000}, inflated, 21, "too many bytes with all prefixes written out"},
		{Limits{Bytes: 1000}, inflatedAttrs, 17, "too many bytes with all prefixes written out"},
	} {
		if _, err := Parse([]byte(c.make(c.most)), c.limits); err != nil {
			t.Errorf("%+v: %d: %v", c.limits, c.most, err)
		}
		_, err := Parse([]byte(c.make(c.most+1)), c.limits)
		checkRefusal(t, c.make(c.most + 1)[:20], err, PolicyViolation, c.detail)
	}
}

// The limit on bytes holds for what has not ended, too, and for a header.
func TestLimitUnderWay(t *testing.T) {
	for _, c := range []struct{ begin, filler string }{
		{"<a>", "x"},
		{"<a b='", "x"},
		{"<a b='&#", "0"},
		{"<a b='c'", " "},
		{"<a b", " "},
		{"<a b=", " "},
		{"<", "a"},
		{"</stream", "\n"},
		{"<a><![CDATA[", "]"},
		{"<a>&#x", "0"},
		{"<a>&", "x"},
		{"<" + strings.Repeat("a", 60) + "></", "a"},
		{"<a>", "é"},
	} {
		tok := NewTokenizer(Limits{Bytes: 100})
		fill(tok, "<stream>"+c.begin)
		for range 2 {
			if _, err := tok.Next(); err != nil {
				t.Fatal(c.begin, err)
			}
		}
		fill(tok, strings.Repeat(c.filler, 99-len(c.begin))[:99-len(c.begin)])
		if _, err := tok.Next(); err != nil {
			t.Errorf("%q: too soon: %v", c.begin, err)
		}
		fill(tok, strings.Repeat(c.filler, 10))
		_, err := tok.Next()
		checkRefusal(t, c.begin, err, PolicyViolation, "too many bytes")
	}
	tok := inStream(t, "<a xmlns:p='"+strings.Repeat("n", 10_000)+"'>"+strings.Repeat("<p:b/>", 26))
	_, err := tok.Next()
	checkRefusal(t, "prefixes", err, PolicyViolation, "too many bytes with all prefixes written out")
	tok = NewTokenizer(Limits{Bytes: 100})
	fill(tok, "<stream "+strings.Repeat(" ", 100))
	_, err = tok.Next()
	checkRefusal(t, "header", err, PolicyViolation, "too many bytes")
}

// RFC 6120 §13.12: a peer that has not authenticated has little to say.
func TestSetLimits(t *testing.T) {
	tok := NewTokenizer(Limits{Bytes: 200})
	fill(tok, clientHeader)
	tok.Next()
	tok.SetLimits(Limits{Bytes: 1000})
	fill(tok, "<a>"+strings.Repeat("x", 500)+"</a>")
	if kind, err := tok.Next(); kind != Complete || err != nil {
		t.Error(kind, err)
	}
	tok.SetLimits(Limits{Bytes: 200})
	fill(tok, "<a>"+strings.Repeat("x", 500)+"</a>")
	_, err := tok.Next()
	checkRefusal(t, "<a>", err, PolicyViolation, "too many bytes")
}

// One big element must not cost its memory for as long as the stream lasts.
func TestBigWindowIsDropped(t *testing.T) {
	tok := inStream(t, "<a>"+strings.Repeat("<b/>", 8000)+strings.Repeat("x", 100_000)+"</a>")
	if kind, err := tok.Next(); kind != Complete || err != nil || tok.Size() < 100_000 {
		t.Fatal(kind, err)
	}
	fill(tok, "<stream:c/>")
	if cap(tok.buf) > 4096 {
		t.Error("window kept at", cap(tok.buf))
	}
	if kind, err := tok.Next(); kind != Complete || err != nil || tok.Name() != (Name{SpaceStreams, "c"}) || cap(tok.work.kids) > 100 {
		t.Error(kind, err, tok.Name())
	}
}

// A namespace that is written with a reference is kept apart, for as long as its element and no longer.
func TestDecodedNamespacesAreForgotten(t *testing.T) {
	tok := inStream(t, "")
	header := len(tok.strs)
	for i := range 10 {
		fill(tok, fmt.Sprintf("<a><p:b xmlns:p='urn:&#65;%d' xmlns='urn:&amp;'><c/></p:b></a>", i))
		if kind, err := tok.Next(); kind != Complete || err != nil || len(tok.strs) != header+2 {
			t.Fatal(kind, err, tok.strs)
		}
		want := fmt.Sprintf("<a xmlns='jabber:client'><b xmlns='urn:A%d'><c xmlns='urn:&amp;'/></b></a>", i)
		if e := tok.Element(); e.String() != want {
			t.Error(e)
		}
		var taken Taken
		tok.Take(&taken)
		if !taken.Content.Has(fmt.Sprint("urn:A", i), "b") {
			t.Error(taken.Content)
		}
	}
}
