package transport

import "testing"

// With this version of Go the proof must hold: else idle sessions cost 3.5 KiB more, and nobody would know.
func TestTrimIsProved(t *testing.T) {
	if err := proveTrim(); err != nil {
		t.Error(err)
	}
	if !trimmable() {
		t.Error("the fields of tls.Conn are not what they were")
	}
}

func BenchmarkProveTrim(b *testing.B) {
	for b.Loop() {
		if err := proveTrim(); err != nil {
			b.Fatal(err)
		}
	}
}
