package xmlstream

import (
	"iter"
	"slices"
	"strings"
)

// Content is the inside of a stanza: its bytes and a flat index of its top-level children. It is immutable, and
// shared by all stanzas that carry the same inside, as in a fan-out.
//
// Its bytes are self-contained XML content under one condition: an unprefixed name without an xmlns in scope belongs
// to the content namespace, jabber:client or jabber:server (RFC 6120 §4.8.3) or that of components (XEP-0114). No prefix
// but xml is used that the content does not declare itself, so it may be placed below any start tag whose default
// namespace is a content namespace.
//
// As stanzas move between such streams, the content namespaces are one in them: a child of a stanza that is named in any
// of them, and what is so named below such a child, is in the content namespace of wherever the content is placed. It
// never has an xmlns that says so. Below a child of any other namespace the three are namespaces like others, always
// declared: a forwarded message in jabber:client stays one between servers.
//
// A prefix that is used in a value only, as XML Schema does, is not seen: when its declaration was outside the
// content, or content is serialised anew for another reason, the value has lost its meaning.
type Content struct {
	raw      string
	children []Child
}

// Child is a top-level child of a stanza, and its place in the content's bytes.
type Child struct {
	Name       Name // Space is "jabber:client" for the content namespace, whichever the stream's was
	start, end uint32
}

// NewContent makes content of elements. Nil ones are left out.
func NewContent(els ...*Element) Content { return Content{}.With(els...) }

// contentOf makes content of all that an element holds, text too.
func contentOf(nodes []node) Content {
	var c Content
	var raw []byte
	for _, n := range nodes {
		if n.elem == nil {
			raw = AppendEscaped(raw, n.text)
		} else {
			raw = c.add(raw, n.elem)
		}
	}
	c.raw = string(raw)
	return c
}

// add appends a child to the index, and its bytes to what becomes c.raw.
func (c *Content) add(raw []byte, e *Element) []byte {
	start := len(raw)
	raw = e.appendTo(raw, "", true)
	name := e.name
	if isContentSpace(name.Space) {
		name.Space = SpaceClient
	}
	c.children = append(c.children, Child{name, uint32(start), uint32(len(raw))})
	return raw
}

// With returns content that has the elements too, behind its own. Nil ones are left out.
func (c Content) With(els ...*Element) Content {
	out := Content{children: append(make([]Child, 0, len(c.children)+len(els)), c.children...)}
	raw := append(make([]byte, 0, len(c.raw)+128*len(els)), c.raw...)
	for _, e := range els {
		if e != nil {
			raw = out.add(raw, e)
		}
	}
	out.raw = string(raw)
	return out
}

// Without returns content that lacks the children that drop chooses. Text between them is kept.
func (c Content) Without(drop func(Child) bool) Content {
	first := slices.IndexFunc(c.children, drop)
	if first < 0 {
		return c
	}
	out := Content{children: append(make([]Child, 0, len(c.children)-1), c.children[:first]...)}
	var raw strings.Builder
	raw.Grow(len(c.raw) - c.children[first].Size())
	kept := uint32(0) // in c.raw, from where bytes are to be kept
	for i, ch := range c.children[first:] {
		if i == 0 || drop(ch) {
			raw.WriteString(c.raw[kept:ch.start])
			kept = ch.end
			continue
		}
		gone := kept - uint32(raw.Len())
		out.children = append(out.children, Child{ch.Name, ch.start - gone, ch.end - gone})
	}
	raw.WriteString(c.raw[kept:])
	out.raw = raw.String()
	return out
}

// Clone returns the same content in memory of its own, and no more of it than it needs.
func (c Content) Clone() Content {
	out := Content{raw: strings.Clone(c.raw)}
	for _, ch := range c.children {
		ch.Name = Name{strings.Clone(ch.Name.Space), strings.Clone(ch.Name.Local)}
		out.children = append(out.children, ch)
	}
	out.children = slices.Clip(out.children)
	return out
}

// Len returns the number of top-level children.
func (c Content) Len() int { return len(c.children) }

// Size returns the number of bytes.
func (c Content) Size() int { return len(c.raw) }

// At returns child number i, from 0.
func (c Content) At(i int) Child { return c.children[i] }

// Children yields the top-level children in document order.
func (c Content) Children() iter.Seq[Child] { return slices.Values(c.children) }

// Find returns the first child of that name. The content namespace is "jabber:client" here.
func (c Content) Find(space, local string) (Child, bool) {
	for i := range c.children {
		if n := &c.children[i].Name; n.Local == local && n.Space == space {
			return c.children[i], true
		}
	}
	return Child{}, false
}

// Has reports whether there is a child of that name. The content namespace is "jabber:client" here.
func (c Content) Has(space, local string) bool {
	_, ok := c.Find(space, local)
	return ok
}

// Child returns the first child of that name as a tree, or nil.
func (c Content) Child(space, local string) *Element {
	if ch, ok := c.Find(space, local); ok {
		return c.Element(ch)
	}
	return nil
}

// Element returns a child of c, and of no other content, as a tree, with "jabber:client" for the content namespace. The
// tree may hold on to the bytes of c. It is made anew by each call.
func (c Content) Element(ch Child) *Element {
	r := reader{s: c.Bytes(ch)}
	return r.element(SpaceClient)
}

// Elements yields the children as trees, in document order.
func (c Content) Elements() iter.Seq[*Element] {
	return func(yield func(*Element) bool) {
		for _, ch := range c.children {
			if !yield(c.Element(ch)) {
				return
			}
		}
	}
}

// Raw returns the bytes.
func (c Content) Raw() string { return c.raw }

// Bytes returns the bytes of a child of c.
func (c Content) Bytes(ch Child) string { return c.raw[ch.start:ch.end] }

// AppendXML appends the bytes to dst.
func (c Content) AppendXML(dst []byte) []byte { return append(dst, c.raw...) }

// Size returns the number of bytes that the child has.
func (ch Child) Size() int { return int(ch.end - ch.start) }
