package xmlstream

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity-iot/comity/xmpp/xmlstream/xmlstreamtest"
)

func pick[E any](t *rapid.T, label string, choice ...E) E {
	return rapid.SampledFrom(choice).Draw(t, label)
}

// generateStream writes a header in a content namespace, and so many elements.
func generateStream(t *rapid.T, content string, elements int) (header string, sent []string) {
	w := xmlstreamtest.New(t, content)
	for range elements {
		sent = append(sent, w.Element(pick(t, "stanza", "message", "iq", "presence")))
	}
	return w.Header("xml:lang='en'"), sent
}

// relayed returns what e becomes when it is taken from one stream and placed in another, by the definition of Content: in
// content position, all content namespaces are that of the new stream.
func relayed(e *Element, space string) *Element {
	r := &Element{name: e.name, attrs: e.attrs}
	r.name.Space = space
	for _, n := range e.nodes {
		if n.elem != nil && isContentSpace(n.elem.name.Space) {
			n.elem = relayed(n.elem, space)
		}
		r.nodes = append(r.nodes, n)
	}
	return r
}

// restamped writes a taken element as a stanza for a stream whose default is a content namespace, from its true sender
// and without attributes in namespaces of their own.
func restamped(e *Taken) string {
	tag := []byte("<" + e.Name.Local)
	for _, a := range e.Attrs {
		name := a.Name.Local
		switch {
		case a.Name.Space == SpaceXML:
			name = "xml:" + name
		case a.Name.Space != "" || name == "from":
			continue
		}
		tag = AppendAttr(tag, name, a.Value)
	}
	tag = AppendAttr(tag, "from", "true@sender.example")
	return string(tag) + ">" + e.Content.Raw() + "</" + e.Name.Local + ">"
}

// withTrueSender returns what restamped must mean.
func withTrueSender(e *Element) *Element {
	c := &Element{name: e.name, nodes: e.nodes}
	for _, a := range e.attrs {
		if (a.Name.Space == "" || a.Name.Space == SpaceXML) && a.Name != (Name{"", "from"}) {
			c.attrs = append(c.attrs, a)
		}
	}
	return c.With(A("from", "true@sender.example"))
}

// takeAll reads a stream whole and takes its elements. Nothing they hold may alias the window, which is poisoned.
func takeAll(t interface{ Fatalf(string, ...any) }, stream string) (taken []*Taken, trees []*Element) {
	tok := NewTokenizer(Limits{})
	fill(tok, stream)
	for {
		kind, err := tok.Next()
		switch {
		case err != nil:
			t.Fatalf("%q: %v", stream, err)
		case kind == More:
			return taken, trees
		case kind == Complete:
			e := new(Taken)
			tok.Take(e)
			taken, trees = append(taken, e), append(trees, tok.Element())
			for i := range tok.current() {
				tok.current()[i] = '!'
			}
		}
	}
}

// N elements that were sent are N elements when they are relayed as bytes, each with the sender that the server says,
// and each of them means what it meant.
func TestRelayCannotSmuggle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 3).Draw(t, "n")
		from := pick(t, "from", SpaceClient, SpaceServer, SpaceComponent)
		to := pick(t, "to", SpaceClient, SpaceServer, SpaceComponent)
		header, sent := generateStream(t, from, n)
		original, err := oracle(header + strings.Join(sent, "\n") + "</stream:stream>")
		if err != nil {
			t.Fatalf("the generator is wrong: %v", err)
		}
		taken, trees := takeAll(t, header+strings.Join(sent, "\n"))
		out := "<stream xmlns='" + to + "'>"
		for _, e := range taken {
			out += restamped(e)
		}
		arrived, err := oracle(out + "</stream>")
		if err != nil {
			t.Fatalf("%s%s\nbecomes\n%s: %v", header, sent, out, err)
		}
		i := 0
		next := pull(original)
		for got := range arrived.Children() {
			e := next()
			if !blurred(trees[i]).Equal(e) {
				t.Fatalf("%s%s\nread as\n%v", header, sent[i], trees[i])
			}
			if want := withTrueSender(relayed(e, to)); !got.Equal(want) && !blurred(got).Equal(want) {
				t.Fatalf("%s%s\nbecomes\n%v\nnot\n%v", header, sent[i], got, want)
			}
			i++
		}
		if i != n || len(taken) != n {
			t.Fatalf("%d sent, %d taken, %d arrived", n, len(taken), i)
		}
	})
}

// pull returns the children of e one by one.
func pull(e *Element) func() *Element {
	var children []*Element
	for c := range e.Children() {
		children = append(children, c)
	}
	return func() *Element {
		c := children[0]
		children = children[1:]
		return c
	}
}

