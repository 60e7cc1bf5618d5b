package sm

import (
	"slices"
	"testing"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// sender is a session with a client that has been sent so many stanzas.
type sender struct {
	module.Session
	sent, acked uint32
}

func (s *sender) Acked(h uint32) error { s.acked = h; return nil }
func (s *sender) Unacked() int         { return int(s.sent - s.acked) }
func (s *sender) Sent() uint32         { return s.sent }

// wire is the stream of a sender.
type wire struct {
	module.Stream
	session *sender
	said    []string
}

func (w *wire) Session() module.Session { return w.session }
func (w *wire) Send(it xmlstream.Appender) {
	w.said = append(w.said, string(it.AppendXML(nil, stanza.Client)))
}

// A client is asked again where more was sent meanwhile, but not while it is still busy with the same. XEP-0198#acking
func TestAsksAgain(t *testing.T) {
	s := &service{settings: &Settings{}, managed: map[module.Session]*managed{}}
	w := &wire{session: &sender{sent: 5}}
	m := &managed{asked: true}
	s.managed[w.session] = m
	defer s.forget(w.session)
	for _, step := range []struct {
		h     uint32
		again bool
	}{{0, false}, {3, true}, {3, false}, {4, true}, {5, false}} {
		m.asked, w.said = true, nil
		if err := s.handle(t.Context(), w, acknowledges(step.h)); err != nil {
			t.Fatal(err)
		}
		if asked := slices.Contains(w.said, request.String()); asked != step.again || m.asked != asked {
			t.Errorf("h=%d: asked again %v, remembers %v", step.h, asked, m.asked)
		}
	}
}

// One request is under way at a time; but a client that is sent much more is asked once more, and so is one that has resumed meanwhile
// and is sent some of it again: the request was lost with the connection. XEP-0198#acking
func TestAsksOnce(t *testing.T) {
	s := &service{settings: &Settings{}, managed: map[module.Session]*managed{}}
	to := &sender{}
	s.managed[to] = &managed{}
	for _, step := range []struct {
		sent  uint32
		asked bool
	}{{0, false}, {1, true}, {2, false}, {100, false}, {101, true}, {102, false}, {90, true}, {91, false}} {
		to.sent = step.sent
		if asked := s.writing(to) != nil; asked != step.asked {
			t.Errorf("%d sent: asked %v", step.sent, asked)
		}
	}
}

func acknowledges(h uint32) *xmlstream.Element { return xmlstream.New(NS, "a", number("h", h)) }
