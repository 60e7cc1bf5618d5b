package transcript

import (
	"errors"
	"fmt"
	"strings"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

type connect struct{ who string }

func (a connect) run(r *runner) error {
	if r.parties[a.who] != nil {
		return errors.New("is connected already")
	}
	p, err := r.session(r.ctx, a.who)
	if err == nil {
		r.join(p)
	}
	return err
}

type available struct {
	who      string
	priority int
}

func (a available) run(r *runner) error {
	p, err := r.party(a.who)
	if err != nil {
		return err
	}
	text := "<presence/>"
	if a.priority != 0 {
		text = fmt.Sprintf("<presence><priority>%d</priority></presence>", a.priority)
	}
	before := p.queue
	p.queue = nil
	if err := p.send(text); err != nil {
		return err
	}
	if err := r.quiesce(); err != nil { // others may be asked for theirs, and answer by themselves
		return err
	}
	for _, el := range p.queue {
		if !el.Is(stanza.Client, "presence") || el.Attr("type") != "" && el.Attr("type") != "unavailable" {
			before = append(before, el)
		}
	}
	p.queue = before
	return nil
}

type send struct {
	who  string
	text template
}

func (a send) run(r *runner) error {
	p, err := r.party(a.who)
	if err != nil {
		return err
	}
	text, err := a.text.fill(r.values, true)
	if err != nil {
		return err
	}
	return p.send(text)
}

// receive is one element, or several in any order.
type receive struct {
	who  string
	want []pattern
	one  bool // of those that are wanted
}

func (a receive) run(r *runner) error {
	p, err := r.party(a.who)
	if err != nil {
		return err
	}
	left, n := a.want, len(a.want)
	if a.one {
		n = 1
	}
	for range n {
		got, err := p.next()
		if err != nil {
			return fmt.Errorf("%w, expected\n  %s", err, list(left))
		}
		if left, err = r.pick(p, left, got); err != nil {
			return err
		}
	}
	return nil
}

// pick returns what is still expected after an element came that was.
func (r *runner) pick(p *party, want []pattern, got *xmlstream.Element) ([]pattern, error) {
	var why error
	for i, w := range want {
		bound, err := p.compare(r.values, w, got)
		if err != nil {
			why = err
			continue
		}
		for name, v := range bound {
			r.values[name] = v
		}
		return append(append([]pattern(nil), want[:i]...), want[i+1:]...), nil
	}
	if len(want) > 1 {
		why = errors.New("it is none of them")
	}
	return nil, fmt.Errorf("expected\n  %s\nand got\n  %s\n%w", list(want), got, why)
}

func list(want []pattern) string {
	all := make([]string, len(want))
	for i, w := range want {
		all[i] = w.String()
	}
	return strings.Join(all, "\n  ")
}

// permitted is an element that comes or does not, as the document leaves to the server.
type permitted struct {
	who  string
	want pattern
}

func (a permitted) run(r *runner) error {
	p, err := r.party(a.who)
	if err != nil {
		return err
	}
	if err := r.quiesce(); err != nil {
		return err
	}
	if len(p.queue) == 0 {
		return nil
	}
	if _, err := r.pick(p, []pattern{a.want}, p.queue[0]); err == nil {
		p.queue = p.queue[1:]
	}
	return nil
}

type silence struct{ who string }

func (a silence) run(r *runner) error {
	p, err := r.party(a.who)
	if err != nil {
		return err
	}
	if err := r.quiesce(); err != nil {
		return err
	}
	if len(p.queue) > 0 {
		return fmt.Errorf("got\n  %s", p.queue[0])
	}
	return nil
}

type settle struct{}

func (settle) run(r *runner) error {
	if err := r.quiesce(); err != nil {
		return err
	}
	for _, p := range r.sessions() {
		p.queue = nil
	}
	return nil
}

type streamError struct{ who, condition string }

func (a streamError) run(r *runner) error {
	p, err := r.party(a.who)
	if err != nil {
		return err
	}
	got, err := p.next()
	if err != nil {
		return err
	}
	if !got.Is(stream.NS, "error") {
		return fmt.Errorf("got\n  %s", got)
	}
	if c := stream.ParseError(got).Condition; string(c) != a.condition {
		return fmt.Errorf("got %s:\n  %s", string(c), got)
	}
	return nil
}

// ended is the end of a stream by the server.
type ended struct {
	who string
	cut bool
}

func (a ended) run(r *runner) error {
	p, err := r.party(a.who)
	if err != nil {
		return err
	}
	defer r.leave(p)
	got, err := p.next()
	switch {
	case err == nil:
		return fmt.Errorf("got\n  %s", got)
	case errors.Is(err, errEnd) != a.cut:
		return nil
	}
	return err
}

type disconnect struct {
	who string
	cut bool
}

func (a disconnect) run(r *runner) error {
	p, err := r.party(a.who)
	if err != nil {
		return err
	}
	defer r.leave(p)
	if a.cut {
		return nil
	}
	return p.close()
}

// befriend lets two accounts see each other.
type befriend struct{ a, b string }

func (f befriend) run(r *runner) error {
	a, err := r.session(r.ctx, f.a)
	if err != nil {
		return err
	}
	defer a.conn.Close()
	b, err := r.session(r.ctx, f.b)
	if err != nil {
		return err
	}
	defer b.conn.Close()
	for _, s := range []struct {
		p       *party
		to, typ string
	}{{a, f.b, "subscribe"}, {b, f.a, "subscribed"}, {b, f.a, "subscribe"}, {a, f.b, "subscribed"}} {
		if err := s.p.send("<presence to='" + r.values[s.to] + "' type='" + s.typ + "'/>"); err != nil {
			return err
		}
		if err := s.p.reached(r.addresses()[:1]); err != nil {
			return err
		}
	}
	return errors.Join(a.close(), b.close())
}

// let gives a value a name.
type let struct {
	name, function string
	args           []template
}

func (a let) run(r *runner) error {
	f := builtin[a.function]
	if own := r.peer.Functions[a.function]; own != nil {
		f = own
	}
	if f == nil {
		return fmt.Errorf("no function %q", a.function)
	}
	args := make([]string, len(a.args))
	for i, t := range a.args {
		var err error
		if args[i], err = t.fill(r.values, false); err != nil {
			return err
		}
	}
	v, err := f(args)
	if err == nil {
		r.values[a.name] = v
	}
	return err
}
