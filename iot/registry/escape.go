package registry

import (
	"iter"
	"strings"
	"unicode/utf8"
)

// splitUnescaped yields the parts of s between those sep that have no backslash before them, with all backslashes.
func splitUnescaped(s string, sep byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			i := indexUnescaped(s, string(sep))
			if i < 0 {
				yield(s)
				return
			}
			if !yield(s[:i]) {
				return
			}
			s = s[i+1:]
		}
	}
}

// indexUnescaped returns where the first of the characters is that has no backslash before it, or -1.
func indexUnescaped(s, chars string) int {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case strings.IndexByte(chars, s[i]) >= 0:
			return i
		}
	}
	return -1
}

// unescape drops the backslashes that stand before other characters.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// decode undoes both ways in which values are written.
func decode(s string) string { return percentDecode(unescape(s)) }

// percentDecode decodes what is encoded. A "%" that begins no encoded octet stays, because those who write backslashes do
// not encode it; so does all of s where the result would not be UTF-8.
func percentDecode(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	if !utf8.ValidString(b.String()) {
		return s
	}
	return b.String()
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// percentEncode encodes all but the unreserved characters (RFC 3986 §2.3).
func percentEncode(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

// encodeName encodes "~" too, which is an operator behind a name.
func encodeName(s string) string { return strings.ReplaceAll(percentEncode(s), "~", "%7E") }

func runeLen(s string) int {
	_, n := utf8.DecodeRuneInString(s)
	return n
}
