package jid

import (
	"strings"
	"testing"
)

func BenchmarkParseASCII(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("juliet@chat.example.com/balcony-4f2a"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseUpperCase(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("Juliet@Chat.Example.com/balcony-4f2a"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseUnicode(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("πλάτων@bücher.example/♚"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParseHostile bounds what one attribute of a stanza can cost.
func BenchmarkParseHostile(b *testing.B) {
	for name, s := range map[string]string{
		"marks":    "a" + strings.Repeat("\u0327\u0301", maxRaw/4) + "@example.com",
		"ligature": strings.Repeat("\ufdfa", maxPart/3),
		"punycode": "xn--" + strings.Repeat("a", maxPart-4),
		"han":      strings.Repeat("\u4e00\u9fa5", maxPart/6),
		"resource": "example.com/" + strings.Repeat("\u0958", maxRaw/3),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = Parse(s)
			}
		})
	}
}

func BenchmarkBare(b *testing.B) {
	j := MustParse("juliet@chat.example.com/balcony-4f2a")
	b.ReportAllocs()
	for b.Loop() {
		if j.Bare().IsFull() {
			b.Fatal("not bare")
		}
	}
}
