//go:build race || poison

package xmlstream

// poisons says that what was handed out is overwritten when its life ends, so that whoever holds on to the window is found out, however
// soon or late the window is used again. Builds with the race detector do so, and those with the tag poison.
const poisons = true

// poisoned is no UTF-8, wherever it stands.
const poisoned = 0xDB

func (t *Tokenizer) poison() {
	for i := range t.current() {
		t.current()[i] = poisoned
	}
	if t.work != nil {
		decoded := t.work.decoded[:cap(t.work.decoded)]
		for i := range decoded {
			decoded[i] = poisoned
		}
	}
}
