// Package xmlstreamtest generates streams that are well-formed and as hostile as XMPP allows, for tests of whatever takes elements from
// one stream to another. It shares no code with package xmlstream.
package xmlstreamtest

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// The namespaces that the generator knows by name. RFC 6120 §4.8, XEP-0114
const (
	spaceClient    = "jabber:client"
	spaceServer    = "jabber:server"
	spaceComponent = "jabber:component:accept"
	spaceStreams   = "http://etherx.jabber.org/streams"
)

// generated are what elements and prefixes are put into; forwarding is where stanzas lie in stanzas (XEP-0297).
var generated = []string{spaceClient, spaceServer, spaceComponent, "urn:x", "urn:y", "urn:xmpp:forward:0"}

// Writing writes what one party says on a stream, in every style that XMPP allows: namespaces by default and by prefix, declared
// anywhere, prefixes that hide others, references, CDATA sections, all line ends, both quotes, and text that looks like markup.
type Writing struct {
	t     *rapid.T
	scope []prefix // declared, outermost first
	// Forged are addresses that the party likes to claim, in attributes and in stanzas within its stanzas.
	Forged []string
}

// prefix is "" for the default namespace.
type prefix struct{ name, space string }

// New begins to write in a content namespace. The header has more declarations than usual, and elements may use them.
func New(t *rapid.T, content string) *Writing {
	return &Writing{
		t: t, Forged: []string{"romeo@montague.example"},
		scope: []prefix{{"", content}, {"stream", spaceStreams}, {"c", spaceClient}, {"s", spaceServer}, {"z", "urn:z"}},
	}
}

// Header writes the header, with more attributes as they are given. Its end is </stream:stream>.
func (w *Writing) Header(attrs string) string {
	h := "<stream:stream"
	for _, p := range w.scope {
		if p.name == "" {
			h += " xmlns='" + p.space + "'"
		} else {
			h += fmt.Sprintf(" xmlns:%s='%s'", p.name, p.space)
		}
	}
	return h + " " + attrs + ">"
}

// Element writes an element of that name or, where it is empty, of any. It may be in any namespace.
func (w *Writing) Element(local string) string { return w.element(local, 4) }

// Attr is an attribute without namespace, its value as it is to be read.
type Attr struct{ Name, Value string }

// Stanza writes an element in the content namespace with exactly these attributes of those without a namespace, besides any that
// stanzas do not have. Others of the same names come with prefixes.
func (w *Writing) Stanza(local string, attrs ...Attr) string {
	defer w.leave(len(w.scope))
	content := w.scope[0].space
	written := w.declarations()
	for _, a := range attrs {
		written = append(written, w.attribute(a.Name, w.spelled(a.Value)))
		for _, p := range w.prefixes() {
			if w.chance(15) {
				written = append(written, w.attribute(p+":"+a.Name, pick(w.t, "claimed", w.Forged...)))
			}
		}
	}
	if w.chance(15) {
		written = append(written, w.attribute("other", w.value()))
	}
	return w.tag(w.named(local, content), append(written, w.language()...), 4)
}

func (w *Writing) leave(outer int) { w.scope = w.scope[:outer] }

func pick[E any](t *rapid.T, label string, choice ...E) E {
	return rapid.SampledFrom(choice).Draw(t, label)
}

func (w *Writing) chance(percent int) bool {
	return rapid.IntRange(0, 99).Draw(w.t, "chance") < percent
}

func (w *Writing) element(local string, depth int) string {
	defer w.leave(len(w.scope))
	attrs := w.declarations()
	if local == "" {
		local = pick(w.t, "local", "body", "x", "message", "iq", "forwarded", "error", "stream", "é")
	}
	name := w.qualified(local, 25)
	for _, a := range []string{"a", "from", "lang"} {
		if w.chance(25) {
			attrs = append(attrs, w.attribute(w.qualified(a, 40), w.value()))
		}
	}
	return w.tag(name, append(attrs, w.language()...), depth)
}

