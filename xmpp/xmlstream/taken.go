package xmlstream

// Taken is an element that was taken out of a Tokenizer, for a stanza to embed. It is immutable and independent of the
// window. Everything it holds lies in one string of its own, unless there are more attributes or children than it has
// room for, a value has references, or the content had to be serialised anew. Do not copy a Taken: a copy would hold
// on to the first.
type Taken struct {
	Name    Name    // as it was sent: a content namespace that is not the stream's is for the caller to refuse
	Attrs   []Attr  // of the start tag, without namespace declarations
	Content Content // of the element

	attrs0 [6]Attr
	kids0  [6]Child
}

// Attr returns the value of the attribute without namespace of that name, or "".
func (e *Taken) Attr(local string) string {
	v, _ := e.LookupAttr("", local)
	return v
}

// LookupAttr returns the value of an attribute and whether it is there.
func (e *Taken) LookupAttr(space, local string) (string, bool) {
	for i := range e.Attrs {
		if a := &e.Attrs[i]; a.Name.Local == local && a.Name.Space == space {
			return a.Value, true
		}
	}
	return "", false
}

// Take copies the element that Next found into dst, whatever dst held before. It does nothing if Next found none.
func (t *Tokenizer) Take(dst *Taken) {
	if t.kind != Complete {
		return
	}
	w := t.current()
	s := t.work
	from, to := s.inner, s.innerEnd
	for i := range s.attrs[:s.own] {
		if a := &s.attrs[i]; !a.has(attrDeclares) {
			from = a.off
			break
		}
	}
	if s.slow {
		to = s.inner
	}
	copied := string(w[from:to])
	dst.Name = t.Name()
	dst.Attrs = dst.attrs0[:0]
	for i := range s.attrs[:s.own] {
		if a := &s.attrs[i]; !a.has(attrDeclares) {
			dst.Attrs = append(dst.Attrs, t.takeAttr(w, a, copied, from))
		}
	}
	if s.slow {
		dst.Content = contentOf(t.Element().nodes)
		return
	}
	raw := copied[s.inner-from:]
	dst.Content = Content{raw, t.takeKids(raw, dst.kids0[:0])}
}

// takeAttr makes an attribute of a copy of the window that begins at from. A value with references is decoded apart.
func (t *Tokenizer) takeAttr(w []byte, a *attr, copied string, from int32) Attr {
	off, end := a.local()
	out := Attr{Name{Local: copied[off-from : end-from]}, copied[a.value-from : a.valueEnd-from]}
	if a.has(attrPrefixed) {
		out.Name.Space = t.space(w, a.space)
	}
	if a.has(attrCooked) {
		out.Value = string(t.valueOf(w, a))
	}
	return out
}

// takeKids appends the index of a content that was copied as it is.
func (t *Tokenizer) takeKids(raw string, index []Child) []Child {
	s := t.work
	for i := range s.kids {
		k := &s.kids[i]
		c := Child{start: uint32(k.start - s.inner), end: uint32(k.end - s.inner)}
		c.Name.Local = raw[k.name-s.inner : k.last-s.inner]
		switch r := k.space; {
		case r.isContent():
			c.Name.Space = SpaceClient
		case r.off >= 0:
			c.Name.Space = raw[r.off-s.inner : r.off-s.inner+r.n]
		default:
			c.Name.Space = t.str(r)
		}
		index = append(index, c)
	}
	return index
}
