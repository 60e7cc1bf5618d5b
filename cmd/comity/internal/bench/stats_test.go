package bench

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSummary(t *testing.T) {
	for _, c := range []struct {
		rounds           []float64
		median, min, max float64
	}{
		{[]float64{7}, 7, 7, 7},
		{[]float64{3, 1, 2}, 2, 1, 3},
		{[]float64{4, 1, 10, 2}, 3, 1, 10},
	} {
		rounds := slices.Clone(c.rounds)
		m := summary("x", "µs", rounds)
		if m.Median != c.median || m.Min != c.min || m.Max != c.max || !slices.Equal(m.Rounds, c.rounds) {
			t.Errorf("%v: %+v", c.rounds, m)
		}
	}
}

// A quantile is a time that was counted, or at most a sixteenth more.
func TestHistogram(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfN(rapid.Int64Range(0, int64(time.Hour)), 1, 200).Draw(t, "times")
		p := rapid.Float64Range(0, 1).Draw(t, "p")
		var h histogram
		for _, d := range times {
			h.add(time.Duration(d))
		}
		slices.Sort(times)
		exact := times[min(int(p*float64(len(times))), len(times)-1)]
		if got := int64(h.take().at(p)); got < exact || got > exact+exact/16 {
			t.Fatalf("quantile %v of %v is %d, want about %d", p, times, got, exact)
		}
		if left := h.take(); left.total != 0 || left.at(p) != 0 {
			t.Fatalf("%d left", left.total)
		}
	})
}

// A time that a clock set back has made negative counts as none.
func TestHistogramNegative(t *testing.T) {
	var h histogram
	h.add(-time.Second)
	if q := h.take(); q.total != 1 || q.at(1) != 0 {
		t.Errorf("%+v", q)
	}
}
