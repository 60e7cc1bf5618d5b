package xmlstream

import (
	"slices"
	"strings"
)

// maxChunk is how many elements are allocated at once, at most.
const maxChunk = 64

// prefix is a prefix in scope and its namespace.
type prefix struct{ name, space string }

// reader makes trees of XML that a Tokenizer has found in order, so it looks for nothing but what it needs. Names and
// values alias s where they can.
type reader struct {
	s     string
	i     int
	binds []prefix // in scope, outermost first
	// What trees consist of comes from few large slices. Where one of them grows, what was cut from it before stays
	// where it is.
	elems   []Element
	attrs   []Attr
	nodes   []node
	pending []node // of the elements under way
}

// element reads the element that begins here, inside a default namespace.
func (r *reader) element(def string) *Element {
	e := r.newElement()
	scope := len(r.binds)
	r.i++
	name := r.name()
	from := len(r.attrs)
	for r.space(); r.s[r.i] != '>' && r.s[r.i] != '/'; r.space() {
		def = r.attribute(def)
	}
	e.name = r.expand(name)
	if e.name.Space == "" {
		e.name.Space = def
	}
	for i := range r.attrs[from:] {
		a := &r.attrs[from+i]
		a.Name = r.expand(a.Name)
	}
	e.attrs = slices.Clip(r.attrs[from:])
	if r.s[r.i] == '/' {
		r.i += len("/>")
	} else {
		r.i++
		r.content(e, def)
	}
	r.binds = r.binds[:scope]
	return e
}

func (r *reader) newElement() *Element {
	if len(r.elems) == cap(r.elems) {
		r.elems = make([]Element, 0, min(max(4, 2*cap(r.elems)), maxChunk))
	}
	r.elems = append(r.elems, Element{})
	return &r.elems[len(r.elems)-1]
}

// content reads up to the end of the element and its end tag.
func (r *reader) content(e *Element, def string) {
	from := len(r.pending)
	for {
		if text := r.text(); text != "" {
			r.pending = append(r.pending, node{text: text})
		}
		if r.s[r.i+1] == '/' {
			break
		}
		child := r.element(def)
		r.pending = append(r.pending, node{elem: child})
	}
	r.i += strings.IndexByte(r.s[r.i:], '>') + 1
	n := len(r.nodes)
	r.nodes = append(r.nodes, r.pending[from:]...)
	r.pending = r.pending[:from]
	e.nodes = slices.Clip(r.nodes[n:])
}

// text reads character data and CDATA sections up to a tag, as one.
func (r *reader) text() string {
	const open, end = "<![CDATA[", "]]>"
	var joined []byte
	for {
		n := strings.IndexByte(r.s[r.i:], '<')
		run := r.s[r.i : r.i+n]
		r.i += n
		cdata := strings.HasPrefix(r.s[r.i:], open)
		if joined == nil && !cdata {
			return decodeString(run, false)
		}
		joined = appendDecoded(joined, run, false)
		if !cdata {
			return string(joined)
		}
		r.i += len(open)
		n = strings.Index(r.s[r.i:], end)
		joined = appendCData(joined, r.s[r.i:r.i+n])
		r.i += n + len(end)
	}
}

// attribute reads an attribute or a declaration, and returns the default namespace behind it. The namespace of the
// attribute's name is its prefix for now, as what that means may be declared only later in the tag.
func (r *reader) attribute(def string) string {
	name := r.name()
	r.space()
	r.i++ // the =
	r.space()
	quote := r.s[r.i]
	r.i++
	n := strings.IndexByte(r.s[r.i:], quote)
	value := decodeString(r.s[r.i:r.i+n], true)
	r.i += n + 1
	switch {
	case name.Space == "" && name.Local == "xmlns":
		return value
	case name.Space == "xmlns":
		r.binds = append(r.binds, prefix{name.Local, value})
	default:
		r.attrs = append(r.attrs, Attr{name, value})
	}
	return def
}

// name reads a name, its prefix taking the place of the namespace.
func (r *reader) name() Name {
	from, colon := r.i, -1
	for ; ; r.i++ {
		switch c := r.s[r.i]; {
		case c == ':':
			colon = r.i
		case !isNameByte(c):
			if colon >= 0 {
				return Name{r.s[from:colon], r.s[colon+1 : r.i]}
			}
			return Name{"", r.s[from:r.i]}
		}
	}
}

// expand replaces the prefix by what it means.
func (r *reader) expand(n Name) Name {
	switch n.Space {
	case "":
		return n
	case "xml":
		return Name{SpaceXML, n.Local}
	}
	for i := len(r.binds) - 1; ; i-- {
		if r.binds[i].name == n.Space {
			return Name{r.binds[i].space, n.Local}
		}
	}
}

// space passes over white space.
func (r *reader) space() {
	for isSpace(r.s[r.i]) {
		r.i++
	}
}
