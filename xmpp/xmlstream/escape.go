package xmlstream

import "unicode/utf8"

// AppendEscaped appends s as character data. The characters < > & are written as entities and a carriage return as a
// reference, so that all survive a parser. A character that XML does not have, and bytes that are not UTF-8, become
// U+FFFD each: no value can break a stream.
func AppendEscaped(dst []byte, s string) []byte { return appendEscaped(dst, s, false) }

// AppendAttr appends an attribute with a space before it: " name='value'". The name is written as it is, so it must be
// one. The value is escaped as AppendEscaped does, and so are the quote, tab and newline, which a parser would turn
// into spaces.
func AppendAttr(dst []byte, name, value string) []byte {
	dst = append(dst, ' ')
	dst = append(dst, name...)
	dst = append(dst, '=', '\'')
	return append(appendEscaped(dst, value, true), '\'')
}

func appendEscaped(dst []byte, s string, value bool) []byte {
	from := 0 // of the bytes that stand for themselves
	for i := 0; i < len(s); {
		c := s[i]
		if classes[c]&classEscape != 0 && !(value && (c == '\'' || c < ' ')) {
			i++
			continue
		}
		n, as := 1, ""
		if c < utf8.RuneSelf {
			as = escape(c)
		} else {
			var r rune
			r, n = utf8.DecodeRuneInString(s[i:])
			if (r != utf8.RuneError || n > 1) && isChar(r) {
				i += n
				continue
			}
			as = replacement
		}
		dst = append(append(dst, s[from:i]...), as...)
		i += n
		from = i
	}
	return append(dst, s[from:]...)
}

const replacement = "\uFFFD"

// escape returns how an ASCII byte is written that cannot stand for itself.
func escape(c byte) string {
	switch c {
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '&':
		return "&amp;"
	case '\'':
		return "&apos;"
	case '\t':
		return "&#x9;"
	case '\n':
		return "&#xA;"
	case '\r':
		return "&#xD;"
	}
	return replacement
}
