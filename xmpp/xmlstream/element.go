package xmlstream

import (
	"iter"
	"strings"
)

// Name is an expanded XML name: a namespace URI, empty for none, and a local name.
type Name struct{ Space, Local string }

// Attr is an attribute with its value decoded. A Part, so that New takes it.
type Attr struct {
	Name  Name
	Value string
}

// A returns an attribute without a namespace, as nearly all in XMPP are.
func A(local, value string) Attr { return Attr{Name{Local: local}, value} }

// Text is character data, decoded.
type Text string

// A Part is what an Element is made of: an Attr, a Text or a child *Element.
type Part interface{ addTo(*Element) }

func (t Text) addTo(e *Element)     { e.nodes = append(e.nodes, node{text: string(t)}) }
func (c *Element) addTo(e *Element) { e.add(c) }

// addTo replaces an attribute of the same name, as an element can have only one.
func (a Attr) addTo(e *Element) {
	for i := range e.attrs {
		if e.attrs[i].Name == a.Name {
			e.attrs[i].Value = a.Value
			return
		}
	}
	e.attrs = append(e.attrs, a)
}

// Element is an XML element as a tree, immutable once made. It is the view for whoever reads or
// answers a payload; what is only relayed stays bytes, see Content.
// Methods on a nil *Element report an element that has no name and holds nothing, so that a chain of
// Child calls needs no checks between.
type Element struct {
	name  Name
	attrs []Attr
	nodes []node
}

// node is a child element or, where elem is nil, character data.
type node struct {
	elem *Element
	text string
}

// New makes an element of the parts given, in their order. A nil *Element among them is left out, and of attributes
// with the same name the last value counts.
func New(space, local string, parts ...Part) *Element {
	e := &Element{name: Name{space, local}}
	for _, p := range parts {
		p.addTo(e)
	}
	return e
}

func (e *Element) add(c *Element) {
	if c != nil {
		e.nodes = append(e.nodes, node{elem: c})
	}
}

// With returns a copy of e that has the parts too, behind its own.
// An attribute that e has already is replaced in its place.
func (e *Element) With(parts ...Part) *Element {
	c := &Element{
		name:  e.name,
		attrs: append(make([]Attr, 0, len(e.attrs)+1), e.attrs...),
		nodes: append(make([]node, 0, len(e.nodes)+len(parts)), e.nodes...),
	}
	for _, p := range parts {
		p.addTo(c)
	}
	return c
}

// Name returns the expanded name.
func (e *Element) Name() Name {
	if e == nil {
		return Name{}
	}
	return e.name
}

// Space returns the namespace of the element's name.
func (e *Element) Space() string { return e.Name().Space }

// Local returns the local part of the element's name.
func (e *Element) Local() string { return e.Name().Local }

// Is reports whether the element has this name.
func (e *Element) Is(space, local string) bool {
	return e != nil && e.name.Local == local && e.name.Space == space
}

// Attr returns the value of the attribute without namespace of that name, or "".
func (e *Element) Attr(local string) string {
	v, _ := e.LookupAttr("", local)
	return v
}

// LookupAttr returns the value of an attribute and whether it is there.
func (e *Element) LookupAttr(space, local string) (string, bool) {
	if e != nil {
		for i := range e.attrs {
			if a := &e.attrs[i]; a.Name.Local == local && a.Name.Space == space {
				return a.Value, true
			}
		}
	}
	return "", false
}

// Attrs yields the attributes in document order.
func (e *Element) Attrs() iter.Seq[Attr] {
	return func(yield func(Attr) bool) {
		if e == nil {
			return
		}
		for _, a := range e.attrs {
			if !yield(a) {
				return
			}
		}
	}
}

// Children yields the child elements in document order.
func (e *Element) Children() iter.Seq[*Element] {
	return func(yield func(*Element) bool) {
		if e == nil {
			return
		}
		for _, n := range e.nodes {
			if n.elem != nil && !yield(n.elem) {
				return
			}
		}
	}
}

// ChildrenNamed yields the child elements of that name in document order.
func (e *Element) ChildrenNamed(space, local string) iter.Seq[*Element] {
	return func(yield func(*Element) bool) {
		for c := range e.Children() {
			if c.Is(space, local) && !yield(c) {
				return
			}
		}
	}
}

// Child returns the first child element of that name, or nil.
func (e *Element) Child(space, local string) *Element {
	for c := range e.ChildrenNamed(space, local) {
		return c
	}
	return nil
}

// First returns the first child element, or nil.
func (e *Element) First() *Element {
	for c := range e.Children() {
		return c
	}
	return nil
}

// Text returns the element's own character data, without that of its children.
func (e *Element) Text() string {
	if e == nil {
		return ""
	}
	if len(e.nodes) == 1 {
		return e.nodes[0].text
	}
	var b strings.Builder
	for _, n := range e.nodes {
		if n.elem == nil {
			b.WriteString(n.text)
		}
	}
	return b.String()
}

// ChildText returns the text of the first child of that name, or "".
func (e *Element) ChildText(space, local string) string { return e.Child(space, local).Text() }

// String returns the element as XML, for logs and tests.
func (e *Element) String() string { return string(e.AppendXML(nil, "")) }

// Appender is what can write itself as XML below a start tag whose default namespace is given.
type Appender interface {
	AppendXML(dst []byte, inherited string) []byte
}
