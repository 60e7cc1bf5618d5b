package command

import (
	"sync"
	"time"

	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
)

// maxStages bounds the forms of one command.
const maxStages = 32

// session is a command under way, between one party and one address. XEP-0050#impl-session
type session struct {
	id, node  string
	asker, at jid.JID
	shown     []*form.Form // so far, for going back; an entry may be nil
	used      time.Time
}

func newSession(iq *stanza.IQ, node string) *session {
	return &session{id: stream.NewID(), node: node, asker: iq.From.Clone(), at: iq.To.Clone()}
}

func (s *session) last() *form.Form { return s.shown[len(s.shown)-1] }

// submitted judges what was filled in by the form that was shown. Its hidden fields keep the values that they were shown with, whatever
// the client says: a command may keep its state there. XEP-0050#impl-forms
func (s *session) submitted(filled *form.Form) (*form.Form, error) {
	shown := s.last()
	if shown == nil || shown.Type != form.TypeForm {
		return &form.Form{Type: form.TypeSubmit}, nil
	}
	if filled == nil {
		return nil, refusal(stanza.BadRequest, "bad-payload", "the form is missing")
	}
	submit := *filled
	submit.Type = form.TypeSubmit // a canceled form counts as submitted
	submit.Fields = append([]form.Field(nil), filled.Fields...)
	for _, f := range shown.Fields {
		if f.Type == form.Hidden {
			submit.Set(f.Var, f.Values...)
		}
	}
	if err := shown.Check(&submit); err != nil {
		return nil, refusal(stanza.BadRequest, "bad-payload", stanza.AsError(err).Text)
	}
	return &submit, nil
}

// sessions holds those that wait for their next form.
type sessions struct {
	config *settings

	mu  sync.Mutex
	all map[string]*session // by id
}

func newSessions(config *settings) *sessions {
	return &sessions{config: config, all: map[string]*session{}}
}

// take removes and returns the session with that id, which must be of the same parties and command.
func (ss *sessions) take(id string, iq *stanza.IQ, node string, now time.Time) (*session, error) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	s := ss.all[id]
	switch {
	case s == nil && len(id) != len(stream.NewID()), // none of ours, ever
		s != nil && (s.asker != iq.From || s.at != iq.To || s.node != node):
		return nil, refusal(stanza.BadRequest, "bad-sessionid", "")
	case s == nil || ss.expired(s, now):
		return nil, refusal(stanza.NotAllowed, "session-expired", "")
	}
	delete(ss.all, id)
	return s, nil
}

func (ss *sessions) expired(s *session, now time.Time) bool { return now.Sub(s.used) > ss.config.Idle }

// put lets a session wait. It ends those that have waited too long, and the oldest of an account that has too many.
func (ss *sessions) put(s *session, now time.Time) error {
	s.used = now
	ss.mu.Lock()
	defer ss.mu.Unlock()
	var oldest *session
	own := 0
	for id, o := range ss.all {
		if ss.expired(o, now) {
			delete(ss.all, id)
			continue
		}
		if o.asker.Bare() == s.asker.Bare() {
			own++
			if oldest == nil || o.used.Before(oldest.used) {
				oldest = o
			}
		}
	}
	if own >= ss.config.Sessions && oldest != nil {
		delete(ss.all, oldest.id)
	}
	if len(ss.all) >= ss.config.SessionsIn {
		return stanza.ResourceConstraint.With("too many commands under way")
	}
	ss.all[s.id] = s
	return nil
}
