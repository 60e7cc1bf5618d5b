package transport_test

import (
	"testing"

	"github.com/comity-iot/comity/xmpp/transport"
)

// With this version of Go it must be so: else no idle stream is parked.
func TestReadsResume(t *testing.T) {
	if err := transport.ReadsResume(); err != nil {
		t.Error(err)
	}
}

// It is part of every start of the broker.
func BenchmarkProveResume(b *testing.B) {
	for b.Loop() {
		for _, version := range versions {
			if err := transport.ProveResume(version); err != nil {
				b.Fatal(err)
			}
		}
	}
}
