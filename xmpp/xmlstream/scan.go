package xmlstream

import "unicode/utf8"

// state says what the byte at pos is looked at as.
type state uint8

const (
	atStart    state = iota // the very start of a stream or document
	atProlog                // before its first tag
	atLevel                 // between the children of the stream
	inDecl                  // in <?xml
	inMarkup                // behind <
	inBang                  // behind <!
	inName                  // in the name of a start tag
	inTag                   // behind it or a value, where white space must precede what is not the end
	inTagSpace              // in the white space there
	inSlash                 // behind the / of an empty element's tag
	inAttr                  // in the name of an attribute
	inEquals                // behind it
	inQuote                 // behind =
	inValue
	inText
	inCData
	inRef     // behind &
	inDecimal // behind &#
	inHex     // behind &#x
	inEndName // behind </
	inEndTag  // behind the name there
	ended
)

// step looks at the bytes of w from pos on as far as they are one thing. It reports whether to go on: not when w is
// used up, when something was found, or when it failed.
func (t *Tokenizer) step(w []byte) bool {
	switch t.state {
	case atStart, atProlog, atLevel:
		return t.between(w)
	case inDecl:
		return t.declaration(w)
	case inMarkup:
		return t.markup(w)
	case inBang:
		return t.bang(w)
	case inName:
		return t.tagName(w)
	case inTag, inTagSpace:
		return t.insideTag(w)
	case inSlash:
		return t.slash(w)
	case inAttr:
		return t.attrName(w)
	case inEquals:
		return t.equals(w)
	case inQuote:
		return t.openQuote(w)
	case inValue:
		return t.value(w)
	case inText:
		return t.text(w)
	case inCData:
		return t.cdata(w)
	case inRef:
		return t.reference(w)
	case inDecimal, inHex:
		return t.charReference(w)
	case inEndName:
		return t.endName(w)
	case inEndTag:
		return t.endTag(w)
	}
	return false
}

// starve keeps the place where more bytes are needed.
func (t *Tokenizer) starve(at int) bool {
	t.pos = at
	return false
}

// inStream reports whether a header was read and has not been closed.
func (t *Tokenizer) inStream() bool { return t.headed && !t.docu }

// between passes over white space between elements, which keeps connections alive (RFC 6120 §4.6.1).
func (t *Tokenizer) between(w []byte) bool {
	i := 0
	for i < len(w) && isSpace(w[i]) {
		i++
	}
	if i > 0 {
		t.start += i
		if t.state == atStart {
			t.state = atProlog
		}
		return true // with the window that begins here
	}
	if len(w) == 0 {
		return false
	}
	if w[0] != '<' {
		return t.stray(w)
	}
	t.work.reset()
	t.strs = t.strs[:t.outer.strs]
	if len(w) == 1 {
		return t.starve(0)
	}
	if w[1] == '?' && t.state == atStart {
		t.state = inDecl
	} else {
		t.state = inMarkup
	}
	t.pos = 1
	return true
}

// stray refuses text outside elements.
func (t *Tokenizer) stray(w []byte) bool {
	if w[0] == 0 && t.state == atStart {
		return t.fail(0, UnsupportedEncoding, "not UTF-8") // as UTF-16 and UTF-32 would begin
	}
	if _, n := t.char(w, 0); n == 0 {
		return false
	}
	// A byte order mark is a character like any other. RFC 6120 §11.6
	if t.inStream() {
		return t.fail(0, BadFormat, "text between elements")
	}
	return t.fail(0, NotWellFormed, "text before the first element")
}

// markup looks behind <.
func (t *Tokenizer) markup(w []byte) bool {
	if t.pos == len(w) {
		return false
	}
	level := len(t.work.open) == 0
	t.work.tag = int32(t.pos - 1)
	t.mark, t.colon = t.pos, -1
	switch c := w[t.pos]; {
	case c == '/':
		if level && !t.inStream() {
			return t.fail(t.pos, NotWellFormed, "end tag without a start tag")
		}
		t.pos++
		t.mark = t.pos
		return t.endName(w)
	case c == '!':
		t.state = inBang
	case c == '?':
		return t.fail(t.pos, RestrictedXML, "processing instruction")
	case c < utf8.RuneSelf && classes[c]&classNameStart == 0:
		if c == 0 && level && !t.inStream() {
			return t.fail(t.pos, UnsupportedEncoding, "not UTF-8")
		}
		return t.fail(t.pos, NotWellFormed, "no name behind <")
	default:
		return t.tagName(w)
	}
	return true
}

// bang looks behind <!, where only a CDATA section is allowed.
func (t *Tokenizer) bang(w []byte) bool {
	const cdata = "<![CDATA["
	rest := w[t.work.tag:]
	for _, p := range []struct{ open, what string }{
		{cdata, ""}, {"<!--", "comment"}, {"<!DOCTYPE", "document type declaration"},
	} {
		n := min(len(p.open), len(rest))
		switch {
		case string(rest[:n]) != p.open[:n]:
		case n < len(p.open):
			return false
		case p.open != cdata:
			return t.fail(int(t.work.tag), RestrictedXML, p.what)
		case len(t.work.open) > 0:
			t.pos = int(t.work.tag) + n
			t.state = inCData
			return true
		case t.inStream():
			return t.fail(int(t.work.tag), BadFormat, "text between elements")
		}
	}
	return t.fail(int(t.work.tag), NotWellFormed, "unknown markup")
}
