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
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Session is a bound resource on one connection. It is safe for concurrent use.
//
// Handlers, which the embedded Mux has, are called one after the other, in the order in which stanzas came; they may wait for
// answers of Request, but not for Close. Their context ends with the session. Add them before sending presence: before, a server
// has little to deliver. Pings (XEP-0199) are answered without a handler.
type Session struct {
	*mux.Mux
	jid      jid.JID
	features *xmlstream.Element
	conn     transport.Conn
	log      *slog.Logger

	out     outbox
	in      inbox
	pending pending

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

func newSession(ctx context.Context, c *Config, conn transport.Conn, r stream.Result) *Session {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &Session{
		Mux: c.Mux, jid: r.JID, features: r.Features, conn: conn, log: c.Log.With("jid", r.JID),
		cancel: cancel, over: make(chan struct{}), gone: make(chan struct{}),
	}
	s.out = outbox{conn: conn, limit: c.Write, fail: s.broken, slots: make(chan struct{}, c.Queue)}
	s.in = inbox{handle: func(st *stanza.Stanza) { s.dispatch(ctx, st) }, limit: c.Inbox, limitBytes: c.InboxBytes}
	s.pending.open = map[string]waiting{}
	now := time.Now()
	s.out.said.Store(now.UnixNano())
	w := &watch{keepAlive: c.KeepAlive, ping: c.Ping, patience: c.PingTimeout, heard: now, spoken: now}
	conn.SetReadDeadline(w.next())
	go s.run(w)
	return s
}

// JID returns the full address that the server bound.
func (s *Session) JID() jid.JID { return s.jid }

// Features returns what the server offered after the login: what of it was not negotiated is for the caller to look at.
func (s *Session) Features() *xmlstream.Element { return s.features }

// Send queues a stanza, which must not be changed any more, and is written soon. It waits only while the queue is full. The
// error is the end of ctx or the session's: what was queued before that may not have arrived.
func (s *Session) Send(ctx context.Context, st *stanza.Stanza) error {
	taken, err := s.out.put(ctx, s.over, st)
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

// Done is closed when the session is over. Handlers may still be running then.
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
		s.out.finish()
	}
	patience := time.NewTimer(farewell)
	defer patience.Stop()
	select {
	case <-s.gone:
		return nil
	case <-patience.C:
	case <-ctx.Done():
	}
	s.broken(ErrClosed)
	select {
	case <-s.gone:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// broken ends the session for a connection that is of no use any more. The reader sees to the rest.
func (s *Session) broken(err error) {
	s.fail(err)
	s.conn.Close()
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
