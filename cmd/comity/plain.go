package main

import (
	"strings"
	"unicode"
)

// plain returns text of others as it may be shown on a terminal: on one line, and without what would command the terminal or turn
// around the order of what is read. XML keeps out only some of that.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r):
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
