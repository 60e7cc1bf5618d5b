package bench

import (
	"context"
	"fmt"
)

const (
	chatBody  = 200 // bytes of text
	iqResult  = 600 // bytes of payload
	chatStart = "<message type='chat'"
)

// chat lets pairs talk: who gets a message answers with one, so that as many are in flight per pair as were sent at first. One is
// the common case; several make the server meet sessions that have more to read when it comes back to them.
func (r *run) chat(ctx context.Context) error {
	c, ctx, err := r.gather(ctx, 2*r.N, gathering{})
	if err != nil {
		return err
	}
	defer c.close()
	for _, window := range []int{1, r.Window} {
		g := newGauge()
		s, err := r.talk(ctx, c, g, window)
		if err != nil {
			return err
		}
		variant := "one in flight"
		if window > 1 {
			variant = fmt.Sprintf("%d in flight", window)
		}
		if err := r.tell(variant, s.metrics("cpu_per_message")); err != nil {
			return err
		}
		if r.Window == 1 {
			break
		}
	}
	return nil
}

// talk measures one variant of chat, and leaves the sessions silent.
func (r *run) talk(ctx context.Context, c *crowd, g *gauge, window int) (*series, error) {
	say := make([]func() error, len(c.sessions))
	for i, s := range c.sessions {
		say[i] = r.converse(s, c.sessions[i^1], g)
	}
	for range window {
		for i := 0; i < len(say); i += 2 {
			if err := say[i](); err != nil {
				return nil, err
			}
		}
	}
	return r.measure(ctx, g)
}

// converse makes s answer what its peer says, and returns what makes it speak first.
func (r *run) converse(s, peer *session, g *gauge) func() error {
	m := stamped{
		head: chatStart + attr("to", peer.jid.String()) + " id='",
		tail: "'><body>" + filler(chatBody) + "</body></message>",
	}
	speak := func() error {
		m := m
		m.at = g.now()
		return s.write(m)
	}
	s.setHot(func(a *arrival) (bool, error) {
		switch {
		case a.kind != "message" || a.typ == "error" || !g.seen(a.id):
			return false, nil
		case g.stopped.Load():
			return true, nil
		}
		return true, speak()
	})
	return speak
}

// measure takes the rounds, and ends what it measured.
func (r *run) measure(ctx context.Context, g *gauge) (*series, error) {
	s, err := r.rounds(ctx, g, r.Warmup, r.Duration)
	if err != nil {
		return nil, err
	}
	g.stopped.Store(true)
	return s, quiet(ctx, g.count.Load)
}

// iq lets one of each pair ask the other, by their full JIDs, and ask again when the answer is there. RFC 6121 §8.5.3
func (r *run) iq(ctx context.Context) error {
	c, ctx, err := r.gather(ctx, 2*r.N, gathering{})
	if err != nil {
		return err
	}
	defer c.close()
	g := newGauge()
	for i := 0; i < len(c.sessions); i += 2 {
		asks, answers := c.sessions[i], c.sessions[i+1]
		answer(answers, asks)
		if err := ask(asks, answers, g); err != nil {
			return err
		}
	}
	s, err := r.measure(ctx, g)
	if err != nil {
		return err
	}
	return r.tell("", s.metrics("cpu_per_request"))
}

// answer makes s answer requests of peer.
func answer(s, peer *session) {
	head, tail := "<iq type='result'"+attr("to", peer.jid.String()), ">"+payload(iqResult)+"</iq>"
	from := peer.jid.String()
	s.setHot(func(a *arrival) (bool, error) {
		if a.kind != "iq" || a.typ != "get" || a.from != from {
			return false, nil
		}
		return true, s.write(raw(head + attr("id", a.id) + tail))
	})
}

// ask sends a request to peer, and another for each answer.
func ask(s, peer *session, g *gauge) error {
	from := peer.jid.String()
	m := stamped{
		head: "<iq type='get'" + attr("to", from) + " id='",
		tail: "'><query xmlns='" + nsBench + "'/></iq>",
	}
	speak := func() error {
		m := m
		m.at = g.now()
		return s.write(m)
	}
	s.setHot(func(a *arrival) (bool, error) {
		switch {
		case a.kind != "iq" || a.from != from:
			return false, nil
		case a.typ == "error":
			return false, fmt.Errorf("%s did not get the request of %s, or the server did not relay its answer", peer.jid, s.jid)
		case a.typ != "result" || !g.seen(a.id):
			return false, nil
		case g.stopped.Load():
			return true, nil
		}
		return true, speak()
	})
	return speak()
}
