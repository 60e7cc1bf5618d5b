package client

import (
	"net"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// RFC 2782: whatever the dice, lower priorities come first, and each record once.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 8).Draw(t, "n")
		var records []record
		for i := range n {
			records = append(records, record{&net.SRV{
				Port:     uint16(i),
				Priority: rapid.Uint16Range(0, 3).Draw(t, "priority"),
				Weight:   rapid.Uint16().Draw(t, "weight"),
			}, false})
		}
		order(records, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "random") })
		seen := map[uint16]bool{}
		for _, r := range records {
			seen[r.Port] = true
		}
		byPriority := func(a, b record) int { return int(a.Priority) - int(b.Priority) }
		if len(seen) != n || !slices.IsSortedFunc(records, byPriority) {
			t.Fatalf("%v", records)
		}
	})
}

// RFC 2782: of equals, each is first as often as its weight says; and one without weight has a small chance.
func TestOrderByWeight(t *testing.T) {
	first := map[uint16]int{}
	for dice := range 101 {
		records := []record{
			{&net.SRV{Weight: 70}, false}, {&net.SRV{Weight: 0}, true}, {&net.SRV{Weight: 30}, true},
		}
		order(records, func(n int) int { return min(dice, n-1) })
		first[records[0].Weight]++
	}
	if first[0] != 1 || first[30] != 30 || first[70] != 70 {
		t.Errorf("first %v", first)
	}
}

func TestBackoff(t *testing.T) {
	b := Backoff{}.withDefaults()
	for failures, want := range map[int]time.Duration{
		1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 7: 64 * time.Second, 8: 2 * time.Minute, 1 << 40: 2 * time.Minute,
	} {
		if got := b.bound(failures); got != want {
			t.Errorf("after %d: %v, want %v", failures, got, want)
		}
	}
}
