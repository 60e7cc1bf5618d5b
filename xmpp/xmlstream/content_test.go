package xmlstream

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNewContent(t *testing.T) {
	for _, c := range []struct {
		els  []*Element
		want string
	}{
		{nil, ``},
		{[]*Element{nil}, ``},
		{[]*Element{New("jabber:client", "body", Text("hi"))}, `<body>hi</body>`},
		{[]*Element{New("jabber:server", "body", Text("hi"))}, `<body>hi</body>`},
		{[]*Element{New("", "a"), New("urn:x", "b", New("urn:x", "c"))}, `<a xmlns=''/><b xmlns='urn:x'><c/></b>`},
		{
			[]*Element{New("urn:x", "b", New(SpaceClient, "message", New(SpaceClient, "body")))},
			`<b xmlns='urn:x'><message xmlns='jabber:client'><body/></message></b>`,
		},
		{[]*Element{New("jabber:client", "body", Text("hi"), New("", "b"))}, `<body>hi<b xmlns=''/></body>`},
	} {
		if got := string(NewContent(c.els...).AppendXML(nil)); got != c.want {
			t.Errorf("%v\nbecomes\n%s\nnot\n%s", c.els, got, c.want)
		}
	}
}

func TestContent(t *testing.T) {
	c := takeOne(t, `<message><body>hi</body> <x xmlns='urn:x'/><body xml:lang='de'>ho</body></message>`).Content
	if c.Len() != 3 || c.Size() != len(c.Raw()) || c.At(1).Name != (Name{"urn:x", "x"}) {
		t.Error(c)
	}
	body, ok := c.Find(SpaceClient, "body")
	if !ok || c.Bytes(body) != "<body>hi</body>" || body.Size() != 15 || c.Element(body).Text() != "hi" {
		t.Error(body)
	}
	if c.Child(SpaceClient, "body").Text() != "hi" {
		t.Error("the first body")
	}
	if _, ok := c.Find(SpaceServer, "body"); ok || c.Has("", "body") || !c.Has("urn:x", "x") || c.Child("urn:x", "y") != nil {
		t.Error("found what is not there")
	}
	var texts []string
	for e := range c.Elements() {
		texts = append(texts, e.Text())
	}
	for ch := range c.Children() {
		texts = append(texts, ch.Name.Local)
	}
	if got := strings.Join(texts, ","); got != "hi,,ho,body,x,body" {
		t.Error(got)
	}
	for range c.Elements() {
		break
	}
	var none Content
	if none.Len() != 0 || none.Size() != 0 || none.Has("", "") || none.Without(func(Child) bool { return true }).Raw() != "" {
		t.Error("content that is none")
	}
}

func TestContentWithAndWithout(t *testing.T) {
	c := takeOne(t, `<message>0<a/>1<b/>2<c/>3<d/>4</message>`).Content
	for _, drop := range []struct{ names, want string }{
		{"", `0<a/>1<b/>2<c/>3<d/>4`},
		{"a", `01<b/>2<c/>3<d/>4`},
		{"ac", `01<b/>23<d/>4`},
		{"bd", `0<a/>12<c/>34`},
		{"bc", `0<a/>123<d/>4`},
		{"abcd", `01234`},
	} {
		got := c.Without(func(ch Child) bool { return strings.Contains(drop.names, ch.Name.Local) })
		if got.Raw() != drop.want || got.Len() != 4-len(drop.names) {
			t.Errorf("without %s: %s", drop.names, got.Raw())
		}
		got = got.With(New("urn:xmpp:sid:0", "stanza-id", A("id", "1")), nil)
		if got.Raw() != drop.want+`<stanza-id xmlns='urn:xmpp:sid:0' id='1'/>` {
			t.Errorf("and with: %s", got.Raw())
		}
		for ch := range got.Children() {
			if e := got.Element(ch); e.Name().Local != ch.Name.Local {
				t.Errorf("without %s: %v is %v", drop.names, ch, e)
			}
		}
	}
	if c.Raw() != `0<a/>1<b/>2<c/>3<d/>4` || c.Len() != 4 {
		t.Error("the first content changed")
	}
}

// Dropping and appending keep the index right, and what is kept keeps its meaning.
func TestContentIndexStaysRight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		header, sent := generateStream(t, SpaceClient, 1)
		taken, _ := takeAll(t, header+sent[0])
		c := taken[0].Content
		for range rapid.IntRange(0, 3).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "append") {
				c = c.With(New("urn:w", "with", Text("<")))
				continue
			}
			c = c.Without(func(Child) bool { return rapid.Bool().Draw(t, "drop") })
		}
		all, err := oracle("<a xmlns='jabber:client'>" + c.Raw() + "</a>")
		if err != nil {
			t.Fatalf("%s: %v", c.Raw(), err)
		}
		checkIndex(t, c, all)
	})
}
