package client

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/mux"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Session is a bound resource. It is safe for concurrent use. Under Stay, and where the server lets it, it outlives its connection:
// what is sent meanwhile waits, requests go on waiting for their answers, and nothing is lost or comes twice (XEP-0198).
//
// Handlers, which the embedded Mux has, are called one after the other, in the order in which stanzas came; they may wait for
// answers of Request, but not for Close. Their context ends with the session. Add them before sending presence: before, a server
// has little to deliver. Pings (XEP-0199) are answered without a handler. The server is told of a stanza that it was handled
// when its handlers have returned: until then it would deliver a message again, should this program die.
type Session struct {
	*mux.Mux
	jid      jid.JID
	features *xmlstream.Element
	config   *Config
	log      *slog.Logger

	out     outbox
	in      inbox
	pending pending

	// What the reader alone uses.
	reconnect reconnect // nil where a lost connection is the end
	id        string    // to resume with; empty where the server does not let us
	again     int       // stanzas that the server is to send once more, and that wait for their handlers already

	closing atomic.Bool // Close was called
	end     sync.Once
	cancel  context.CancelFunc // of what handlers get
	err     error              // why the session is over; set before over is closed
	over    chan struct{}
	gone    chan struct{} // closed once no goroutine is left
}

var _ stanza.Requester = (*Session)(nil)

// farewell bounds the end of a stream: what is left to write, and the wait for the server's end. RFC 6120 §4.4
const farewell = 5 * time.Second

// newSession begins a session on a link. What an earlier one has left is sent first.
func newSession(ctx context.Context, c *Config, l *link, again reconnect, left []entry) *Session {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &Session{
		Mux: c.Mux, jid: l.JID, features: l.Features, config: c, log: c.Log.With("jid", l.JID), reconnect: again,
		cancel: cancel, over: make(chan struct{}), gone: make(chan struct{}),
	}
	s.out.limit, s.out.slots, s.out.items = c.Write, make(chan struct{}, c.Queue), left
	for range left {
		s.out.slots <- struct{}{}
	}
	s.out.tell = func() (h uint32, counts bool) {
		h, _, counts = s.in.tell()
		return h, counts
	}
	if !c.Unmanaged && l.Features.Child(stream.NSSM, "sm") != nil {
		s.out.acks.on, s.out.acks.resume, s.out.due.enable = true, again != nil, true
	}
	s.in.handle = func(st *stanza.Stanza) { s.dispatch(ctx, st) }
	s.in.late = func() { s.out.say(func(d *due) { d.answer = true }) }
	s.in.limit, s.in.limitBytes = c.Inbox, c.InboxBytes
	s.pending.open = map[string]waiting{}
	go s.run(ctx, l)
	return s
}

// JID returns the full address that the server bound.
func (s *Session) JID() jid.JID { return s.jid }

// Features returns what the server offered after the login: what of it was not negotiated is for the caller to look at.
func (s *Session) Features() *xmlstream.Element { return s.features }

// Send queues a stanza, which must not be changed any more, and is written soon. It waits only while the queue is full: of what
// is to be written or, with stream management, acknowledged; then a message that has no id is given one, too. The error is the end of
// ctx or the session's: what was queued before that may not have arrived; see Stay for what becomes of it.
func (s *Session) Send(ctx context.Context, st *stanza.Stanza) error {
	return s.send(ctx, entry{stanza: st})
}

func (s *Session) send(ctx context.Context, e entry) error {
	taken, err := s.out.put(ctx, s.over, e)
	switch {
	case err != nil:
		return err
	case taken:
		return nil
	}
	if err := s.Err(); err != nil {
		return err
	}
	return ErrClosed // it is about to be
}

// Done is closed when the session is over, for good. Handlers may still be running then.
func (s *Session) Done() <-chan struct{} { return s.over }

// Err returns why the session is over, nil as long as it is not.
func (s *Session) Err() error {
	select {
	case <-s.over:
		return s.err
	default:
		return nil
	}
}

// Close sends what is queued and closes the stream, waits for the server to close it too, though not for long, and for all
// that runs, handlers included. The error is the end of ctx, which cuts the connection. It may be called more than once, and
// of a session that is over.
func (s *Session) Close(ctx context.Context) error {
	if s.Err() == nil { // else the reader is about to say what there is to say
		s.closing.Store(true)
		s.out.finish(nil)
	}
	patience := time.NewTimer(farewell)
	defer patience.Stop()
	select {
	case <-s.gone:
		return nil
	case <-patience.C:
	case <-ctx.Done():
	}
	s.fail(ErrClosed)
	s.out.cut() // the reader sees to the rest
	select {
	case <-s.gone:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// fail says that the session is over; the first to know says why.
func (s *Session) fail(err error) {
	s.end.Do(func() {
		if s.closing.Load() {
			err = ErrClosed
		}
		s.err = err
		s.log.Debug("session over", "err", err)
		close(s.over)
		s.cancel()
	})
}

// dispatch lets the handlers have a stanza. When the session is over, they still get what had been delivered, unless it was
// closed from here; requests cannot be answered then.
func (s *Session) dispatch(ctx context.Context, st *stanza.Stanza) {
	if s.Err() != nil && (s.closing.Load() || st.IsRequest()) {
		return
	}
	answer := s.Serve(ctx, st)
	if answer == nil {
		return
	}
	if err := s.Send(ctx, answer); err != nil {
		s.log.Debug("answer not sent", "to", answer.To, "err", err)
	}
}
