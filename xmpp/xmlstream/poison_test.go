package xmlstream

import (
	"bytes"
	"testing"
)

// Builds that poison leave nothing of an element once its life has ended, whatever ends it, and all of what lies behind. Others leave
// it to the bytes that come next.
func TestPoison(t *testing.T) {
	const element, behind = "<message id='&lt;1'>hello</message>", " <iq/>"
	for name, next := range map[string]func(*Tokenizer){
		"Next":      func(tok *Tokenizer) { tok.Next() },
		"Space":     func(tok *Tokenizer) { tok.Space(1) },
		"SkipSpace": func(tok *Tokenizer) { tok.SkipSpace() },
		"Reset":     func(tok *Tokenizer) { tok.Reset() },
		"Release":   func(tok *Tokenizer) { tok.Release() },
	} {
		input, rest := element+behind, []byte(behind)
		if name == "Release" { // only where nothing is buffered
			input, rest = element, nil
		}
		tok := inStream(t, input)
		if kind, err := tok.Next(); kind != Complete || err != nil {
			t.Fatal(kind, err)
		}
		var taken Taken
		tok.Take(&taken)
		tree, value := tok.Element(), tok.work.decoded
		window := tok.buf[tok.start:len(tok.buf):len(tok.buf)]
		next(tok)
		want := append(bytes.Repeat([]byte{0xDB}, len(element)), rest...)
		if got := bytes.Equal(window, want) && bytes.Equal(value, []byte("\xDB\xDB")); got != poisons {
			t.Errorf("%s: poisoned is %v, want %v: %q, %q", name, got, poisons, window, value)
		}
		if taken.Attr("id") != "<1" || taken.Content.Raw() != "hello" || tree.Attr("id") != "<1" || tree.Text() != "hello" {
			t.Errorf("%s: what was taken is now %v %q, and the tree %v", name, taken.Attrs, taken.Content.Raw(), tree)
		}
	}
}
