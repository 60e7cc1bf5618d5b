package xmlstream

import "bytes"

// begun is called with the end of a start tag: now that all its declarations are known, its names get their meaning.
func (t *Tokenizer) begun(w []byte, end int, empty bool) bool {
	s := t.work
	if !t.headed {
		return t.header(w, end, empty)
	}
	depth := len(s.open)
	s.nodes++
	switch {
	case depth >= t.limits.Depth:
		return t.fail(int(s.tag), PolicyViolation, "too deep")
	case s.nodes > t.limits.Nodes:
		return t.fail(int(s.tag), PolicyViolation, "too many elements")
	}
	s.open = append(s.open, open{})
	e := &s.open[depth]
	e.off, e.end, e.colon, e.binds = s.name.off, s.name.end, s.name.colon, int32(len(t.binds))
	e.def, e.flags = t.def, openContent
	var parent *open
	if depth > 0 {
		parent = &s.open[depth-1]
		e.def, e.flags = parent.def, parent.flags&openInside
	}
	if !t.resolve(w, e, parent) {
		return false
	}
	switch depth {
	case 0:
		s.top = e.qname
		s.own, s.binds = int32(len(s.attrs)), int32(len(t.binds))
		s.inner = int32(end)
	case 1:
		off, last := e.local()
		s.kids = append(s.kids, kid{s.tag, 0, off, last, e.space})
	}
	t.pos = end
	t.state = inText
	if empty {
		return t.over(int32(end))
	}
	return true
}

// over ends the innermost element, whose content ended at last.
func (t *Tokenizer) over(last int32) bool {
	s := t.work
	depth := len(s.open) - 1
	t.binds = t.binds[:s.open[depth].binds]
	s.open = s.open[:depth]
	t.state = inText
	switch depth {
	case 1:
		s.kids[len(s.kids)-1].end = int32(t.pos)
	case 0:
		s.innerEnd = last
		if !t.withinExtra(t.pos) {
			return false
		}
		return t.found(Complete, t.pos)
	}
	return true
}

// header keeps what the stream's start tag says for all that follows it.
func (t *Tokenizer) header(w []byte, end int, empty bool) bool {
	s := t.work
	e := open{qname: s.name, def: refNone, flags: openContent}
	if !t.resolve(w, &e, nil) {
		return false
	}
	s.top = e.qname
	s.own = int32(len(s.attrs))
	t.headed = true
	t.def = e.def
	t.root = intern(w[e.off:e.end])
	t.outer = outer{int32(len(t.strs)), int32(len(t.binds))}
	t.found(Header, end)
	if empty {
		t.state = ended
	}
	return false
}

// resolve brings an element's declarations into scope and its names to their namespaces. The outermost has no parent.
func (t *Tokenizer) resolve(w []byte, e, parent *open) bool {
	s := t.work
	tag := s.attrs[s.own:]
	if s.tagKinds&attrDeclares != 0 {
		for i := range tag {
			if tag[i].has(attrDeclares) && !t.declare(w, &tag[i], e) {
				return false
			}
		}
	}
	if !t.resolveName(w, e, parent) {
		return false
	}
	if s.tagKinds&attrPrefixed != 0 && !t.resolveAttrs(w, tag) {
		return false
	}
	return t.withinExtra(int(s.tag))
}

// withinExtra checks the limit on bytes as if all prefixes were written out up to here. It bounds, too, how much of
// namespaces there is to compare.
func (t *Tokenizer) withinExtra(at int) bool {
	if at+t.work.extra <= t.limits.Bytes {
		return true
	}
	return t.fail(at, PolicyViolation, "too many bytes with all prefixes written out")
}

// resolveName finds the element's namespace, and whether its content can be copied as it is. See Content for why not:
// a name needs what is declared outside, or a content namespace is named where it goes without saying.
func (t *Tokenizer) resolveName(w []byte, e, parent *open) bool {
	s := t.work
	outside := false // the meaning of the name is declared outside the content
	if e.colon >= 0 {
		space, at, ok := t.lookup(w, w[e.off:e.colon])
		if !ok {
			return t.fail(int(e.off), BadNamespacePrefix, "undeclared prefix")
		}
		e.space = space
		outside = at >= 0 && at < int(s.binds)
	} else {
		e.space = e.def
	}
	if parent == nil {
		return true
	}
	if e.has(openDeclares) {
		e.flags |= openInside
	}
	content := parent.has(openContent) && e.space.isContent()
	if content {
		e.flags |= openContent
	}
	plain := e.colon < 0 && !e.has(openInside) // the default from outside
	if outside || plain != content {
		s.slow = true
	}
	if e.space != parent.space && (e.colon >= 0 || !e.has(openDeclares)) {
		s.extra += t.refLen(e.space) + len(" xmlns=''")
	}
	return true
}

// resolveAttrs finds the namespaces of a tag's attributes with prefixes.
func (t *Tokenizer) resolveAttrs(w []byte, tag []attr) bool {
	s := t.work
	for i := range tag {
		a := &tag[i]
		if !a.has(attrPrefixed) {
			continue
		}
		space, at, ok := t.lookup(w, w[a.off:a.colon])
		if !ok {
			return t.fail(int(a.off), BadNamespacePrefix, "undeclared prefix")
		}
		a.space = space
		if space == refXML {
			continue
		}
		if at < int(s.binds) { // there are none while the outermost element begins
			s.slow = true
		}
		s.extra += t.refLen(space) + len(" xmlns:ns00=''")
		if t.givenTwice(w, tag[:i], a) {
			return t.fail(int(a.off), NotWellFormed, "attribute given twice")
		}
	}
	return true
}

// givenTwice reports whether an attribute has the expanded name of an earlier one, by another prefix.
// Namespaces in XML 1.0 §6.3
func (t *Tokenizer) givenTwice(w []byte, earlier []attr, a *attr) bool {
	for i := range earlier {
		b := &earlier[i]
		if b.has(attrPrefixed) && bytes.Equal(w[b.colon+1:b.end], w[a.colon+1:a.end]) && t.same(w, a.space, b.space) {
			return true
		}
	}
	return false
}