// declarations puts prefixes and a default in scope, at times.
func (w *Writing) declarations() (written []string) {
	outer := len(w.scope)
	if w.chance(30) {
		space := pick(w.t, "default", append(generated, "")...)
		w.scope = append(w.scope, prefix{"", space})
		written = append(written, w.attribute("xmlns", space))
	}
	for range rapid.IntRange(0, 2).Draw(w.t, "declarations") {
		p := prefix{pick(w.t, "prefix", "p", "q", "stream", "body"), pick(w.t, "space", generated...)}
		if !slices.ContainsFunc(w.scope[outer:], func(q prefix) bool { return p.name == q.name }) {
			w.scope = append(w.scope, p)
			written = append(written, w.attribute("xmlns:"+p.name, p.space))
		}
	}
	return written
}

func (w *Writing) language() []string {
	if w.chance(15) {
		return []string{w.attribute("xml:lang", pick(w.t, "language", "en", "de"))}
	}
	return nil
}

// tag writes an element whose name and attributes are written already.
func (w *Writing) tag(name string, attrs []string, depth int) string {
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

// texts stand beside each other in any order: none may begin with what would end a "]]" or a "\r".
var texts = []string{
	"", " ", "hello", "]]", "]]&gt;", "]]&#62;", "&#93;]>", "&lt;from&gt;", "é\U0001F600", "a\r\nb\rc", "&#13;&#xA;", "'\"", "&amp;lt;", "a > b", "/&gt;",
	"<![CDATA[<from/>&]]>", "<![CDATA[\r\n]]]>", "]]<![CDATA[>]]>", "<![CDATA[]]>", "<![CDATA[&lt;]]>",
	"&lt;/message&gt;&lt;/stream:stream&gt;", "<![CDATA[</message></stream:stream>]]>",
}

func (w *Writing) content(depth int) string {
	var b strings.Builder
	for range rapid.IntRange(0, 3).Draw(w.t, "pieces") {
		switch {
		case depth > 1 && w.chance(60):
			b.WriteString(w.element("", depth-1))
		case depth > 1 && w.chance(10): // a stanza from somebody else, complete
			b.WriteString("<message xmlns='jabber:client' from='" + pick(w.t, "claimed", w.Forged...) + "'><body>forged</body></message>")
		default:
			b.WriteString(pick(w.t, "text", texts...))
		}
	}
	return b.String()
}

// prefixes are those in scope that stand for different namespaces, and xml.
func (w *Writing) prefixes() []string {
	all, spaces := []string{"xml"}, []string{}
	for i, p := range slices.Backward(w.scope) {
		hidden := slices.ContainsFunc(w.scope[i+1:], func(q prefix) bool { return p.name == q.name })
		if p.name != "" && !hidden && !slices.Contains(spaces, p.space) {
			all, spaces = append(all, p.name), append(spaces, p.space)
		}
	}
	return all
}

// qualified puts a prefix in scope before a name, at times.
func (w *Writing) qualified(local string, percent int) string {
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

// named writes a name in a namespace for which there is a prefix, if it is not the default.
func (w *Writing) named(local, space string) string {
	var names []string
	seen := map[string]bool{}
	for _, p := range slices.Backward(w.scope) {
		if !seen[p.name] && p.space == space {
			names = append(names, strings.TrimPrefix(p.name+":"+local, ":"))
		}
		seen[p.name] = true
	}
	return pick(w.t, "name", names...)
}

// value is one as it is written, with one kind of quotes at most.
func (w *Writing) value() string {
	return pick(w.t, "value", append([]string{
		"", "a&amp;b", "&lt;&gt;", "a\tb\nc\r\nd", "&#9;&#10;", ">", "/>", "]]>", "urn:x", "é", `'/>`, `"/>`, "'&gt;&lt;message/&gt;",
		"&quot;&apos;", "&lt;/stream:stream&gt;",
	}, w.Forged...)...)
}

func (w *Writing) attribute(name, value string) string {
	quote := pick(w.t, "quote", "'", `"`)
	if strings.Contains(value, quote) {
		quote = map[string]string{"'": `"`, `"`: "'"}[quote]
	}
	return name + pick(w.t, "equals", "=", "=", " = ") + quote + value + quote
}

// spelled writes a value with references for some of its characters, and for those that need one.
func (w *Writing) spelled(value string) string {
	var b strings.Builder
	more := w.chance(30)
	for _, r := range value {
		switch {
		case strings.ContainsRune("&<>'\"\t\n\r", r) || more && w.chance(15):
			fmt.Fprintf(&b, pick(w.t, "reference", "&#%d;", "&#x%x;", "&#x%04X;"), r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
