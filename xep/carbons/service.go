package carbons

import (
	"context"
	"slices"
	"sync"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Module is message carbons as a feature.
func Module() module.Def {
	return module.Def{
		Name:  "carbons",
		Title: "Message carbons: all devices of an account see its chats",
		Specs: []module.Spec{{ID: "XEP-0280", Version: "1.0.1", Missing: "errors that come back for a copied message"}},
		Init: func(h *module.Host) (*module.Hooks, error) {
			s := &service{host: h, on: map[jid.JID]struct{}{}}
			handle := func(local string, on bool) module.IQ {
				return module.IQ{
					Name: xmlstream.Name{Space: NS, Local: local}, On: []module.Place{module.Own},
					Handle: func(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) { return nil, s.set(iq, on) },
				}
			}
			return &module.Hooks{
				IQ:        []module.IQ{handle("enable", true), handle("disable", false)},
				Announce:  []module.Announcement{{On: module.Domain, Features: []string{NS}}, {On: module.Account, Features: []string{NS}}},
				Sent:      s.sent,
				Delivered: s.delivered,
				Ended:     func(sess module.Session) { s.switchTo(sess.JID(), false) },
			}, nil
		},
	}
}

type service struct {
	host *module.Host

	mu sync.RWMutex
	on map[jid.JID]struct{} // full JIDs of the sessions that want copies
}

// set turns copies on or off for the asking session. XEP-0280#enabling, XEP-0280#disabling
func (s *service) set(iq *stanza.IQ, on bool) error {
	if iq.Type != stanza.Set {
		return stanza.BadRequest
	}
	s.switchTo(iq.From, on)
	if s.host.Sessions.Get(iq.From) == nil { // asked last, for the session may end meanwhile
		s.switchTo(iq.From, false)
		return stanza.NotAllowed // not a session of this broker
	}
	return nil
}

func (s *service) switchTo(full jid.JID, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if on {
		s.on[full.Clone()] = struct{}{}
	} else {
		delete(s.on, full)
	}
}

// sent copies what a session sent to the account's other sessions. What it sent to its own account was delivered to them, or copied
// then.
func (s *service) sent(from module.Session, m *stanza.Stanza) {
	if account := from.JID().Bare(); m.To.Bare() != account {
		s.copy(sent, account, m, []module.Session{from})
	}
}

// delivered copies what came for an account to those of its sessions that did not get it.
func (s *service) delivered(account jid.JID, m *stanza.Stanza, to []module.Session) {
	s.copy(received, account, m, to)
}

// copy makes the copy once, for all sessions of the account that want it, but not who sent it nor those named.
func (s *service) copy(direction string, account jid.JID, m *stanza.Stanza, not []module.Session) {
	s.mu.RLock()
	any := len(s.on) > 0
	s.mu.RUnlock()
	if !any || !eligible(direction, m) {
		return
	}
	var copied *stanza.Stanza
	for _, sess := range s.host.Sessions.Of(account) {
		if !s.wants(sess) || slices.Contains(not, sess) || sess.JID() == m.From {
			continue
		}
		if copied == nil {
			copied = wrap(direction, m, account)
		}
		sess.Send(copied.Addressed(sess.JID().Bare(), sess.JID()))
	}
}

func (s *service) wants(sess module.Session) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ok := s.on[sess.JID()]
	return ok
}
