package xmlstream

import (
	"encoding/binary"
	"math/bits"
)

// Bytes that mean nothing are passed over eight or sixteen at a time. For a word x of bytes below 0x80, x-ones has a top
// bit where a byte is zero, and x-spaces where it is a control character; x itself has one where a byte is beyond ASCII.
// A borrow may set bits above the lowest wrongly, and the lowest is the one that counts.
const (
	ones   = 0x0101010101010101
	tops   = 0x80 * ones
	spaces = ' ' * ones
)

// textStops has the lowest top bit where the first byte of x is that text has to look at.
func textStops(x uint64) uint64 {
	angle := (x | 2*ones) ^ ('>' * ones) // '<' and '>' differ in this one bit
	amp := x ^ ('&' * ones)
	return x | (x - spaces) | (angle - ones) | (amp - ones)
}

// skipText returns the index of the first byte of w, from i on, that text has to look at:
// < > & or a control character, or one beyond ASCII. It is len(w) where there is none.
func skipText(w []byte, i int) int {
	p := w[i:]
	for len(p) >= 16 && (textStops(binary.LittleEndian.Uint64(p))|textStops(binary.LittleEndian.Uint64(p[8:])))&tops == 0 {
		p = p[16:]
	}
	for ; len(p) >= 8; p = p[8:] {
		if stops := textStops(binary.LittleEndian.Uint64(p)) & tops; stops != 0 {
			return len(w) - len(p) + bits.TrailingZeros64(stops)/8
		}
	}
	for len(p) > 0 && classes[p[0]]&classText != 0 {
		p = p[1:]
	}
	return len(w) - len(p)
}

// skipValue does the same for an attribute value, which ends at its quote and where > is ordinary. At the end of w it
// may stop at the other quote.
func skipValue(w []byte, i int, quote byte) int {
	p := w[i:]
	quotes := uint64(quote) * ones
	for ; len(p) >= 8; p = p[8:] {
		x := binary.LittleEndian.Uint64(p)
		lt, amp, end := x^('<'*ones), x^('&'*ones), x^quotes
		if stops := (x | (x - spaces) | (lt - ones) | (amp - ones) | (end - ones)) & tops; stops != 0 {
			return len(w) - len(p) + bits.TrailingZeros64(stops)/8
		}
	}
	for len(p) > 0 && classes[p[0]]&classValue != 0 {
		p = p[1:]
	}
	return len(w) - len(p)
}
