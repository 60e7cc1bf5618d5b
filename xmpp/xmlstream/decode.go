package xmlstream

import (
	"strings"
	"unicode/utf8"
)

// appendDecoded appends the characters that s stands for, s being text or an attribute value that was found in order
// and holds no CDATA section: references are resolved, line ends become \n (XML 1.0 §2.11), and in an attribute value
// literal white space becomes spaces (§3.3.3). It appends at most as many bytes as s has.
func appendDecoded[S string | []byte](dst []byte, s S, value bool) []byte {
	from := 0 // of the bytes that stand for themselves
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '&':
			dst = append(dst, s[from:i]...)
			var n int
			dst, n = appendReference(dst, s[i+1:])
			i += n
		case c == '\r':
			dst = append(dst, s[from:i]...)
			if i+1 < len(s) && s[i+1] == '\n' {
				from = i + 1
				continue // the line feed stands for both
			}
			dst = append(dst, lineEnd(value))
		case value && (c == '\n' || c == '\t'):
			dst = append(append(dst, s[from:i]...), ' ')
		default:
			continue
		}
		from = i + 1
	}
	return append(dst, s[from:]...)
}

func lineEnd(value bool) byte {
	if value {
		return ' '
	}
	return '\n'
}

// appendReference appends the character of the reference that s begins with, behind its ampersand, and returns the
// length of the reference's rest.
func appendReference[S string | []byte](dst []byte, s S) ([]byte, int) {
	if s[0] != '#' {
		switch s[0] {
		case 'l':
			return append(dst, '<'), len("lt;")
		case 'g':
			return append(dst, '>'), len("gt;")
		case 'q':
			return append(dst, '"'), len("quot;")
		}
		if s[1] == 'm' {
			return append(dst, '&'), len("amp;")
		}
		return append(dst, '\''), len("apos;")
	}
	i, base := 1, rune(10)
	if s[1] == 'x' {
		i, base = 2, 16
	}
	var r rune
	for ; s[i] != ';'; i++ {
		r = r*base + digit(s[i])
	}
	return utf8.AppendRune(dst, r), i + 1
}

// digit returns the value of a hexadecimal or decimal digit, or -1.
func digit(c byte) rune {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return rune(c|0x20-'a') + 10
	}
	return -1
}

// decodeString returns what s stands for, and s itself where that is the same.
func decodeString(s string, value bool) string {
	special := "&\r"
	if value {
		special = "&\r\n\t"
	}
	if strings.ContainsAny(s, special) {
		return string(appendDecoded(nil, s, value))
	}
	return s
}

// appendCData appends what a CDATA section holds, of which only line ends are not as they seem.
func appendCData(dst []byte, s string) []byte {
	for {
		i := strings.IndexByte(s, '\r')
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(append(dst, s[:i]...), '\n')
		s = strings.TrimPrefix(s[i+1:], "\n")
	}
}
