package xmlstream

import (
	"slices"
	"testing"
)

func TestElement(t *testing.T) {
	e := New("urn:x", "a", A("b", "1"), Text("x"), New("urn:x", "c", Text("d")), nilElement, Text("y"), New("", "c"), A("b", "2"))
	if e.Name() != (Name{"urn:x", "a"}) || e.Space() != "urn:x" || e.Local() != "a" || !e.Is("urn:x", "a") || e.Is("", "a") {
		t.Error(e.Name())
	}
	if e.Attr("b") != "2" || e.Attr("c") != "" || len(slices.Collect(e.Attrs())) != 1 {
		t.Error(e)
	}
	if e.Text() != "xy" || e.ChildText("urn:x", "c") != "d" || e.First().Text() != "d" || len(slices.Collect(e.Children())) != 2 {
		t.Error(e)
	}
	if e.Child("", "c") == nil || e.Child("", "d") != nil {
		t.Error(e)
	}
	if got := e.String(); got != "<a xmlns='urn:x' b='2'>x<c>d</c>y<c xmlns=''/></a>" {
		t.Error(got)
	}
	for range e.Attrs() {
		break
	}
	for range e.Children() {
		break
	}
}

var nilElement *Element

func TestNilElement(t *testing.T) {
	e := nilElement.Child("urn:x", "a").Child("", "b")
	if e.Name() != (Name{}) || e.Is("", "") || e.Attr("a") != "" || e.Text() != "" || e.First() != nil || e.String() != "" {
		t.Error("a nil element is something")
	}
	for range e.Attrs() {
		t.Error("attribute of nothing")
	}
}

// An element never changes, however many are made from it.
func TestWith(t *testing.T) {
	first := New("", "a", A("b", "1"), Text("x"))
	second := first.With(A("b", "2"), A("c", "3"), New("", "d"))
	third := first.With(A("e", "4"), Text("y"))
	for e, want := range map[*Element]string{
		first:  "<a b='1'>x</a>",
		second: "<a b='2' c='3'>x<d/></a>",
		third:  "<a b='1' e='4'>xy</a>",
	} {
		if e.String() != want {
			t.Errorf("%v, not %s", e, want)
		}
	}
	parsed, _ := Parse([]byte("<r><a b='1'>x</a><a f='1'/></r>"), Limits{})
	for c := range parsed.Children() {
		c.With(A("z", "z"), Text("z"), New("", "z"))
	}
	if parsed.String() != "<r><a b='1'>x</a><a f='1'/></r>" {
		t.Error(parsed)
	}
}

func TestEqual(t *testing.T) {
	parse := func(s string) *Element {
		e, err := Parse([]byte(s), Limits{})
		if err != nil {
			t.Fatal(s, err)
		}
		return e
	}
	a := parse(`<p:a xmlns:p='urn:x' b='1' c='2'>x<p:d/><![CDATA[y]]></p:a>`)
	for s, want := range map[string]bool{
		`<a xmlns='urn:x' c='2' b='1'>x<d/>y</a>`:          true,
		`<a xmlns='urn:x' c='2' b='1'>x<d/>y<d/></a>`:      false,
		`<a xmlns='urn:x' c='2' b='1'>x<d/></a>`:           false,
		`<a xmlns='urn:x' c='2' b='1'>x</a>`:               false,
		`<a xmlns='urn:x' c='2' b='1'>xy<d/></a>`:          false,
		`<a xmlns='urn:x' c='2' b='1'>x<e/>y</a>`:          false,
		`<a xmlns='urn:x' c='1' b='1'>x<d/>y</a>`:          false,
		`<a xmlns='urn:x' c='2'>x<d/>y</a>`:                false,
		`<a xmlns='urn:x' d='2' b='1'>x<d/>y</a>`:          false,
		`<a c='2' b='1'>x<d xmlns='urn:x'/>y</a>`:          false,
		`<a xmlns='urn:x' c='2' b='1'>x<d xmlns=''/>y</a>`: false,
	} {
		if b := parse(s); a.Equal(b) != want || b.Equal(a) != want {
			t.Errorf("%s: %v", s, !want)
		}
	}
	if !nilElement.Equal(nil) || nilElement.Equal(a) || a.Equal(nil) {
		t.Error("nil")
	}
	if !New("", "a", Text("x"), Text("y")).Equal(New("", "a", Text(""), Text("xy"))) {
		t.Error("pieces of text")
	}
}
