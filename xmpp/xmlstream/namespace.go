package xmlstream

// Namespaces that this package knows. A name in one of them, or in another that is common between elements of a
// stream, costs no allocation.
const (
	SpaceClient    = "jabber:client"                        // content namespace, RFC 6120 §4.8.3
	SpaceServer    = "jabber:server"                        // content namespace, RFC 6120 §4.8.3
	SpaceComponent = "jabber:component:accept"              // content namespace, XEP-0114
	SpaceStreams   = "http://etherx.jabber.org/streams"     // of the stream itself, RFC 6120 §4.8.1
	SpaceXML       = "http://www.w3.org/XML/1998/namespace" // of xml:lang
	spaceXMLNS     = "http://www.w3.org/2000/xmlns/"        // of declarations; nothing may be bound to it
)

// knownSpaces gives each known namespace the number it has in a ref.
var knownSpaces = [...]string{
	"", SpaceClient, SpaceServer, SpaceComponent, SpaceStreams, SpaceXML, spaceXMLNS,
	"urn:xmpp:sm:3",
	"urn:ietf:params:xml:ns:xmpp-sasl",
	"urn:ietf:params:xml:ns:xmpp-tls",
	"urn:ietf:params:xml:ns:xmpp-framing",
	"urn:xmpp:sasl:2",
	"urn:xmpp:csi:0",
	"jabber:server:dialback",
}

const knownContent = 3 // the last content namespace in knownSpaces, the first being 1

// knownSpace returns the number of a known namespace, or -1. The compiler makes a search without allocation of it.
func knownSpace(b []byte) int32 {
	switch string(b) {
	case "":
		return 0
	case SpaceClient:
		return 1
	case SpaceServer:
		return 2
	case SpaceComponent:
		return 3
	case SpaceStreams:
		return 4
	case SpaceXML:
		return 5
	case spaceXMLNS:
		return 6
	case "urn:xmpp:sm:3":
		return 7
	case "urn:ietf:params:xml:ns:xmpp-sasl":
		return 8
	case "urn:ietf:params:xml:ns:xmpp-tls":
		return 9
	case "urn:ietf:params:xml:ns:xmpp-framing":
		return 10
	case "urn:xmpp:sasl:2":
		return 11
	case "urn:xmpp:csi:0":
		return 12
	case "jabber:server:dialback":
		return 13
	}
	return -1
}

// isContentSpace reports whether stanzas of some kind of stream are in this namespace.
func isContentSpace(s string) bool {
	return s == SpaceClient || s == SpaceServer || s == SpaceComponent
}

// ref is a string that the tokenizer does not copy. Where off >= 0 it is the n bytes at off of the element under way;
// otherwise it is entry ^off of knownSpaces followed by Tokenizer.strs. A known namespace always has its number.
type ref struct{ off, n int32 }

var (
	refNone  = ref{off: ^0}
	refXML   = ref{off: ^5}
	refXMLNS = ref{off: ^6}
)

// isContent reports whether a ref is a content namespace.
func (r ref) isContent() bool { return r.off <= ^1 && r.off >= ^knownContent }

// binding is a prefix in scope and what it stands for.
type binding struct{ prefix, space ref }

// str returns the string of a ref that is not in the window.
func (t *Tokenizer) str(r ref) string {
	if i := int(^r.off); i >= len(knownSpaces) {
		return t.strs[i-len(knownSpaces)]
	}
	return knownSpaces[^r.off]
}

// refLen returns the length of what r refers to, in bytes.
func (t *Tokenizer) refLen(r ref) int {
	if r.off >= 0 {
		return int(r.n)
	}
	return len(t.str(r))
}

// is reports whether r refers to these bytes.
func (t *Tokenizer) is(w []byte, r ref, b []byte) bool {
	if r.off >= 0 {
		return int(r.n) == len(b) && string(w[r.off:r.off+r.n]) == string(b)
	}
	return t.str(r) == string(b)
}

// same reports whether two refs are to equal strings.
func (t *Tokenizer) same(w []byte, a, b ref) bool {
	if a == b {
		return true
	}
	if b.off >= 0 {
		return t.is(w, a, w[b.off:b.off+b.n])
	}
	return a.off >= 0 && t.is(w, b, w[a.off:a.off+a.n]) || a.off < 0 && t.str(a) == t.str(b)
}

// keep makes a ref to a string of the tokenizer's own, for what does not lie in the window as it is, or not for long.
func (t *Tokenizer) keep(s string) ref {
	t.strs = append(t.strs, s)
	return ref{off: ^int32(len(knownSpaces) + len(t.strs) - 1)}
}

// spaceRef makes a ref to the namespace that a declaration names.
func (t *Tokenizer) spaceRef(w []byte, a *attr) ref {
	v := w[a.value:a.valueEnd]
	if a.has(attrCooked) {
		t.work.decoded = appendDecoded(t.work.decoded[:0], v, true)
		v = t.work.decoded
	}
	if k := knownSpace(v); k >= 0 {
		return ref{off: ^k}
	}
	if a.has(attrCooked) || !t.headed {
		return t.keep(string(v))
	}
	return ref{a.value, a.valueEnd - a.value}
}

// declare puts a namespace declaration in scope, for the element e. Namespaces in XML 1.0 §3, §5.
func (t *Tokenizer) declare(w []byte, a *attr, e *open) bool {
	space := t.spaceRef(w, a)
	if a.colon < 0 {
		if space == refXML || space == refXMLNS {
			return t.fail(int(a.value), NotWellFormed, "reserved namespace as default")
		}
		e.def = space
		e.flags |= openDeclares
		return true
	}
	prefix := ref{a.colon + 1, a.end - a.colon - 1}
	name := w[prefix.off:a.end]
	switch xml := string(name) == "xml"; {
	case string(name) == "xmlns":
		return t.fail(int(a.off), NotWellFormed, "declaration of the prefix xmlns")
	case xml != (space == refXML):
		return t.fail(int(a.value), NotWellFormed, "the prefix xml and its namespace go only together")
	case xml:
		return true
	case space == refXMLNS:
		return t.fail(int(a.value), NotWellFormed, "prefix for the namespace of declarations")
	case space == refNone:
		return t.fail(int(a.value), NotWellFormed, "prefix undeclared")
	case len(t.binds) >= t.limits.Attrs:
		return t.fail(int(a.off), PolicyViolation, "too many prefixes in scope")
	}
	if !t.headed {
		prefix = t.keep(intern(name))
	}
	t.binds = append(t.binds, binding{prefix, space})
	return true
}

// lookup finds what a prefix stands for and which binding says so; -1 where it is the predeclared xml.
func (t *Tokenizer) lookup(w, prefix []byte) (space ref, at int, ok bool) {
	if string(prefix) == "xml" {
		return refXML, -1, true
	}
	for i := len(t.binds) - 1; i >= 0; i-- {
		if t.is(w, t.binds[i].prefix, prefix) {
			return t.binds[i].space, i, true
		}
	}
	return refNone, 0, false
}
