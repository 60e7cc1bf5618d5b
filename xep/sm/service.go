package sm

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Settings are what an operator may say about stream management.
type Settings struct {
	Unacked int           `toml:"unacked" doc:"Stanzas that a client is sent before it acknowledges some; what is above waits."`
	Resume  time.Duration `toml:"resume" doc:"Time that a session waits to be resumed after its connection was lost, at most."`
}

// Module is stream management as a feature.
func Module() module.Def {
	settings := &Settings{Unacked: 2000, Resume: 10 * time.Minute}
	return module.Def{
		Name:   "sm",
		Title:  "Stream management: acknowledgements, and sessions that survive a lost connection",
		Specs:  []module.Spec{{ID: "XEP-0198", Version: "1.6.3", Missing: "the attribute location"}},
		Config: settings,
		Init: func(h *module.Host) (*module.Hooks, error) {
			if settings.Unacked < 1 {
				return nil, errors.New("sm.unacked: at least one stanza has to go unacknowledged, or none can be sent")
			}
			s := &service{settings: settings, host: h, managed: map[module.Session]*managed{}, byID: map[string]module.Session{}}
			return &module.Hooks{
				StreamFeatures: s.features,
				Nonzas:         []module.Nonza{{Name: xmlstream.Name{Space: NS}, Handle: s.handle}},
				Writing:        s.writing,
				Ended:          s.ended,
			}, nil
		},
	}
}

type service struct {
	settings *Settings
	host     *module.Host

	mu      sync.Mutex
	managed map[module.Session]*managed
	byID    map[string]module.Session
	gone    graves
}

// managed is a session that has stream management on.
type managed struct {
	id    string      // to resume with; empty where the client did not ask for it
	asked bool        // an acknowledgement was asked for and has not come
	at    uint32      // so many stanzas had been sent then
	acked uint32      // the last acknowledgement that came
	again *time.Timer // to ask a client that has no room; nil for none
}

func (s *service) features(st module.Stream) []*xmlstream.Element {
	if st.Account().IsZero() {
		return nil
	}
	return []*xmlstream.Element{xmlstream.New(NS, "sm")}
}

// handle does what the client says about acknowledgements.
func (s *service) handle(_ context.Context, st module.Stream, el *xmlstream.Element) error {
	switch el.Local() {
	case "enable":
		s.enable(st, el)
		return nil
	case "resume":
		s.resume(st, el)
		return nil
	}
	sess := st.Session()
	if sess == nil || s.get(sess) == nil {
		return stream.UnsupportedStanzaType
	}
	switch el.Local() {
	case "r":
		st.Send(xmlstream.New(NS, "a", number("h", sess.Handled())))
		return nil
	case "a":
		return s.acked(st, sess, el)
	}
	return stream.UnsupportedStanzaType
}

func (s *service) get(sess module.Session) *managed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.managed[sess]
}

// enable turns stream management on for a bound session. XEP-0198#enable
func (s *service) enable(st module.Stream, el *xmlstream.Element) {
	sess := st.Session()
	if sess == nil {
		st.Send(failed("unexpected-request"))
		return
	}
	m := &managed{}
	enabled := xmlstream.New(NS, "enabled")
	wait := s.wait(el)
	if wait > 0 {
		m.id = stream.NewID()
		enabled = enabled.With(xmlstream.A("id", m.id), xmlstream.A("resume", "true"),
			xmlstream.A("max", strconv.Itoa(int(wait/time.Second))))
	}
	s.mu.Lock()
	if s.managed[sess] != nil {
		s.mu.Unlock()
		st.Send(failed("unexpected-request"))
		return
	}
	s.managed[sess] = m
	if m.id != "" {
		s.byID[m.id] = sess
	}
	s.mu.Unlock()
	if !sess.Keep(s.settings.Unacked, wait, enabled) {
		s.forget(sess) // it ended meanwhile
	}
}

// wait returns how long a session waits to be resumed: as long as the client wants it to, but not longer than the settings allow; 0
// where it is not to be resumed.
func (s *service) wait(enable *xmlstream.Element) time.Duration {
	if resume := enable.Attr("resume"); resume != "true" && resume != "1" {
		return 0
	}
	wait := s.settings.Resume.Truncate(time.Second)
	if secs, err := strconv.ParseUint(enable.Attr("max"), 10, 31); err == nil {
		wait = min(wait, time.Duration(secs)*time.Second)
	}
	return wait
}

