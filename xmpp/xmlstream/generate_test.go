package xmlstream

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// writing generates well-formed XML in every style that XMPP allows: namespaces by default and by prefix, declared
// anywhere, prefixes that hide others, references, CDATA sections, all line ends, both quotes.
type writing struct {
	t     *rapid.T
	scope []prefix // declared, outermost first
}

func pick[E any](t *rapid.T, label string, choice ...E) E {
	return rapid.SampledFrom(choice).Draw(t, label)
}

func (w *writing) chance(percent int) bool {
	return rapid.IntRange(0, 99).Draw(w.t, "chance") < percent
}

var generatedSpaces = []string{SpaceClient, SpaceServer, SpaceComponent, "urn:x", "urn:y", "urn:xmpp:forward:0"}

// element writes an element of the given depth at most. A local name is drawn unless it is given.
func (w *writing) element(local string, depth int) string {
	outer := len(w.scope)
	defer func() { w.scope = w.scope[:outer] }()
	var decls []string
	if w.chance(30) {
		space := pick(w.t, "default", append(generatedSpaces, "")...)
		w.scope = append(w.scope, prefix{"", space})
		decls = append(decls, w.attribute("xmlns", space))
	}
	for range rapid.IntRange(0, 2).Draw(w.t, "declarations") {
		p := prefix{pick(w.t, "prefix", "p", "q", "stream", "body"), pick(w.t, "space", generatedSpaces...)}
		if !slices.ContainsFunc(w.scope[outer:], func(q prefix) bool { return p.name == q.name }) {
			w.scope = append(w.scope, p)
			decls = append(decls, w.attribute("xmlns:"+p.name, p.space))
		}
	}
	if local == "" {
		local = pick(w.t, "local", "body", "x", "message", "forwarded", "é")
	}
	name := w.qualified(local, 25)
	attrs := decls
	for _, a := range []string{"a", "from", "lang"} {
		if w.chance(25) {
			attrs = append(attrs, w.attribute(w.qualified(a, 40), w.value()))
		}
	}
	if w.chance(15) {
		attrs = append(attrs, w.attribute("xml:lang", pick(w.t, "language", "en", "de")))
	}
	attrs = rapid.Permutation(attrs).Draw(w.t, "attributes")
	for i := range attrs {
		attrs[i] = pick(w.t, "space", " ", "\n", " \t") + attrs[i]
	}
	tag := name + strings.Join(attrs, "") + pick(w.t, "trailing", "", "", " ")
	if w.chance(20) {
		return "<" + tag + "/>"
	}
	return "<" + tag + ">" + w.content(depth) + "</" + name + pick(w.t, "trailing", "", "", "\r\n") + ">"
}

func (w *writing) content(depth int) string {
	var b strings.Builder
	for range rapid.IntRange(0, 3).Draw(w.t, "pieces") {
		if depth > 1 && w.chance(60) {
			b.WriteString(w.element("", depth-1))
		} else {
			b.WriteString(pick(w.t, "text", "", " ", "hello", "]]", "]]&gt;", "&lt;from&gt;", "é\U0001F600", "a\r\nb\rc", "&#13;&#xA;",
				"<![CDATA[<from/>&]]>", "<![CDATA[\r\n]]]>", "'\""))
		}
	}
	return b.String()
}

// qualified puts a prefix in scope before a name, at times.
func (w *writing) qualified(local string, percent int) string {
	var names []string
	for _, p := range w.scope {
		if p.name != "" {
			names = append(names, p.name)
		}
	}
	if len(names) == 0 || !w.chance(percent) {
		return local
	}
	return pick(w.t, "prefix", names...) + ":" + local
}

func (w *writing) value() string {
	return pick(w.t, "value", "", "romeo@montague.example", "a&amp;b", "&lt;&gt;", "a\tb\nc\r\nd", "&#9;&#10;", ">", "urn:x", "é")
}

func (w *writing) attribute(name, value string) string {
	quote := pick(w.t, "quote", "'", `"`)
	return name + pick(w.t, "equals", "=", "=", " = ") + quote + value + quote
}

// stream generates a header with more declarations than usual, and elements that may use them.
func generateStream(t *rapid.T, def string, elements int) (header string, sent []string) {
	w := &writing{t: t, scope: []prefix{{"", def}, {"stream", SpaceStreams}, {"c", SpaceClient}, {"s", SpaceServer}, {"z", "urn:z"}}}
	header = "<stream:stream"
	for _, p := range w.scope {
		if p.name == "" {
			header += " xmlns='" + p.space + "'"
		} else {
			header += fmt.Sprintf(" xmlns:%s='%s'", p.name, p.space)
		}
	}
	header += " xml:lang='en'>"
	for range elements {
		sent = append(sent, w.element(pick(t, "stanza", "message", "iq", "presence"), 4))
	}
	return header, sent
}
