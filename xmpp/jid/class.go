package jid

import "strings"

// What is to be known of a byte before PRECIS and IDNA are needed. The bits name trouble, so that the union over a
// string is zero for a string that may stay as it is.
const (
	notLocal    = 1 << iota // not allowed in a localpart
	notName                 // not allowed in a label of a domain name
	notResource             // not allowed in a resourcepart
	upper                   // A to Z
	high                    // part of a code point beyond ASCII
)

// excluded are the characters that a localpart must not contain although its PRECIS profile allows them.
// RFC 7622 §3.3.1
const excluded = `"&'/:<>@`

// classes holds the bits of each byte. It is never written after this line.
var classes = func() (t [256]uint8) {
	for b := range t {
		c := byte(b)
		switch {
		case c >= 0x80:
			t[b] = high
		case c < ' ' || c == 0x7f:
			t[b] = notLocal | notName | notResource
		case c == ' ':
			t[b] = notLocal | notName
		case 'A' <= c && c <= 'Z':
			t[b] = upper
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_': // LDH, and "_" for compatibility
		case strings.IndexByte(excluded, c) >= 0:
			t[b] = notLocal | notName
		default:
			t[b] = notName
		}
	}
	return t
}()

// classesOf returns the union of the bits of all bytes of s.
func classesOf(s string) uint8 {
	var union uint8
	for i := range len(s) {
		union |= classes[s[i]]
	}
	return union
}

// lower returns s with ASCII letters in lower case in its first n bytes.
func lower(s string, n int) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := range n {
		c := s[i]
		if classes[c]&upper != 0 {
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	b.WriteString(s[n:])
	return b.String()
}
