package xmlstream

import "unicode/utf8"

// name passes over the rest of a qualified name that began at mark, and returns its end or -1.
// A QName has at most one colon and a name on each side. Namespaces in XML 1.0 §4
func (t *Tokenizer) name(w []byte) int {
	i := t.pos
	for {
		for i < len(w) && classes[w[i]]&className != 0 {
			i++
		}
		if i == len(w) {
			t.starve(i)
			return -1
		}
		switch c := w[i]; {
		case c == ':':
			if t.colon >= 0 {
				t.fail(i, NotWellFormed, "two colons in a name")
				return -1
			}
			t.colon = i
			i++
		case c >= utf8.RuneSelf:
			r, n := t.char(w, i)
			if n == 0 {
				return -1
			}
			if !isNameChar(r) {
				t.fail(i, NotWellFormed, "character that is not for names")
				return -1
			}
			i += n
		case t.colon < 0 && classes[w[t.mark]]&classNameStart != 0: // most are of this kind
			return i
		case !beginsName(w[t.mark:i]) || t.colon >= 0 && !beginsName(w[t.colon+1:i]):
			t.fail(t.mark, NotWellFormed, "not a name")
			return -1
		default:
			return i
		}
	}
}

// beginsName reports whether a name may begin like this.
func beginsName(b []byte) bool {
	if len(b) > 0 && b[0] < utf8.RuneSelf {
		return classes[b[0]]&classNameStart != 0
	}
	r, _ := utf8.DecodeRune(b)
	return len(b) > 0 && isNameStart(r)
}
