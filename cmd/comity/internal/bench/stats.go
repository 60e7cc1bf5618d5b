package bench

import (
	"math/bits"
	"slices"
	"sync/atomic"
	"time"
)

// Metric is one figure of a result: of each round, and what they come to.
type Metric struct {
	Name   string    `json:"name"`
	Unit   string    `json:"unit"`
	Median float64   `json:"median"`
	Min    float64   `json:"min"`
	Max    float64   `json:"max"`
	Rounds []float64 `json:"rounds"`
}

// summary makes the metric of its rounds, of which there is at least one.
func summary(name, unit string, rounds []float64) Metric {
	sorted := slices.Sorted(slices.Values(rounds))
	m := Metric{Name: name, Unit: unit, Rounds: rounds, Min: sorted[0], Max: sorted[len(sorted)-1]}
	mid := len(sorted) / 2
	m.Median = sorted[mid]
	if len(sorted)%2 == 0 {
		m.Median = (sorted[mid-1] + sorted[mid]) / 2
	}
	return m
}

// fine is how many bits of a time a histogram keeps behind the first: a quantile is at most 1/16 too great.
const fine = 4

// histogram counts times. It is safe for concurrent use.
type histogram struct {
	counts [(64 - fine + 1) << fine]atomic.Int64
}

// bucket returns where a number of nanoseconds is counted: the position of its first bit and the next ones.
func bucket(ns uint64) int {
	if ns < 1<<fine {
		return int(ns)
	}
	shift := bits.Len64(ns) - fine - 1
	return (shift+1)<<fine + int(ns>>shift)&(1<<fine-1)
}

// top returns the greatest number of nanoseconds that is counted in a bucket.
func top(b int) uint64 {
	if b < 1<<fine {
		return uint64(b)
	}
	shift := b>>fine - 1
	return (uint64(1<<fine+b&(1<<fine-1))+1)<<shift - 1
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucket(uint64(max(d, 0)))].Add(1)
}

// take empties the histogram and returns what it held.
func (h *histogram) take() *quantiles {
	q := &quantiles{}
	for i := range h.counts {
		if n := h.counts[i].Swap(0); n > 0 {
			q.buckets = append(q.buckets, i)
			q.counts = append(q.counts, n)
			q.total += n
		}
	}
	return q
}

// quantiles is what a histogram held.
type quantiles struct {
	buckets []int
	counts  []int64
	total   int64
}

// at returns the time that the share p, from 0 to 1, does not exceed; 0 of nothing.
func (q *quantiles) at(p float64) time.Duration {
	rank := int64(p * float64(q.total))
	for i, n := range q.counts {
		if rank -= n; rank < 0 || i == len(q.counts)-1 {
			return time.Duration(top(q.buckets[i]))
		}
	}
	return 0
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func kib(bytes int64) float64 { return float64(bytes) / (1 << 10) }

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
