package xmlstream

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

func takeOne(t testing.TB, element string) *Taken {
	t.Helper()
	tok := inStream(t, element)
	if kind, err := tok.Next(); kind != Complete || err != nil {
		t.Fatal(kind, err)
	}
	e := new(Taken)
	tok.Take(e)
	return e
}

func TestTake(t *testing.T) {
	e := takeOne(t, `<message to='a&#64;b' xmlns:p='urn:p' p:to="p" xml:lang='en' id='&lt;1&gt;'>`+
		`<body>hi</body><x xmlns='urn:x'/></message>`)
	want := []Attr{
		A("to", "a@b"),
		{Name{"urn:p", "to"}, "p"},
		{Name{SpaceXML, "lang"}, "en"},
		A("id", "<1>"),
	}
	if e.Name != (Name{SpaceClient, "message"}) || !slices.Equal(e.Attrs, want) {
		t.Error(e.Name, e.Attrs)
	}
	if e.Attr("to") != "a@b" || e.Attr("lang") != "" || e.Attr("type") != "" {
		t.Error("Attr")
	}
	if v, ok := e.LookupAttr(SpaceXML, "lang"); v != "en" || !ok {
		t.Error("LookupAttr")
	}
	if fmt.Sprint(e.Content) != "{<body>hi</body><x xmlns='urn:x'/> [{{jabber:client body} 0 15} {{urn:x x} 15 33}]}" {
		t.Error(e.Content)
	}
}

// A Taken is used again for another element, of whatever kind.
func TestTakeAgain(t *testing.T) {
	tok := inStream(t, `<message to='a' id='b'><body/></message><stream:c/>`)
	var e Taken
	for range 2 {
		tok.Next()
		tok.Take(&e)
	}
	if e.Name != (Name{SpaceStreams, "c"}) || len(e.Attrs) != 0 || e.Content.Len() != 0 || e.Content.Raw() != "" {
		t.Error(e)
	}
	if tok.Next(); tok.Element() != nil {
		t.Error("an element where there is none")
	}
	e.Attrs = []Attr{A("kept", "")}
	if tok.Take(&e); len(e.Attrs) != 1 {
		t.Error("took what is not there")
	}
}

func TestTakeMoreThanFits(t *testing.T) {
	attrs, kids := "", ""
	for i := range 20 {
		attrs += fmt.Sprintf(" a%d='%[1]d'", i)
		kids += fmt.Sprintf("<k%d/>", i)
	}
	e := takeOne(t, "<message"+attrs+">"+kids+"</message>")
	for i := range 20 {
		if e.Attr(fmt.Sprint("a", i)) != fmt.Sprint(i) || !e.Content.Has(SpaceClient, fmt.Sprint("k", i)) {
			t.Error(i)
		}
	}
	if len(e.Attrs) != 20 || e.Content.Len() != 20 {
		t.Error(len(e.Attrs), e.Content.Len())
	}
}

// What is taken costs one allocation, its string: whoever relays a stanza pays this and the stanza itself.
func TestTakeAllocatesOnce(t *testing.T) {
	for _, c := range []struct {
		name, element string
		most          float64
	}{
		{"message", chatMessage, 1},
		{"iq", sensorResult, 1},
		{"presence", bigPresence, 1},
		{"references in attributes", `<iq to='a&amp;b' id='&lt;'><x xmlns='urn:x'/></iq>`, 3},
		{"empty", `<presence/>`, 0},
		{"acknowledgement", `<a xmlns='urn:xmpp:sm:3' h='1'/>`, 1},
		{"request", `<r xmlns='urn:xmpp:sm:3'/>`, 0},
		{"content namespace declared", `<message xmlns='jabber:client'><body/></message>`, 1},
		{"uncommon attribute", `<message priority='1'><body/></message>`, 1},
	} {
		tok := inStream(t, "")
		e := new(Taken)
		got := testing.AllocsPerRun(100, func() {
			fill(tok, c.element)
			if kind, err := tok.Next(); kind != Complete || err != nil {
				t.Fatal(kind, err)
			}
			tok.Take(e)
		})
		if got > c.most {
			t.Errorf("%s: %v allocations", c.name, got)
		}
	}
}

// Reading allocates nothing once the arrays have grown.
func TestReadingAllocatesNothing(t *testing.T) {
	tok := inStream(t, "")
	deep := strings.Repeat("<p:a xmlns:p='urn:p' p:b='c' d='&amp;'>", 30) + strings.Repeat("</p:a>", 30)
	got := testing.AllocsPerRun(100, func() {
		for _, element := range []string{chatMessage, sensorResult, deep, " \n"} {
			fill(tok, element)
			if _, err := tok.Next(); err != nil {
				t.Fatal(err)
			}
		}
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// The numbers that Release documents.
func TestParkedSize(t *testing.T) {
	tok := inStream(t, "")
	tok.Next()
	if !tok.Release() {
		t.Fatal("not released")
	}
	if n := unsafe.Sizeof(*tok); n != 224 {
		t.Errorf("a Tokenizer has %d bytes", n)
	}
	if len(tok.binds) != 1 || cap(tok.binds) > 1 || len(tok.strs) != 1 || cap(tok.strs) > 1 {
		t.Errorf("%d bindings, strings %q", cap(tok.binds), tok.strs)
	}
}
