package bench

import (
	"context"
	"fmt"
	"time"
)

const (
	watchedMost = 25                    // pairs whose latency is watched, but no more than n
	watchPeriod = 50 * time.Millisecond // between two messages of each
	tinyWindow  = 4 << 10               // receive buffer of who does not read
	floodBytes  = 256 << 10             // for each who does not read
	floodPiece  = 8 << 10               // bytes of body
)

// slow has three kinds of sessions beside the pairs that are watched, in this order: those that send half of a TLS record and no
// more, those that do not read, and one that sends to the latter.
type slow struct {
	*run
	watchers     int // sessions of the pairs
	half, closed int
	cuts         []*cuttable
	g            *gauge
}

// slow watches how others fare beside clients that hold the server up.
func (r *run) slow(ctx context.Context) error {
	l := &slow{run: r, watchers: 2 * min(watchedMost, r.N), half: r.N, closed: (r.N + 9) / 10, cuts: make([]*cuttable, r.N), g: newGauge()}
	c, ctx, err := r.gather(ctx, l.watchers+l.half+l.closed+1, gathering{how: l.how, deaf: l.isClosed, mortal: l.isHalf})
	if err != nil {
		return err
	}
	defer c.close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := l.watched(ctx, c); err != nil {
			c.stop(err)
		}
	}()
	metrics, err := l.phases(ctx, c)
	l.g.stopped.Store(true)
	c.stop(err)
	<-ended
	if err != nil {
		return err
	}
	note := fmt.Sprintf("%d half records, %d closed windows with %d KiB for each; the server ended %d of the former.",
		l.half, l.closed, floodBytes>>10, c.lost.Load())
	return r.tell("", metrics, note)
}

func (l *slow) isHalf(i int) bool { return i >= l.watchers && i < l.watchers+l.half }

func (l *slow) isClosed(i int) bool {
	return i >= l.watchers+l.half && i < l.watchers+l.half+l.closed
}

func (l *slow) how(i int) dialing {
	switch {
	case l.isHalf(i):
		cut := &cuttable{}
		l.cuts[i-l.watchers] = cut
		return dialing{cut: cut}
	case l.isClosed(i):
		return dialing{window: tinyWindow}
	}
	return dialing{}
}

// watched lets each pair say something every period, in one direction.
func (l *slow) watched(ctx context.Context, c *crowd) error {
	var (
		from     []*session
		messages []stamped
	)
	for i := 0; i < l.watchers; i += 2 {
		to := c.sessions[i+1]
		to.setHot(func(a *arrival) (bool, error) {
			return a.kind == "message" && a.typ != "error" && l.g.seen(a.id), nil
		})
		from, messages = append(from, c.sessions[i]), append(messages, reading300(to))
	}
	return pace(ctx, l.g, from, messages, watchPeriod)
}

// phases measures before, beside half records, and beside closed windows too.
func (l *slow) phases(ctx context.Context, c *crowd) ([]Metric, error) {
	var all []Metric
	measure := func(name string, warmup time.Duration) error {
		l.say("others are watched: %s", name)
		s, err := l.rounds(ctx, l.g, warmup, l.Duration)
		if err == nil {
			all = append(all, summary("p99_"+name, "ms", s.p99), summary("rss_"+name, "MiB", s.rss))
		}
		return err
	}
	if err := measure("quiet", l.Warmup); err != nil {
		return nil, err
	}
	for i, cut := range l.cuts {
		cut.half.Store(true)
		if err := c.sessions[l.watchers+i].write(raw("<presence><status>" + filler(chatBody) + "</status></presence>")); err != nil {
			return nil, err
		}
	}
	if err := measure("half", 0); err != nil {
		return nil, err
	}
	flooded := make(chan error, 1)
	go func() { flooded <- l.flood(ctx, c) }()
	err := measure("closed", 0)
	if err != nil {
		c.stop(err)
	}
	if e := <-flooded; err == nil {
		err = e
	}
	return all, err
}

// flood sends to those who do not read. What the server does with it, it may well tell: that is not looked at.
func (l *slow) flood(ctx context.Context, c *crowd) error {
	last := c.sessions[len(c.sessions)-1]
	last.setHot(func(*arrival) (bool, error) { return true, nil })
	tail := "><body>" + filler(floodPiece) + "</body></message>"
	for range floodBytes / floodPiece {
		for i := l.watchers + l.half; i < len(c.sessions)-1; i++ {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := last.write(raw("<message type='chat'" + attr("to", c.sessions[i].jid.String()) + tail)); err != nil {
				return err
			}
		}
	}
	return nil
}