// resume continues an earlier session on a stream that has none yet. XEP-0198#resumption
func (s *service) resume(st module.Stream, el *xmlstream.Element) {
	if st.Account().IsZero() || st.Session() != nil {
		st.Send(failed("unexpected-request"))
		return
	}
	id := el.Attr("previd")
	h, ok := parseNumber(el)
	if !ok {
		st.Send(failed("bad-request"))
		return
	}
	sess := s.find(id, st.Account())
	if sess == nil {
		st.Send(s.notFound(id, st.Account()))
		return
	}
	err := st.Resume(sess, h, func(handled uint32) xmlstream.Appender {
		s.resumed(sess)
		return xmlstream.New(NS, "resumed", number("h", handled), xmlstream.A("previd", id))
	})
	if err != nil {
		s.host.Log.Debug("resumption refused", "account", st.Account(), "err", err)
		st.Send(s.notFound(id, st.Account()))
	}
}

// resumed forgets that the client was asked for an acknowledgement: it was, on the old connection.
func (s *service) resumed(sess module.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.managed[sess]; m != nil {
		m.asked = false
	}
}

// find returns the session of an account that can be resumed with id, or nil.
func (s *service) find(id string, account jid.JID) module.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	sess := s.byID[id]
	if sess == nil || sess.JID().Bare() != account {
		return nil
	}
	return sess
}

// notFound refuses to resume, and says how many stanzas were handled where the session has ended. XEP-0198#resumption
func (s *service) notFound(id string, account jid.JID) *xmlstream.Element {
	s.mu.Lock()
	handled, ended := s.gone.find(id, account, s.host.Now())
	s.mu.Unlock()
	if !ended {
		return failed("item-not-found")
	}
	return failed("item-not-found", number("h", handled))
}

// acked takes the client's acknowledgement. XEP-0198#acking
func (s *service) acked(st module.Stream, sess module.Session, el *xmlstream.Element) error {
	h, ok := parseNumber(el)
	if !ok {
		return stream.BadFormat
	}
	if err := sess.Acked(h); err != nil {
		tooHigh := xmlstream.New(NS, "handled-count-too-high", number("h", h), number("send-count", sess.Sent()))
		return &stream.Error{Condition: stream.UndefinedCondition, App: tooHigh}
	}
	sent, unacked := sess.Sent(), sess.Unacked()
	again := false
	s.mu.Lock()
	if m := s.managed[sess]; m != nil {
		// What was sent after the request that this answers is asked for now; but who is still busy with what it has got is not asked
		// over and over: behind the next write, or in a while, for where it has room for nothing more there is no write.
		again = unacked > 0 && h != m.acked
		m.asked, m.acked, m.at = again, h, sent
		if unacked > 0 && !again {
			m.later(func() { s.askAgain(st, sess) })
		}
	}
	s.mu.Unlock()
	if again {
		st.Send(request)
	}
	return nil
}

// askAgain asks for an acknowledgement where there is still something to acknowledge, and nobody has asked.
func (s *service) askAgain(st module.Stream, sess module.Session) {
	unacked, sent := sess.Unacked(), sess.Sent()
	s.mu.Lock()
	m := s.managed[sess]
	ask := m != nil && !m.asked && unacked > 0
	if ask {
		m.asked, m.at = true, sent
	}
	s.mu.Unlock()
	if ask {
		st.Send(request)
	}
}

// patience is for how long a client that is busy is left alone.
const patience = 5 * time.Second

// later does something after patience, unless the session has ended by then. The service's mu is held.
func (m *managed) later(do func()) {
	if m.again != nil {
		m.again.Stop()
	}
	m.again = time.AfterFunc(patience, do)
}

// repeat is how many stanzas are sent behind a request before there is another: the first may have been lost with its connection.
const repeat = 100

// writing asks for an acknowledgement behind what is written, one at a time.
func (s *service) writing(sess module.Session) xmlstream.Appender {
	m := s.get(sess)
	if m == nil || sess.Unacked() == 0 {
		return nil
	}
	sent := sess.Sent()
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.asked && sent-m.at < repeat {
		return nil
	}
	m.asked, m.at = true, sent
	return request
}

// ended forgets a session, but not how much of the client's was handled.
func (s *service) ended(sess module.Session) {
	if m := s.forget(sess); m != nil && m.id != "" {
		s.mu.Lock()
		s.gone.bury(m.id, sess.JID().Bare(), sess.Handled(), s.host.Now())
		s.mu.Unlock()
	}
}

func (s *service) forget(sess module.Session) *managed {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.managed[sess]
	if m != nil {
		delete(s.managed, sess)
		delete(s.byID, m.id)
		if m.again != nil {
			m.again.Stop()
		}
	}
	return m
}
