package bench

import (
	"context"
	"time"
)

// telemetrySize is how long a message of a thing is, all of it.
const telemetrySize = 300

// telemetry is the load of an Internet of Things: sessions that are neither hot nor cold. Each thing says something once a period,
// one after the other and evenly, to one of a few collectors.
func (r *run) telemetry(ctx context.Context) error {
	fresh, err := readMemory(r.proc, r.server.pid)
	if err != nil {
		return err
	}
	c, ctx, err := r.gather(ctx, r.N+r.Collectors, gathering{})
	if err != nil {
		return err
	}
	defer c.close()
	collectors, things := c.sessions[:r.Collectors], c.sessions[r.Collectors:]
	g := newGauge()
	for _, s := range collectors {
		s.setHot(func(a *arrival) (bool, error) {
			return a.kind == "message" && a.typ != "error" && g.seen(a.id), nil
		})
	}
	messages := make([]stamped, len(things))
	for i := range messages {
		messages[i] = reading300(collectors[i%len(collectors)])
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := pace(ctx, g, things, messages, r.Period); err != nil {
			c.stop(err)
		}
	}()
	// Each thing has spoken once before the first round, and speaks at least once in each.
	s, err := r.rounds(ctx, g, max(r.Warmup, r.Period), max(r.Duration, r.Period))
	g.stopped.Store(true)
	c.stop(err)
	<-ended
	if err != nil {
		return err
	}
	per := make([]float64, len(s.rss))
	for i, v := range s.rss {
		per[i] = (v - mib(fresh.rss)) * 1024 / float64(r.N+r.Collectors)
	}
	return r.tell("", append(s.metrics("cpu_per_message"), summary("rss_per_session", "KiB", per)))
}

// reading300 is the message of a thing to a collector: 300 bytes with a time of seven digits.
func reading300(to *session) stamped {
	m := stamped{head: "<message" + attr("to", to.jid.String()) + " id='", tail: "'></message>"}
	m.tail = "'>" + payload(telemetrySize-len(m.head)-len(m.tail)-len(stamp)-7) + "</message>"
	return m
}

// pace sends one message after the other, so that each thing comes round once a period.
func pace(ctx context.Context, g *gauge, things []*session, messages []stamped, period time.Duration) error {
	begun := time.Now()
	for k := 0; !g.stopped.Load(); k++ {
		due := begun.Add(time.Duration(float64(k) / float64(len(things)) * float64(period)))
		if wait := time.Until(due); wait > 0 {
			if err := sleep(ctx, wait); err != nil {
				return err
			}
		}
		m := messages[k%len(things)]
		m.at = g.now()
		if err := things[k%len(things)].write(m); err != nil {
			return err
		}
	}
	return nil
}
