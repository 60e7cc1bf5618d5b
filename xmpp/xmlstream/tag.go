package xmlstream

import (
	"bytes"
	"unicode/utf8"
)

func (t *Tokenizer) tagName(w []byte) bool {
	t.state = inName
	end := t.name(w)
	if end < 0 {
		return false
	}
	s := t.work
	s.name = qname{int32(t.mark), int32(end), int32(t.colon), refNone}
	s.attrs, s.tagKinds = s.attrs[:s.own], 0
	t.pos = end
	t.state = inTag
	return t.insideTag(w)
}

// insideTag looks behind the name of a start tag or a value.
func (t *Tokenizer) insideTag(w []byte) bool {
	i := t.pos
	for ; i < len(w) && isSpace(w[i]); i++ {
		t.state = inTagSpace
	}
	t.pos = i
	if i == len(w) {
		return false
	}
	switch c := w[i]; {
	case c == '>':
		return t.begun(w, i+1, false)
	case c == '/':
		t.pos++
		t.state = inSlash
		return true
	case t.state == inTag:
		return t.fail(i, NotWellFormed, "no white space before an attribute")
	case c < utf8.RuneSelf && classes[c]&classNameStart == 0:
		return t.fail(i, NotWellFormed, "no attribute where one could be")
	case len(t.work.attrs)-int(t.work.own) >= t.limits.Attrs:
		return t.fail(i, PolicyViolation, "too many attributes")
	}
	t.mark, t.colon = i, -1
	return t.attrName(w)
}

func (t *Tokenizer) slash(w []byte) bool {
	switch {
	case t.pos == len(w):
		return false
	case w[t.pos] != '>':
		return t.fail(t.pos, NotWellFormed, "/ inside a tag")
	}
	return t.begun(w, t.pos+1, true)
}

func (t *Tokenizer) attrName(w []byte) bool {
	t.state = inAttr
	end := t.name(w)
	if end < 0 {
		return false
	}
	s := t.work
	name := w[t.mark:end]
	key := uint32(name[0]) | uint32(name[len(name)-1])<<8 | uint32(len(name))<<16
	for i := int(s.own); i < len(s.attrs); i++ {
		if b := &s.attrs[i]; b.key == key && bytes.Equal(w[b.off:b.end], name) {
			return t.fail(t.mark, NotWellFormed, "attribute given twice")
		}
	}
	s.attrs = append(s.attrs, attr{})
	a := &s.attrs[len(s.attrs)-1]
	a.off, a.end, a.colon, a.space, a.key = int32(t.mark), int32(end), int32(t.colon), refNone, key
	switch {
	case string(name) == "xmlns" || len(name) > 6 && string(name[:6]) == "xmlns:":
		a.flags = attrDeclares
	case t.colon >= 0:
		a.flags = attrPrefixed
	}
	s.tagKinds |= a.flags
	if end+1 < len(w) && w[end] == '=' && (w[end+1] == '\'' || w[end+1] == '"') { // nearly always
		return t.beginValue(w, end+1)
	}
	t.pos = end
	t.state = inEquals
	return t.equals(w)
}

func (t *Tokenizer) equals(w []byte) bool {
	i := t.pos
	for i < len(w) && isSpace(w[i]) {
		i++
	}
	if i == len(w) {
		return t.starve(i)
	}
	if w[i] != '=' {
		return t.fail(i, NotWellFormed, "attribute without a value")
	}
	t.pos = i + 1
	t.state = inQuote
	return t.openQuote(w)
}

func (t *Tokenizer) openQuote(w []byte) bool {
	i := t.pos
	for i < len(w) && isSpace(w[i]) {
		i++
	}
	if i == len(w) {
		return t.starve(i)
	}
	if w[i] != '\'' && w[i] != '"' {
		return t.fail(i, NotWellFormed, "value without quotes")
	}
	return t.beginValue(w, i)
}

// beginValue is at the quote before a value.
func (t *Tokenizer) beginValue(w []byte, i int) bool {
	t.quote = w[i]
	t.pos = i + 1
	t.work.attrs[len(t.work.attrs)-1].value = int32(t.pos)
	t.state = inValue
	return t.value(w)
}

// value passes over an attribute value. A > means nothing in it, and < is forbidden.
func (t *Tokenizer) value(w []byte) bool {
	a := &t.work.attrs[len(t.work.attrs)-1]
	for i := t.pos; ; {
		i = skipValue(w, i, t.quote)
		if i == len(w) {
			return t.starve(i)
		}
		switch c := w[i]; {
		case c == t.quote:
			a.valueEnd = int32(i)
			t.pos = i + 1
			t.state = inTag
			return true
		case c == '&':
			a.flags |= attrCooked
			t.refer(i)
			return true
		case c == '<':
			return t.fail(i, NotWellFormed, "< in a value")
		case c >= utf8.RuneSelf:
			_, n := t.char(w, i)
			if n == 0 {
				return false
			}
			i += n
		case c >= ' ': // the other quote
			i++
		case isSpace(c):
			a.flags |= attrCooked
			i++
		default:
			return t.fail(i, NotWellFormed, "control character")
		}
	}
}

// endName compares the name of an end tag with that of the start tag, as far as it goes. Names must be the same
// letter by letter, prefix included.
func (t *Tokenizer) endName(w []byte) bool {
	t.state = inEndName
	var want []byte
	if n := len(t.work.open); n > 0 {
		e := &t.work.open[n-1]
		want = w[e.off:e.end]
	}
	size := len(want)
	if want == nil {
		size = len(t.root)
	}
	have := w[t.mark:]
	have = have[:min(len(have), size)]
	done := t.pos - t.mark
	if want != nil && !bytes.Equal(have[done:], want[done:len(have)]) ||
		want == nil && string(have[done:]) != t.root[done:len(have)] {
		return t.fail(t.mark, NotWellFormed, "end tag does not match")
	}
	t.pos = t.mark + len(have)
	if len(have) < size {
		return false
	}
	t.state = inEndTag
	return t.endTag(w)
}

func (t *Tokenizer) endTag(w []byte) bool {
	i := t.pos
	for i < len(w) && isSpace(w[i]) {
		i++
	}
	if i == len(w) {
		return t.starve(i)
	}
	if w[i] != '>' {
		return t.fail(i, NotWellFormed, "end tag does not match")
	}
	t.pos = i + 1
	if len(t.work.open) == 0 {
		return t.found(End, t.pos)
	}
	return t.over(t.work.tag)
}