// What is relayed as bytes means the same as what is parsed and serialised, and the index says what is in the bytes.
func TestRawIsParseAndSerialise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		header, sent := generateStream(t, pick(t, "from", SpaceClient, SpaceServer), 1)
		taken, trees := takeAll(t, header+sent[0])
		content, serialised := taken[0].Content, contentOf(trees[0].nodes)
		for _, space := range []string{SpaceClient, SpaceServer} {
			a, err1 := oracle("<a xmlns='" + space + "'>" + content.Raw() + "</a>")
			b, err2 := oracle("<a xmlns='" + space + "'>" + serialised.Raw() + "</a>")
			if err1 != nil || err2 != nil || !a.Equal(b) {
				t.Fatalf("%s\nas bytes\n%v %v\nas a tree\n%v %v", sent, content.Raw(), err1, serialised.Raw(), err2)
			}
		}
		all, err := oracle("<a xmlns='jabber:client'>" + content.Raw() + "</a>")
		if err != nil {
			t.Fatalf("%v", err)
		}
		checkIndex(t, content, all)
		checkIndex(t, serialised, all)
	})
}

// checkIndex compares a content's index with its children as the oracle reads them in jabber:client.
func checkIndex(t interface{ Fatalf(string, ...any) }, c Content, want *Element) {
	i := 0
	for e := range want.Children() {
		if i >= c.Len() || c.At(i).Name != e.Name() || !blurred(c.Element(c.At(i))).Equal(blurred(e)) {
			t.Fatalf("child %d of %s is\n%v", i, c.Raw(), e)
		}
		i++
	}
	if c.Len() != i {
		t.Fatalf("%d children of %s", c.Len(), c.Raw())
	}
}

// The cases that decide whether content can be copied, one by one. What comes of it stands below any content namespace.
func TestContentPosition(t *testing.T) {
	const header = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' xmlns:z='urn:z'>"
	for _, c := range []struct{ sent, want string }{
		// as it was sent
		{`<message><body  >a</body> b</message>`, `<body  >a</body> b`},
		{`<message xmlns='jabber:client'><body ><b /></body></message>`, `<body ><b /></body>`},
		{`<message xmlns='jabber:server'><body/></message>`, `<body/>`},
		{`<c:message xmlns:c='jabber:client'><body /></c:message>`, `<body />`},
		{`<z:nonza/>`, ``},
		{`<a xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>dGV4dA==</a>`, `dGV4dA==`},
		{`<iq><q xmlns="urn:q"><r/></q></iq>`, `<q xmlns="urn:q"><r/></q>`},
		{`<iq><p:q xmlns:p='urn:q'><p:r p:a='1'/></p:q></iq>`, `<p:q xmlns:p='urn:q'><p:r p:a='1'/></p:q>`},
		{`<iq><q xmlns='' xml:lang="en"/></iq>`, `<q xmlns='' xml:lang="en"/>`},
		{`<message><z xmlns:z='urn:x'><z:a /></z></message>`, `<z xmlns:z='urn:x'><z:a /></z>`},
		// below another namespace, a content namespace is one like others
		{
			`<message><f xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body/></message></f></message>`,
			`<f xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body/></message></f>`,
		},
		{
			`<message><f:f xmlns:f='urn:xmpp:forward:0'><message/></f:f></message>`,
			`<f xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'/></f>`,
		},
		{
			`<message><xml:f><message/><a xmlns=''/></xml:f></message>`,
			`<xml:f><message xmlns='jabber:client'/><a xmlns=''/></xml:f>`,
		},
		// a name that needs what is declared outside
		{`<message><z:a><z:b z:c='d'/></z:a></message>`, `<a xmlns='urn:z'><b xmlns:ns0='urn:z' ns0:c='d'/></a>`},
		{`<message><body z:c='d'/></message>`, `<body xmlns:ns0='urn:z' ns0:c='d'/>`},
		{`<message xmlns:y='urn:y'><y:a/><body/></message>`, `<a xmlns='urn:y'/><body/>`},
		{`<c:message xmlns:c='jabber:client'><c:body><c:b/></c:body></c:message>`, `<body><b/></body>`},
		{`<c:message xmlns:c='jabber:client' xmlns='urn:x'><c:body/><d/></c:message>`, `<body/><d xmlns='urn:x'/>`},
		{`<auth xmlns='urn:xmpp:sasl:2'><user/></auth>`, `<user xmlns='urn:xmpp:sasl:2'/>`},
		{`<message xmlns=''><body/></message>`, `<body xmlns=''/>`},
		// a content namespace named where it goes without saying: it must not stay jabber:client in another stream
		{`<message><body xmlns='jabber:client'>a</body></message>`, `<body>a</body>`},
		{`<message><body xmlns='jabber:server'>a</body></message>`, `<body>a</body>`},
		{`<message><body xmlns='jabber:component:accept'>a</body></message>`, `<body>a</body>`},
		{`<message><body xmlns='jabber:&#99;lient'>a</body></message>`, `<body>a</body>`},
		{`<message><c:body xmlns:c='jabber:client'><c:b/></c:body></message>`, `<body><b/></body>`},
		{`<message><body><b xmlns='jabber:server'/></body></message>`, `<body><b/></body>`},
	} {
		taken, _ := takeAll(t, header+c.sent)
		if got := taken[0].Content.Raw(); got != c.want {
			t.Errorf("%s\nbecomes\n%s\nnot\n%s", c.sent, got, c.want)
		}
		for _, ch := range taken[0].Content.children {
			if ch.Name.Space == SpaceServer || ch.Name.Space == SpaceComponent {
				t.Errorf("%s: child %v", c.sent, ch.Name)
			}
		}
	}
}
