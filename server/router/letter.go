package router

import (
	"bytes"
	"errors"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// letter is what the router of one node sends to that of another. On the way it is the kind, the session's full JID and a NUL unless
// it is toRoute, and the rest: a stanza, or the condition of a stream error, which may be empty.
type letter struct {
	kind    byte
	session jid.JID        // unless toRoute
	stanza  *stanza.Stanza // unless toEnd
	end     error          // of toEnd, nil for none
}

const (
	toRoute   = 'r' // a stanza goes where the rules of routing say
	toSession = 's' // a stanza goes to the session, past these rules
	toEnd     = 'e' // the session is to end
)

func routeLetter(s *stanza.Stanza) []byte { return s.AppendXML([]byte{toRoute}, "") }

func sessionLetter(full jid.JID, s *stanza.Stanza) []byte {
	return s.AppendXML(address(toSession, full), "")
}

func endLetter(full jid.JID, err error) []byte {
	b := address(toEnd, full)
	if err == nil {
		return b
	}
	if e := stream.AsError(err); e != nil {
		return append(b, e.Condition...)
	}
	return append(b, stream.InternalServerError...)
}

func address(kind byte, full jid.JID) []byte {
	b := append([]byte{kind}, full.String()...)
	return append(b, 0) // which no address has
}

// account is whose letter it is: those for one account are opened in their order.
func (l *letter) account() jid.JID {
	if l.kind == toRoute {
		return l.stanza.To.Bare()
	}
	return l.session.Bare()
}

var errLetter = errors.New("router: not a letter")

func parseLetter(b []byte) (l letter, err error) {
	if len(b) == 0 {
		return l, errLetter
	}
	l.kind = b[0]
	rest := b[1:]
	switch l.kind {
	case toRoute:
	case toSession, toEnd:
		full, after, ok := bytes.Cut(rest, []byte{0})
		if !ok {
			return l, errLetter
		}
		if l.session, err = jid.Parse(string(full)); err != nil {
			return l, err
		}
		rest = after
	default:
		return l, errLetter // a younger node's
	}
	if l.kind == toEnd {
		if len(rest) > 0 {
			l.end = stream.Condition(rest)
		}
		return l, nil
	}
	if l.stanza, err = parseStanza(rest); err != nil {
		return l, err
	}
	if l.kind == toRoute && (l.stanza.To.IsZero() || l.stanza.From.IsZero()) {
		return l, errLetter
	}
	return l, nil
}

// parseStanza reads a stanza that another node has read before, within its limits.
func parseStanza(b []byte) (*stanza.Stanza, error) {
	const all = 1 << 30
	t := xmlstream.NewTokenizer(xmlstream.Limits{Bytes: all, Depth: all, Attrs: all, Nodes: all})
	if err := t.Document(b); err != nil {
		return nil, err
	}
	s, ok, err := stanza.Read(t)
	if err == nil && !ok {
		err = errLetter
	}
	return s, err
}
