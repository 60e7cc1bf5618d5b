package bench

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
)

// fanout lets the first session say that it is here, again and again, to all others, who are subscribed to it. RFC 6121 §4.4.2
func (r *run) fanout(ctx context.Context) error {
	c, ctx, err := r.gather(ctx, r.N+1, gathering{})
	if err != nil {
		return err
	}
	defer c.close()
	source, contacts := c.sessions[0], c.sessions[1:]
	err = r.each(ctx, len(contacts), "subscribed", func(ctx context.Context, i int) error {
		_, err := contacts[i].subscribe(ctx, source.jid)
		return err
	})
	if err != nil {
		return err
	}
	from := source.jid.String()
	return r.spread(ctx, c, contacts, "cpu_per_delivery",
		func(a *arrival) bool { return a.kind == "presence" && a.typ == "" && a.from == from },
		func(k int) error {
			return source.write(raw("<presence><status>" + strconv.Itoa(k) + "</status></presence>"))
		})
}

// spread measures a fan-out to receivers. One is in flight at a time: send sends number k when all have got the one before. mine
// tells what belongs to it.
func (r *run) spread(ctx context.Context, c *crowd, receivers []*session, cpu string, mine func(*arrival) bool, send func(k int) error) error {
	g := newGauge()
	var arrived atomic.Int64
	all := make(chan struct{}, 1)
	n := int64(len(receivers))
	for _, s := range receivers {
		s.setHot(func(a *arrival) (bool, error) {
			if !mine(a) {
				return false, nil
			}
			g.count.Add(1)
			if arrived.Add(1) == n {
				all <- struct{}{}
			}
			return true, nil
		})
	}
	if err := quiet(ctx, g.count.Load); err != nil { // what comes of logging in and subscribing
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := keepSending(ctx, g, &arrived, n, all, send); err != nil {
			c.stop(err)
		}
	}()
	s, err := r.rounds(ctx, g, r.Warmup, r.Duration)
	g.stopped.Store(true)
	if err != nil {
		c.stop(err)
	}
	<-ended
	if err != nil {
		return err
	}
	return r.tell("", s.metrics(cpu))
}

// spreadPatience bounds the time of one fan-out.
const spreadPatience = 30 * time.Second

func keepSending(ctx context.Context, g *gauge, arrived *atomic.Int64, n int64, all <-chan struct{}, send func(int) error) error {
	late := time.NewTimer(spreadPatience)
	defer late.Stop()
	for k := 1; !g.stopped.Load(); k++ {
		arrived.Store(0)
		begun := time.Now()
		late.Reset(spreadPatience)
		if err := send(k); err != nil {
			return err
		}
		select {
		case <-all:
			g.latency.add(time.Since(begun))
		case <-late.C:
			return advise("Lift the server's limits for the test.", "only %d of %d got number %d in %s", arrived.Load(), n, k, spreadPatience)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// bareOf returns the bare address in text, which may be none.
func bareOf(text string) (jid.JID, error) {
	j, err := jid.Parse(text)
	if err != nil {
		return j, fmt.Errorf("address of the PubSub service: %w", err)
	}
	return j.Bare(), nil
}
