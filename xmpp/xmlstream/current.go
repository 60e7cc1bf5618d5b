package xmlstream

import "iter"

// current returns the bytes of what was handed out.
func (t *Tokenizer) current() []byte { return t.buf[t.start : t.start+t.size] }

// Size returns the number of bytes of what was handed out.
func (t *Tokenizer) Size() int { return t.size }

// Name returns the name of the header or element that Next found. A namespace or local name that is common at the top
// of a stream costs no allocation.
func (t *Tokenizer) Name() Name {
	if t.kind != Header && t.kind != Complete {
		return Name{}
	}
	w := t.current()
	off, end := t.work.top.local()
	return Name{t.space(w, t.work.top.space), intern(w[off:end])}
}

// Attrs yields the attributes of the header or element that Next found, without namespace declarations.
func (t *Tokenizer) Attrs() iter.Seq[Attr] {
	return func(yield func(Attr) bool) {
		if t.kind != Header && t.kind != Complete {
			return
		}
		w := t.current()
		s := t.work
		for i := range s.attrs[:s.own] {
			a := &s.attrs[i]
			if a.has(attrDeclares) {
				continue
			}
			off, end := a.local()
			name := Name{t.space(w, a.space), intern(w[off:end])}
			if !yield(Attr{name, string(t.valueOf(w, a))}) {
				return
			}
		}
	}
}

// valueOf returns the value of an attribute, which lies in the window or in the workspace.
func (t *Tokenizer) valueOf(w []byte, a *attr) []byte {
	v := w[a.value:a.valueEnd]
	if a.has(attrCooked) {
		t.work.decoded = appendDecoded(t.work.decoded[:0], v, true)
		return t.work.decoded
	}
	return v
}

// space returns the namespace that r means.
func (t *Tokenizer) space(w []byte, r ref) string {
	if r.off >= 0 {
		return string(w[r.off : r.off+r.n])
	}
	return t.str(r)
}

// DefaultSpace returns the default namespace that the stream header declared, or "".
func (t *Tokenizer) DefaultSpace() string { return t.str(t.def) }

// Declares reports whether the stream header declared this namespace, as the default or for a prefix.
// Servers say so that they know XEP-0220.
func (t *Tokenizer) Declares(space string) bool {
	if t.str(t.def) == space {
		return true
	}
	for _, b := range t.binds[:t.outer.binds] {
		if t.str(b.space) == space {
			return true
		}
	}
	return false
}

// Element returns the element that Next found as a tree in memory of its own, or nil if it found none.
func (t *Tokenizer) Element() *Element {
	if t.kind != Complete {
		return nil
	}
	r := reader{s: string(t.current()), elems: make([]Element, 0, min(t.work.nodes, maxChunk))}
	for _, b := range t.binds[:t.outer.binds] {
		r.binds = append(r.binds, prefix{t.str(b.prefix), t.str(b.space)})
	}
	return r.element(t.str(t.def))
}

// intern returns b as a string, without an allocation if it is a name that is common at the top of a stream.
func intern(b []byte) string {
	switch string(b) {
	case "message":
		return "message"
	case "presence":
		return "presence"
	case "iq":
		return "iq"
	case "to":
		return "to"
	case "from":
		return "from"
	case "id":
		return "id"
	case "type":
		return "type"
	case "lang":
		return "lang"
	case "a":
		return "a"
	case "r":
		return "r"
	case "h":
		return "h"
	case "version":
		return "version"
	case "active":
		return "active"
	case "inactive":
		return "inactive"
	case "stream":
		return "stream"
	case "stream:stream":
		return "stream:stream"
	}
	return string(b)
}
