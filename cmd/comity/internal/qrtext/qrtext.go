// Package qrtext draws QR codes with characters, two modules above each other in one, because a character is about twice as high as it
// is wide. The codes are those of rsc.io/qr.
//
// In ASCII a code keeps its form only roughly: a camera may fail where it does not with the other styles. The text belongs beside it.
package qrtext

import (
	"strings"

	"rsc.io/qr"
)

// Style says which characters are used.
type Style uint8

const (
	Plain   Style = iota // half blocks of Unicode, dark on the light of the page
	Colours              // the same, with colours of a terminal, so that dark is dark on any
	ASCII
)

// quiet is how many modules of light are around the code. Four are the rule, and most cameras do with two.
const quiet = 2

// Draw returns the code of a text, a line for every two rows of modules, all lines of the same width. It takes the least of error
// correction, for a screen is clean. The error is that the text is longer than a code can hold, 2953 bytes.
func Draw(text string, s Style) ([]string, error) {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return nil, err
	}
	dark := func(x, y int) bool { return code.Black(x-quiet, y-quiet) } // light outside
	size := code.Size + 2*quiet
	var lines []string
	for y := 0; y < size; y += 2 {
		var b strings.Builder
		if s == Colours {
			b.WriteString(onWhite)
		}
		for x := range size {
			b.WriteString(pair(dark(x, y), dark(x, y+1), s))
		}
		if s == Colours {
			b.WriteString(reset)
		}
		lines = append(lines, b.String())
	}
	return lines, nil
}

// Escape sequences of ECMA-48: black, of all 256 colours so that no theme has another, on white.
const (
	onWhite = "\x1b[38;5;16;48;5;231m"
	reset   = "\x1b[0m"
)

// pair returns the character for two modules.
func pair(upper, lower bool, s Style) string {
	chars := [...]string{" ", "▄", "▀", "█"}
	if s == ASCII {
		chars = [...]string{" ", ".", "'", "#"}
	}
	i := 0
	if upper {
		i += 2
	}
	if lower {
		i++
	}
	return chars[i]
}
