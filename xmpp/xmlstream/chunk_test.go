package xmlstream

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// events reads pieces as they arrive, and says all that was found, up to an error.
func events(pieces []string, l Limits) []string {
	tok := NewTokenizer(l)
	var found []string
	for _, p := range append(pieces, "") {
		fill(tok, p)
		for {
			kind, err := tok.Next()
			if err != nil {
				return append(found, err.Error())
			}
			if kind == More {
				break
			}
			var e Taken
			tok.Take(&e)
			found = append(found, fmt.Sprintf("%d %q %q %v %q %v", kind, tok.Name(), slices.Collect(tok.Attrs()), tok.Element(),
				e.Attrs, e.Content))
			if kind == End {
				return found
			}
		}
	}
	return found
}

func letters(s string) []string {
	pieces := make([]string, len(s))
	for i := range pieces {
		pieces[i] = s[i : i+1]
	}
	return pieces
}

// split cuts s at the places given.
func split(s string, at []int) []string {
	slices.Sort(at)
	var pieces []string
	from := 0
	for _, i := range at {
		pieces = append(pieces, s[from:i])
		from = i
	}
	return append(pieces, s[from:])
}

// How the bytes arrive must not matter to what is found, nor to what is refused and where.
func TestChunksDoNotMatter(t *testing.T) {
	for _, doc := range append(wellFormed(), malformed()...) {
		for _, header := range []string{"", clientHeader} {
			if whole, single := events([]string{header + doc}, Limits{}), events(letters(header+doc), Limits{}); !slices.Equal(whole, single) {
				t.Errorf("%q\nwhole:  %q\nsingle: %q", header+doc, whole, single)
			}
		}
	}
}

func TestChunksDoNotMatterEver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		header, sent := generateStream(t, SpaceClient, 2)
		input := header + strings.Join(sent, " ") + "</stream:stream>"
		for range rapid.IntRange(0, 2).Draw(t, "damages") {
			at := rapid.IntRange(0, len(input)-1).Draw(t, "at")
			gone := rapid.IntRange(0, min(3, len(input)-at)).Draw(t, "gone")
			input = input[:at] + pick(t, "damage", "", "<", ">", "&", "'", `"`, "/", "]]>", ":", "\xff", "\x00", "é", "a", "<!--", "x='y'") +
				input[at+gone:]
		}
		limits := Limits{Bytes: rapid.SampledFrom([]int{0, 60, 100}).Draw(t, "bytes")}
		at := rapid.SliceOf(rapid.IntRange(0, len(input))).Draw(t, "splits")
		whole, cut := events([]string{input}, limits), events(split(input, at), limits)
		if !slices.Equal(whole, cut) {
			t.Fatalf("%q\nwhole: %q\ncut:   %q", input, whole, cut)
		}
		if single := events(letters(input), limits); !slices.Equal(whole, single) {
			t.Fatalf("%q\nwhole:  %q\nsingle: %q", input, whole, single)
		}
	})
}

// A scanner that looks twice at bytes would be quadratic against a peer who sends them one by one. Here all that was
// looked at and need not be kept is destroyed behind its back: whoever looks again finds NULs, and fails.
func TestNoByteIsLookedAtTwice(t *testing.T) {
	for _, c := range []struct {
		name, begin, run, end string
		keep                  int // bytes at the end of what was looked at that may be looked at again
	}{
		{"text", "<a>", "x", "</a>", 2},
		{"text beyond ASCII", "<a>", "日", "</a>", 2},
		{"references", "<a>", "&amp;", "</a>", 5},
		{"long reference", "<a>&#", "0", "65;</a>", 1},
		{"CDATA", "<a><![CDATA[", "]x", "]]></a>", 2},
		{"value", "<a b='", `">`, "'/>", 1},
		{"space in a tag", "<a", " ", "/>", 1},
		{"space before =", "<a b", "\n", "=''/>", 1},
		{"space behind =", "<a b=", "\t", "''/>", 1},
		{"space in an end tag", "<a></a", " ", ">", 1},
		{"space between elements", "", "\r\n", "<a/>", 1},
		{"children", "<a>", "<b/>", "</a>", 5},
		{"name in an end tag", "<a>", "", "</a>", 5},
	} {
		tok := inStream(t, "")
		input := c.begin + strings.Repeat(c.run, 200) + c.end
		for i := range len(input) {
			fill(tok, input[i:i+1])
			kind, err := tok.Next()
			if err != nil {
				t.Errorf("%s: byte %d: %v", c.name, i, err)
				break
			}
			if kind == Complete {
				break
			}
			if last := len(input) - len(c.end); i >= len(c.begin)+c.keep && i < last {
				w := tok.window()
				clear(w[min(len(c.begin), len(w)):max(len(w)-c.keep, min(len(c.begin), len(w)))])
			}
		}
		if tok.kind != Complete {
			t.Errorf("%s: not complete", c.name)
		}
	}
}

// Names are needed again, each once: by their end tag.
func TestEndTagIsComparedOnce(t *testing.T) {
	tok := inStream(t, "")
	name := strings.Repeat("n", 1000)
	fill(tok, "<"+name+"></")
	tok.Next()
	for i := range name {
		fill(tok, "n")
		if _, err := tok.Next(); err != nil {
			t.Fatal(err)
		}
		tok.window()[len(name)+4+i] = 0
	}
	fill(tok, ">")
	if kind, err := tok.Next(); kind != Complete || err != nil {
		t.Error(kind, err)
	}
}

// Making room moves what is under way, and does so rarely enough: each byte once or twice, however they arrive.
func TestWindowMovesLinearly(t *testing.T) {
	element := "<a>" + strings.Repeat("x", 100_000) + "</a>"
	stream := strings.Repeat(element+strings.Repeat("<b/>", 1000), 3)
	for _, step := range []int{1, 7, 1000, 4096} {
		tok := inStream(t, "")
		moved := 0
		for rest := stream; rest != ""; {
			p := rest[:min(step, len(rest))]
			rest = rest[len(p):]
			tok.discard()
			live, at := len(tok.buf)-tok.start, tok.base
			window := cap(tok.buf)
			fill(tok, p)
			if live > 0 && (tok.base != at || cap(tok.buf) != window) {
				moved += live
			}
			for kind := Complete; kind != More; {
				var err error
				if kind, err = tok.Next(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if moved > 2*len(stream) {
			t.Errorf("%d bytes at a time: moved %d bytes of %d", step, moved, len(stream))
		}
	}
}
