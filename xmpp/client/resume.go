package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// ErrNotResumed is why a session is over that has lost its connection, which the error wraps too, and that the server did not let go
// on over another: it had been away for too long, or the server was started anew.
var ErrNotResumed = errors.New("client: the session was not resumed")

// link is a connection, and what was negotiated on it.
type link struct {
	conn transport.Conn
	stream.Result
}

// reconnect makes a connection on which a session can go on. It returns when it has one, or else one with a new session, or when there
// is no use in trying.
type reconnect func(ctx context.Context, cause error, r stream.Resumption) (*link, error)

// resumable reports whether the session may go on over another connection: the network has failed, but neither side has ended the
// stream. XEP-0198#closure
func (s *Session) resumable(err error) bool {
	var miscounted miscount
	switch {
	case s.reconnect == nil, s.id == "", s.Err() != nil, s.out.hasEnded():
		return false
	case errors.Is(err, stream.ErrClosed), stream.AsError(err) != nil, errors.As(err, &miscounted):
		return false
	}
	return true
}

// resume returns the connection on which the session goes on. With none it is over. XEP-0198#resumption
func (s *Session) resume(ctx context.Context, cause error) *link {
	h, again, _ := s.in.tell()
	l, err := s.reconnect(ctx, cause, stream.Resumption{ID: s.id, Handled: h})
	switch {
	case err != nil:
	case !l.Resumed.OK:
		if l.Resumed.Counted {
			s.out.acknowledged(l.Resumed.Handled) // a server that miscounts now does no harm any more
		}
		err = fmt.Errorf("%w: %w", ErrNotResumed, cause)
	default:
		if err = s.out.acknowledged(l.Resumed.Handled); err == nil {
			s.out.resend()
			s.again = again
			s.log.Info("session resumed", "remote", l.conn.RemoteAddr())
			return l
		}
		complain(l.conn, err)
	}
	s.fail(err)
	s.out.stop()
	return nil
}

// complain ends a stream that has just begun with a stream error.
func complain(conn transport.Conn, err error) {
	defer conn.Close()
	conn.SetWriteDeadline(time.Now().Add(farewell))
	var miscounted miscount
	if errors.As(err, &miscounted) && conn.Write(miscounted.streamError().Element()) == nil {
		conn.End()
	}
}

// manage handles what the server says about acknowledgements.
func (s *Session) manage(el *xmlstream.Element) error {
	counts := s.in.counting()
	switch name := el.Local(); {
	case name == "enabled" && !counts: // XEP-0198#enable
		if resume := el.Attr("resume"); resume == "true" || resume == "1" {
			s.id = el.Attr("id")
		}
		s.in.begin()
		s.out.confirm()
		return nil
	case name == "failed" && !counts: // XEP-0198#errors
		s.out.refused()
		return nil
	case name == "r" && counts:
		s.out.say(func(d *due) { d.answer = true })
		return nil
	case name == "a" && counts:
		h, ok := stream.ParseCount(el, "h")
		if !ok {
			return fmt.Errorf("client: an acknowledgement without a number: %w", stream.BadFormat)
		}
		return s.out.acknowledged(h)
	}
	return fmt.Errorf("client: <%.40s/> of stream management: %w", el.Local(), stream.UnsupportedStanzaType)
}
