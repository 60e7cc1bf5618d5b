package xmlstream

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// naiveSkip looks at each byte.
func naiveSkip(w []byte, i int, stops string) int {
	for i < len(w) && w[i] >= ' ' && w[i] < 0x80 && bytes.IndexByte([]byte(stops), w[i]) < 0 {
		i++
	}
	return i
}

// Every byte is seen for what it is wherever in a word it stands, and whatever follows.
func TestSkip(t *testing.T) {
	for length := range 36 {
		for at := range length {
			for c := range 256 {
				w := bytes.Repeat([]byte("~"), length)
				w[at] = byte(c)
				checkSkip(t, w, 0)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		w := rapid.SliceOf(rapid.SampledFrom([]byte("abcdefghijklmnop <>&'\"=?;\x00\x1f\x7f\x80\xff]"))).Draw(t, "w")
		checkSkip(t, w, rapid.IntRange(0, len(w)).Draw(t, "from"))
	})
}

func checkSkip(t interface{ Fatalf(string, ...any) }, w []byte, i int) {
	if got, want := skipText(w, i), naiveSkip(w, i, "<>&"); got != want {
		t.Fatalf("%q from %d: text to %d, not %d", w, i, got, want)
	}
	for _, quote := range []byte(`'"`) {
		got, want := skipValue(w, i, quote), naiveSkip(w, i, "<&"+string(quote))
		for got < want && (w[got] == '\'' || w[got] == '"') { // the other quote, at which it may stop
			got = skipValue(w, got+1, quote)
		}
		if got != want {
			t.Fatalf("%q from %d: value in %c to %d, not %d", w, i, quote, got, want)
		}
	}
}
