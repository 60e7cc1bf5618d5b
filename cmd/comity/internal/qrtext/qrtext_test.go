package qrtext

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
	"rsc.io/qr"
)

const uri = "iotdisco:SN=T-0042;MAN=comity.example;MODEL=Thermometer;#V=1.0;KEY=ABCDEFGHIJKLMNOPQRSTUVWXYZ;R=discovery.localhost"

// A claim fits a terminal of 80 columns and does not fill two screens.
func TestSize(t *testing.T) {
	for _, s := range []Style{Plain, Colours, ASCII} {
		lines, err := Draw(uri, s)
		if err != nil {
			t.Fatal(err)
		}
		if len(lines) > 30 {
			t.Errorf("style %d: %d lines", s, len(lines))
		}
		for _, line := range lines {
			if w := utf8.RuneCountInString(bare(line)); w > 70 || w != utf8.RuneCountInString(bare(lines[0])) {
				t.Errorf("style %d: a line of %d", s, w)
			}
			if s == ASCII && strings.ContainsFunc(line, func(r rune) bool { return r > '~' }) {
				t.Errorf("not ASCII: %q", line)
			}
			if (s == Colours) != strings.Contains(line, "\x1b") {
				t.Errorf("style %d: %q", s, line)
			}
		}
	}
	if _, err := Draw(strings.Repeat("x", 3000), Plain); err == nil {
		t.Error("3000 bytes fit")
	}
}

func bare(line string) string { return strings.TrimSuffix(strings.TrimPrefix(line, onWhite), reset) }

// Every module is where the code has it, and around it is light.
func TestModules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(1, 200, 400).Draw(t, "text")
		s := rapid.SampledFrom([]Style{Plain, Colours, ASCII}).Draw(t, "style")
		lines, err := Draw(text, s)
		if err != nil {
			t.Fatal(err)
		}
		code, err := qr.Encode(text, qr.L)
		if err != nil {
			t.Fatal(err)
		}
		for y, line := range lines {
			for x, c := range []rune(bare(line)) {
				upper := strings.ContainsRune("▀█'#", c)
				lower := strings.ContainsRune("▄█.#", c)
				if upper != code.Black(x-quiet, 2*y-quiet) || lower != code.Black(x-quiet, 2*y+1-quiet) {
					t.Fatalf("module %d,%d", x, 2*y)
				}
			}
		}
	})
}
