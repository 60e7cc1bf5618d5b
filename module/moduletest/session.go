package moduletest

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Sessions implements module.Sessions.
type Sessions struct {
	clock *Clock
	lost  func(*stanza.Stanza)
	ended func(module.Session)

	mu  sync.Mutex
	all []*Session
}

var _ module.Sessions = (*Sessions)(nil)

func (ss *Sessions) add(full jid.JID) *Session {
	s := &Session{jid: full, since: ss.clock.Now(), sessions: ss}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.all = append(ss.all, s)
	return s
}

// Of implements module.Sessions.
func (ss *Sessions) Of(bare jid.JID) []module.Session {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	var of []module.Session
	for _, s := range ss.all {
		if s.jid.Bare() == bare {
			of = append(of, s)
		}
	}
	return of
}

// Get implements module.Sessions.
func (ss *Sessions) Get(full jid.JID) module.Session {
	for _, s := range ss.Of(full.Bare()) {
		if s.JID() == full {
			return s
		}
	}
	return nil
}

// closeAll ends the sessions of an account that was removed. XEP-0077#usecases-cancel
func (ss *Sessions) closeAll(bare jid.JID) {
	for _, s := range ss.Of(bare) {
		s.Close(stream.NotAuthorized)
	}
}

// Session implements module.Session: what it is sent is kept for the test. It has no stream management: those methods panic.
type Session struct {
	module.Session // nil

	jid      jid.JID
	since    time.Time
	sessions *Sessions

	mu       sync.Mutex
	presence *stanza.Stanza
	priority int8
	received []*stanza.Stanza
	ended    bool
	reason   error
}

var _ module.Session = (*Session)(nil)

// Received takes what the session was sent since the last call.
func (s *Session) Received() []*stanza.Stanza {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.received
	s.received = nil
	return got
}

// Ended reports whether the session was closed, and with which stream error.
func (s *Session) Ended() (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended, s.reason
}

// Lose ends the session as a broken connection does: what it was sent and the test has not taken goes another way.
func (s *Session) Lose() {
	s.Close(nil)
	for _, st := range s.Received() {
		s.sessions.lost(st)
	}
}

func (s *Session) available(priority int8) {
	p := xmlstream.New(stanza.Client, "priority", xmlstream.Text(strconv.Itoa(int(priority))))
	s.mu.Lock()
	s.priority = priority
	s.mu.Unlock()
	s.SetPresence(stanza.NewPresence(jid.JID{}, stanza.Available, p).Addressed(s.jid, jid.JID{}))
}

// JID implements module.Session.
func (s *Session) JID() jid.JID { return s.jid }

// Since implements module.Session.
func (s *Session) Since() time.Time { return s.since }

// Active implements module.Session.
func (s *Session) Active() time.Time { return s.since }

// Presence implements module.Session.
func (s *Session) Presence() *stanza.Stanza {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.presence
}

// Priority implements module.Session.
func (s *Session) Priority() int8 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.priority
}

// SetPresence implements module.Session.
func (s *Session) SetPresence(p *stanza.Stanza) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.presence = p
}

// Send implements module.Session.
func (s *Session) Send(st *stanza.Stanza) {
	s.mu.Lock()
	ended := s.ended
	if !ended {
		s.received = append(s.received, st)
	}
	s.mu.Unlock()
	if ended {
		s.sessions.lost(st)
	}
}

// Close implements module.Session.
func (s *Session) Close(err error) {
	s.mu.Lock()
	was := s.ended
	if !was {
		s.ended, s.reason = true, err
	}
	s.mu.Unlock()
	if was {
		return
	}
	s.sessions.mu.Lock()
	s.sessions.all = slices.DeleteFunc(s.sessions.all, func(o *Session) bool { return o == s })
	s.sessions.mu.Unlock()
	s.sessions.ended(s)
}
