package xmlstream

import (
	"strings"
	"unicode/utf8"
)

// Classes of ASCII bytes. What is beyond ASCII has none and is decoded.
const (
	classNameStart = 1 << iota // may start a name; the colon is not among them
	className                  // may be in a name
	classSpace                 // XML 1.0 production S
	classText                  // stands for itself in text, and on reading needs no look
	classValue                 // stands for itself in an attribute value whatever the quote, and needs no look
	classEscape                // stands for itself when text is written
)

var classes = func() (table [256]uint8) {
	for c := range 0x80 {
		b := byte(c)
		alpha := 'a' <= b|0x20 && b|0x20 <= 'z' || b == '_'
		if alpha {
			table[c] |= classNameStart
		}
		if alpha || '0' <= b && b <= '9' || b == '-' || b == '.' {
			table[c] |= className
		}
		if b == ' ' || b == '\t' || b == '\n' || b == '\r' {
			table[c] |= classSpace
		}
		if b >= ' ' && strings.IndexByte("<>&", b) < 0 {
			table[c] |= classText
		}
		if b >= ' ' && strings.IndexByte(`<&'"`, b) < 0 {
			table[c] |= classValue
		}
		if table[c]&classText != 0 || b == '\t' || b == '\n' {
			table[c] |= classEscape
		}
	}
	return table
}()

func isSpace(b byte) bool { return classes[b]&classSpace != 0 }

// isNameStart is XML 1.0 (5th edition) production NameStartChar, without the colon.
func isNameStart(r rune) bool {
	if r < 0x80 {
		return classes[r]&classNameStart != 0
	}
	return 0xC0 <= r && r <= 0x2FF && r != 0xD7 && r != 0xF7 ||
		0x370 <= r && r <= 0x1FFF && r != 0x37E ||
		r == 0x200C || r == 0x200D ||
		0x2070 <= r && r <= 0x218F ||
		0x2C00 <= r && r <= 0x2FEF ||
		0x3001 <= r && r <= 0xD7FF ||
		0xF900 <= r && r <= 0xFDCF ||
		0xFDF0 <= r && r <= 0xFFFD ||
		0x10000 <= r && r <= 0xEFFFF
}

// isNameChar is production NameChar, without the colon.
func isNameChar(r rune) bool {
	if r < 0x80 {
		return classes[r]&className != 0
	}
	return isNameStart(r) || r == 0xB7 || 0x300 <= r && r <= 0x36F || r == 0x203F || r == 0x2040
}

// isChar is production Char: what may be in a document at all, as itself or by reference.
func isChar(r rune) bool {
	return r >= ' ' && r <= 0xD7FF || r == '\t' || r == '\n' || r == '\r' ||
		0xE000 <= r && r <= 0xFFFD || 0x10000 <= r && r <= utf8.MaxRune
}

// isLegal reports whether s can be written as it is.
func isLegal(s string) bool {
	for i, r := range s {
		if !isChar(r) || r == utf8.RuneError && !strings.HasPrefix(s[i:], replacement) {
			return false
		}
	}
	return true
}

// isNCName reports whether s is a name without a colon.
func isNCName(s string) bool {
	for i, r := range s {
		if !isNameChar(r) || i == 0 && !isNameStart(r) {
			return false
		}
	}
	return s != "" && isLegal(s)
}
