package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// run reads one connection after the other until the session is over, and then sees everything else to its end.
func (s *Session) run(ctx context.Context, l *link) {
	defer close(s.gone)
	for l != nil {
		s.out.attach(l.conn)
		err := s.read(l.conn)
		if failed := s.out.failure(); failed != nil && errors.Is(err, net.ErrClosed) {
			err = failed // which is why it was closed
		}
		if s.resumable(err) {
			s.out.detach()
			l = s.resume(ctx, err)
			continue
		}
		s.fail(err)
		s.leave(l.conn, err)
		l = nil
	}
	s.in.work.Wait()
}

// leave ends our half of the stream, in good order where the connection still works. RFC 6120 §4.4, §4.9.1.1
func (s *Session) leave(conn transport.Conn, err error) {
	var theirs *stream.Error
	var miscounted miscount
	ours := stream.AsError(err)
	switch {
	case errors.Is(err, stream.ErrClosed), errors.As(err, &theirs):
		s.out.finish(nil)
	case errors.As(err, &miscounted):
		s.out.finish(miscounted.streamError().Element())
	case ours != nil:
		s.out.finish(ours.Element())
	default:
		s.out.stop()
		conn.Close()
	}
	conn.SetWriteDeadline(time.Now().Add(farewell)) // of a write under way
	s.out.work.Wait()
	conn.Close()
}

// read handles one element after the other and returns why there are no more: what the server said, a *stream.Error or
// stream.ErrClosed; what it did wrong, wrapping what to tell it; or why the connection failed.
func (s *Session) read(conn transport.Conn) error {
	now := time.Now()
	w := &watch{keepAlive: s.config.KeepAlive, ping: s.config.Ping, patience: s.config.PingTimeout, heard: now, spoken: now}
	conn.SetReadDeadline(w.next())
	for {
		kind, err := conn.Next()
		if err != nil {
			if err = s.idle(conn, w, err); err != nil {
				return err
			}
			continue
		}
		w.hear(time.Now())
		if kind == xmlstream.End {
			return stream.ErrClosed
		}
		if err := s.element(conn.Tokens()); err != nil {
			return err
		}
	}
}

// idle does what is due when reading has timed out, and returns any other error, or ErrSilent.
func (s *Session) idle(conn transport.Conn, w *watch, err error) error {
	if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() {
		return err
	}
	now := time.Now()
	if n := conn.Tokens().Buffered(); n != w.buffered { // a large stanza is on its way
		w.buffered = n
		w.hear(now)
	}
	space, ping, err := w.due(now, time.Unix(0, s.out.said.Load()))
	if err != nil {
		return err
	}
	if space {
		s.out.say(func(d *due) { d.space = true })
	}
	if ping {
		s.ping()
	}
	return conn.SetReadDeadline(w.next())
}

// element handles what was read. It never waits.
func (s *Session) element(t *xmlstream.Tokenizer) error {
	st, ok, err := stanza.Read(t)
	if !ok {
		el := t.Element()
		switch {
		case el.Is(stream.NS, "error"):
			return stream.ParseError(el)
		case el.Space() == stream.NSSM && s.out.managed():
			return s.manage(el)
		}
		return fmt.Errorf("client: <%.40s/> is no stanza: %w", el.Local(), stream.UnsupportedStanzaType)
	}
	if s.again > 0 {
		s.again--
		return nil
	}
	if st.From.IsZero() && !errors.Is(err, stanza.JIDMalformed) {
		st.From = s.jid.Bare() // RFC 6120 §8.1.2.1
	}
	switch {
	case err != nil:
		s.refuse(st, err)
	case st.IsResponse():
		s.answered(st)
	case isPing(st):
		s.out.offer(st.Reply(nil)) // XEP-0199#s2c: here, so that a slow handler does not look like a dead link
	case s.in.put(st):
		return nil
	default:
		s.refuse(st, stanza.ResourceConstraint.With("too much at once"))
	}
	s.in.pass()
	return nil
}

// refuse answers what cannot be handled with an error, where the rules allow one and there is room.
func (s *Session) refuse(st *stanza.Stanza, err error) {
	s.log.Debug("stanza refused", "kind", st.Kind, "from", st.From, "err", err)
	if st.Kind == stanza.Presence {
		return // the sender did not write to us, and has no use for an error
	}
	if bounce := st.Bounce(err); bounce != nil {
		s.out.offer(bounce)
	}
}
