package bench

import (
	"context"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// gauge is what a load counts while it goes on.
type gauge struct {
	epoch   time.Time
	count   atomic.Int64 // of what the processor time is divided by
	latency histogram
	stopped atomic.Bool // no more is sent
}

func newGauge() *gauge { return &gauge{epoch: time.Now()} }

// stamp begins the id of a stanza that carries the time.
const stamp = "b."

// now is the time that is written into a stanza, as its id.
func (g *gauge) now() int64 { return int64(time.Since(g.epoch)) }

// seen counts a stanza by the id that now made; others are not counted.
func (g *gauge) seen(id string) bool {
	digits, ok := strings.CutPrefix(id, stamp)
	sent, err := strconv.ParseInt(digits, 36, 64)
	if !ok || err != nil {
		return false
	}
	g.latency.add(time.Duration(g.now() - sent))
	g.count.Add(1)
	return true
}

// stamped is a stanza with the time in its middle.
type stamped struct {
	head string
	at   int64
	tail string
}

// AppendXML implements xmlstream.Appender.
func (s stamped) AppendXML(dst []byte, _ string) []byte {
	dst = append(dst, s.head...)
	dst = append(dst, stamp...)
	dst = strconv.AppendInt(dst, s.at, 36)
	return append(dst, s.tail...)
}

// stallPatience bounds a round in which nothing arrives.
const stallPatience = 30 * time.Second

// round lasts for a while, and longer if nothing has arrived since the count was before.
func (g *gauge) round(ctx context.Context, d time.Duration, before int64) error {
	begun := time.Now()
	for wait := d; ; wait = 10 * time.Millisecond {
		if err := sleep(ctx, wait); err != nil || g.count.Load() != before {
			return err
		}
		if took := time.Since(begun); took > d+stallPatience {
			return advise("Does the server hold back, by a limit on rates? Lift its limits for the test.", "nothing arrived in %s", took.Round(time.Second))
		}
	}
}

// reading is what is read of the server and of the load at one time.
type reading struct {
	at    time.Time
	used  usage
	count int64
}

func (r *run) read(g *gauge) (reading, error) {
	used, err := readUsage(r.proc, r.server.pid)
	return reading{time.Now(), used, g.count.Load()}, err
}

// series are the figures of some rounds.
type series struct {
	cpu, rate, busy, p50, p99 []float64 // µs each, per second, percent, ms, ms
	rss                       []float64 // MiB at the end of the round
}

// rounds measures what is going on already.
func (r *run) rounds(ctx context.Context, g *gauge, warmup, duration time.Duration) (*series, error) {
	r.say("warming up for %s", warmup)
	if err := sleep(ctx, warmup); err != nil {
		return nil, err
	}
	g.latency.take()
	s := &series{}
	before, err := r.read(g)
	if err != nil {
		return nil, err
	}
	for i := range r.Rounds {
		r.say("round %d of %d", i+1, r.Rounds)
		if err := g.round(ctx, duration, before.count); err != nil {
			return nil, err
		}
		after, err := r.read(g)
		if err != nil {
			return nil, err
		}
		if err := s.add(before, after, g.latency.take(), r); err != nil {
			return nil, err
		}
		before = after
	}
	return s, nil
}

func (s *series) add(before, after reading, q *quantiles, r *run) error {
	used, n, wall := after.used.since(before.used), float64(after.count-before.count), after.at.Sub(before.at)
	s.cpu = append(s.cpu, micros(used)/n)
	s.rate = append(s.rate, n/wall.Seconds())
	s.busy = append(s.busy, 100*used.Seconds()/wall.Seconds())
	s.p50 = append(s.p50, millis(q.at(0.50)))
	s.p99 = append(s.p99, millis(q.at(0.99)))
	m, err := readMemory(r.proc, r.server.pid)
	s.rss = append(s.rss, mib(m.rss))
	return err
}

// metrics names the figures: cpu is the name of the first, in µs.
func (s *series) metrics(cpu string) []Metric {
	return []Metric{
		summary(cpu, "µs", s.cpu), summary("rate", "/s", s.rate), summary("cpu", "%", s.busy),
		summary("latency_p50", "ms", s.p50), summary("latency_p99", "ms", s.p99), summary("rss", "MiB", s.rss),
	}
}

// quiet waits until nothing has arrived for a while.
func quiet(ctx context.Context, count func() int64) error {
	const while = 300 * time.Millisecond
	for last := int64(-1); ; {
		now := count()
		if now == last {
			return nil
		}
		last = now
		if err := sleep(ctx, while); err != nil {
			return err
		}
	}
}
