package rate

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func TestLimit(t *testing.T) {
	l := New[string](2, time.Minute)
	for i, c := range []struct {
		party string
		after time.Duration
		want  bool
	}{
		{"a", 0, true},
		{"a", 10 * time.Second, true},
		{"a", 59 * time.Second, false},
		{"b", 59 * time.Second, true},
		{"a", 60 * time.Second, true},
		{"a", 119 * time.Second, true},
		{"a", 119 * time.Second, false},
	} {
		now := start.Add(c.after)
		if spent := l.Spent(c.party, now); spent == c.want {
			t.Errorf("%d: spent %v", i, spent)
		}
		if got := l.Take(c.party, now); got != c.want {
			t.Errorf("%d: %v", i, got)
		}
	}
}

func TestNoLimit(t *testing.T) {
	l := New[string](0, time.Minute)
	for range 100 {
		if !l.Take("a", start) || l.Spent("a", start) {
			t.Fatal("refused")
		}
	}
}

// However many parties there are, memory is bounded, and there is room again once a window has ended.
func TestManyParties(t *testing.T) {
	l := New[int](1, time.Minute)
	for i := range maxParties {
		if !l.Take(i, start.Add(time.Duration(i)*time.Microsecond)) {
			t.Fatalf("%d is refused", i)
		}
	}
	if l.Take(-1, start.Add(time.Second)) || len(l.parties) > maxParties {
		t.Errorf("one too many: %d", len(l.parties))
	}
	if !l.Take(-1, start.Add(time.Minute)) {
		t.Error("no room when the first window has ended")
	}
	if !l.Take(0, start.Add(2*time.Minute)) || len(l.parties) > 2 {
		t.Errorf("%d are remembered", len(l.parties))
	}
}

// No party ever does more than it may within a span that begins with its first time.
func TestNeverMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.IntRange(1, 4).Draw(t, "times")
		l := New[int](times, time.Minute)
		now, began, used := start, time.Time{}, 0
		for range rapid.IntRange(1, 40).Draw(t, "n") {
			now = now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "s")) * time.Second)
			if now.Sub(began) >= time.Minute {
				began, used = now, 0
			}
			want := used < times
			if got := l.Take(1, now); got != want {
				t.Fatalf("%v after %v uses since %v", got, used, now.Sub(began))
			}
			if want {
				used++
			}
		}
	})
}
