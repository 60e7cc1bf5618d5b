package client

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// run reads until the session is over, and then sees everything else to its end.
func (s *Session) run(w *watch) {
	defer close(s.gone)
	err := s.read(w)
	s.fail(err)
	s.leave(err)
	s.out.work.Wait()
	s.conn.Close()
	s.in.work.Wait()
}

// leave ends our half of the stream, in good order where the connection still works. RFC 6120 §4.4, §4.9.1.1
func (s *Session) leave(err error) {
	var theirs *stream.Error
	ours := stream.AsError(err)
	switch {
	case errors.Is(err, stream.ErrClosed), errors.As(err, &theirs):
		s.out.finish()
	case ours != nil:
		s.out.finish(ours.Element())
	default:
		s.out.stop()
		s.conn.Close()
		return
	}
	s.conn.SetWriteDeadline(time.Now().Add(farewell)) // of a write under way
}

// read handles one element after the other and returns why there are no more: what the server said, a *stream.Error or
// stream.ErrClosed; what it did wrong, wrapping what to tell it; or why the connection failed.
func (s *Session) read(w *watch) error {
	for {
		kind, err := s.conn.Next()
		if err != nil {
			if err = s.idle(w, err); err != nil {
				return err
			}
			continue
		}
		w.hear(time.Now())
		if kind == xmlstream.End {
			return stream.ErrClosed
		}
		if err := s.element(); err != nil {
			return err
		}
	}
}

// idle does what is due when reading has timed out, and returns any other error, or ErrSilent.
func (s *Session) idle(w *watch, err error) error {
	if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() {
		return err
	}
	now := time.Now()
	if n := s.conn.Tokens().Buffered(); n != w.buffered { // a large stanza is on its way
		w.buffered = n
		w.hear(now)
	}
	space, ping, err := w.due(now, time.Unix(0, s.out.said.Load()))
	if err != nil {
		return err
	}
	// Where there is no room, more than this waits to be written.
	if space {
		s.out.offer(whitespace{})
	}
	if ping {
		s.out.offer(s.askAlive())
	}
	return s.conn.SetReadDeadline(w.next())
}

// element handles what was read. It never waits.
func (s *Session) element() error {
	t := s.conn.Tokens()
	st, ok, err := stanza.Read(t)
	if !ok {
		el := t.Element()
		if el.Is(stream.NS, "error") {
			return stream.ParseError(el)
		}
		return fmt.Errorf("client: <%.40s/> is no stanza: %w", el.Local(), stream.UnsupportedStanzaType)
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
	case !s.in.put(st):
		s.refuse(st, stanza.ResourceConstraint.With("too much at once"))
	}
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
