package transport

import "testing"

// With this version of Go the proof must hold: else idle sessions cost 3.5 KiB more, and nobody would know.
func TestTrimIsProved(t *testing.T) {
	at, ok := trimmable()
	if !ok {
		t.Fatal("the fields of tls.Conn are not what they were")
	}
	if err := proveTrim(at); err != nil {
		t.Error(err)
	}
}

func BenchmarkProveTrim(b *testing.B) {
	at, _ := trimmable()
	for b.Loop() {
		if err := proveTrim(at); err != nil {
			b.Fatal(err)
		}
	}
}
