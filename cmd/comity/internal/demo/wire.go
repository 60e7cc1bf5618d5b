package demo

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Wire sees every stanza that passes the broker, so that the story tells what was said and not what should have been. It holds them in
// memory, until they are told.
type Wire struct {
	mu      sync.Mutex
	events  []event
	first   int           // how many were seen before those, and are forgotten
	told    int           // how many were told, of all
	over    bool          // the story is: what was told is of no use any more
	changed chan struct{} // closed, and made anew, whenever something of this changes
}

// event is one of a stanza on its way, a line of the story, and what the broker has decided.
type event struct {
	stanza  *stanza.Stanza
	line    func(*teller)
	verdict *provisioning.Verdict
}

// maxUntold bounds what is not told yet: more may be said after the story, when somebody has joined and the terminal does not keep up.
const maxUntold = 10_000

// NewWire makes a wire for one broker.
func NewWire() *Wire { return &Wire{changed: make(chan struct{})} }

// Module is the wire as a feature of the broker, to be the last in its list.
func (w *Wire) Module() module.Def {
	return module.Def{
		Name: "demo", Title: "Tells what passes",
		Init: func(*module.Host) (*module.Hooks, error) {
			return &module.Hooks{
				// What is said to a client is seen as it is handed over, and what is said to the broker as it comes. What is said
				// between accounts, such as a request to see somebody, is seen at the end of its way only: there it is what the
				// broker has made of it.
				Outgoing: func(_ context.Context, _ module.Session, s *stanza.Stanza) error {
					if s.Kind != stanza.Presence && s.To.Local() == "" {
						w.put(event{stanza: s})
					}
					return nil
				},
				Deliver: func(x module.Session, s *stanza.Stanza) *stanza.Stanza {
					w.put(event{stanza: s.Addressed(s.From, x.JID())})
					return s
				},
			}, nil
		},
	}
}

// Log returns a handler for the broker's log, which goes on to another one. In it the wire hears why something was decided: that is
// not said to anybody.
func (w *Wire) Log(to slog.Handler) slog.Handler { return listener{to, w} }

// listener is such a handler.
type listener struct {
	slog.Handler
	wire *Wire
}

func (l listener) Handle(ctx context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		v, is := a.Value.Any().(provisioning.Verdict)
		if is {
			l.wire.put(event{verdict: &v})
		}
		return !is
	})
	return l.Handler.Handle(ctx, r)
}

func (l listener) WithAttrs(attrs []slog.Attr) slog.Handler {
	return listener{l.Handler.WithAttrs(attrs), l.wire}
}

func (l listener) WithGroup(name string) slog.Handler {
	return listener{l.Handler.WithGroup(name), l.wire}
}

// put never blocks for who tells.
func (w *Wire) put(e event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.first+len(w.events)-w.told < maxUntold {
		w.events = append(w.events, e)
		w.wake()
	}
}

// wake is called with mu held.
func (w *Wire) wake() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// mark returns a place in what was seen: what comes from now on is behind it.
func (w *Wire) mark() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.first + len(w.events)
}

// behind returns what was seen behind a mark, how much was told of all, and what is closed when there is more.
func (w *Wire) behind(mark int) (events []event, told int, changed <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.events[max(mark-w.first, 0):], w.told, w.changed
}

// wait returns the first stanza behind a mark that match takes.
func (w *Wire) wait(ctx context.Context, mark int, match func(*stanza.Stanza) bool) (*stanza.Stanza, error) {
	for {
		events, _, changed := w.behind(mark)
		for _, e := range events {
			if e.stanza != nil && match(e.stanza) {
				return e.stanza, nil
			}
		}
		mark += len(events)
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// any reports whether a stanza behind a mark has come that match takes.
func (w *Wire) any(mark int, match func(*stanza.Stanza) bool) bool {
	events, _, _ := w.behind(mark)
	return slices.ContainsFunc(events, func(e event) bool { return e.stanza != nil && match(e.stanza) })
}

// tell gives the teller all that there is, in order, until ctx ends and nothing is left.
func (w *Wire) tell(ctx context.Context, t *teller) {
	for {
		_, told, _ := w.behind(0)
		events, _, changed := w.behind(told)
		for _, e := range events {
			t.tell(e)
		}
		if len(events) > 0 {
			w.toldMore(len(events))
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

func (w *Wire) toldMore(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told += n
	if w.over {
		w.events = slices.Clone(w.events[w.told-w.first:])
		w.first = w.told
	}
	w.wake()
}

// flush waits until all that was seen is told.
func (w *Wire) flush(ctx context.Context) error {
	for mark := w.mark(); ; {
		_, told, changed := w.behind(mark)
		if told >= mark {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// end forgets what was told, now that nobody looks back.
func (w *Wire) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
}

// between matches stanzas with a child of one of the names, from one party to another: bare addresses.
func between(from, to jid.JID, f iot.Family, locals ...string) func(*stanza.Stanza) bool {
	return func(s *stanza.Stanza) bool {
		el := child(s, f)
		return s.From.Bare() == from && s.To.Bare() == to && el != nil && slices.Contains(locals, el.Local())
	}
}

// child returns the stanza's child in a namespace of the family, or nil.
func child(s *stanza.Stanza, f iot.Family) *xmlstream.Element {
	for i := range s.Content.Len() {
		if _, ok := f.Of(s.Content.At(i).Name.Space); ok {
			return s.Content.Element(s.Content.At(i))
		}
	}
	return nil
}

// presence matches presence of a type.
func presence(from, to jid.JID, typ stanza.Type) func(*stanza.Stanza) bool {
	return func(s *stanza.Stanza) bool {
		return s.Kind == stanza.Presence && s.Type == typ && s.From.Bare() == from && s.To.Bare() == to
	}
}
