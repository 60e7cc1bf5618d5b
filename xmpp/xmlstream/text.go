package xmlstream

import "unicode/utf8"

// char looks at a character beyond ASCII, or one that is suspect. It returns its length, or 0 when the end of w cuts it
// short or it is refused.
func (t *Tokenizer) char(w []byte, i int) (rune, int) {
	r, n := utf8.DecodeRune(w[i:])
	switch {
	case r == utf8.RuneError && n == 1:
		if !utf8.FullRune(w[i:]) {
			t.starve(i)
			return 0, 0
		}
		t.fail(i, UnsupportedEncoding, "not UTF-8") // RFC 6120 §4.9.3.22: by violating the rules of UTF-8
		return 0, 0
	case !isChar(r):
		t.fail(i, NotWellFormed, "character that XML does not have")
		return 0, 0
	}
	return r, n
}

// text passes over character data inside an element.
func (t *Tokenizer) text(w []byte) bool {
	for i := t.pos; ; {
		i = skipText(w, i)
		if i == len(w) {
			return t.starve(i)
		}
		switch c := w[i]; {
		case c == '<':
			t.pos = i + 1
			t.state = inMarkup
			return t.markup(w)
		case c == '&':
			t.refer(i)
			return true
		case c == '>':
			// What precedes a text is > or ; so that both brackets are of this one.
			if w[i-1] == ']' && w[i-2] == ']' {
				return t.fail(i-2, NotWellFormed, "]]> in text") // XML 1.0 §2.4
			}
			i++
		case c >= utf8.RuneSelf:
			_, n := t.char(w, i)
			if n == 0 {
				return false
			}
			i += n
		case isSpace(c):
			i++
		default:
			return t.fail(i, NotWellFormed, "control character")
		}
	}
}

// cdata passes over a CDATA section, which is character data and allowed (RFC 6120 §11.1 does not name it).
func (t *Tokenizer) cdata(w []byte) bool {
	for i := t.pos; ; {
		i = skipText(w, i)
		if i == len(w) {
			return t.starve(i)
		}
		switch c := w[i]; {
		case c == '>':
			i++
			if w[i-2] == ']' && w[i-3] == ']' { // what precedes the section is [
				t.pos = i
				t.state = inText
				return true
			}
		case c == '<', c == '&', isSpace(c):
			i++
		case c >= utf8.RuneSelf:
			_, n := t.char(w, i)
			if n == 0 {
				return false
			}
			i += n
		default:
			return t.fail(i, NotWellFormed, "control character")
		}
	}
}

// refer begins a reference, at its ampersand, in text or a value.
func (t *Tokenizer) refer(at int) {
	t.back, t.state = t.state, inRef
	t.mark, t.pos, t.colon = at+1, at+1, -1
}

// reference looks behind &.
func (t *Tokenizer) reference(w []byte) bool {
	if t.pos == len(w) {
		return false
	}
	if t.pos == t.mark && w[t.pos] == '#' {
		return t.beginCharReference(w)
	}
	end := t.name(w)
	if end < 0 {
		return false
	}
	if w[end] != ';' {
		return t.fail(t.mark, NotWellFormed, "bare ampersand")
	}
	switch string(w[t.mark:end]) {
	case "lt", "gt", "amp", "apos", "quot":
		t.pos = end + 1
		t.state = t.back
		return true
	}
	return t.fail(t.mark, RestrictedXML, "entity reference")
}

// beginCharReference looks behind &#.
func (t *Tokenizer) beginCharReference(w []byte) bool {
	i := t.pos + 1
	if i == len(w) {
		return false
	}
	t.state, t.code = inDecimal, 0
	if w[i] == 'x' {
		i++
		t.state = inHex
	}
	t.pos, t.mark = i, i
	return t.charReference(w)
}

func (t *Tokenizer) charReference(w []byte) bool {
	base := rune(10)
	if t.state == inHex {
		base = 16
	}
	for i := t.pos; i < len(w); i++ {
		d := digit(w[i])
		switch {
		case w[i] == ';' && i > t.mark:
			if !isChar(t.code) {
				return t.fail(t.mark, NotWellFormed, "reference to a character that XML does not have")
			}
			t.pos = i + 1
			t.state = t.back
			return true
		case d < 0 || d >= base:
			return t.fail(i, NotWellFormed, "malformed character reference")
		}
		t.code = min(t.code*base+d, utf8.MaxRune+1)
	}
	return t.starve(len(w))
}
