package router

import (
	"strconv"
	"strings"
	"time"

	"github.com/comity-iot/comity/cluster"
	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server/session"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// away is a session of another node as the features see it: its address, its presence, and what can be sent to it. What only the node
// that has it knows or may do is empty here.
type away struct {
	router *Router
	at     cluster.Session
}

var _ module.Session = away{}

// JID implements module.Session.
func (a away) JID() jid.JID { return a.at.JID }

// Presence implements module.Session.
func (a away) Presence() *stanza.Stanza { return a.at.Presence }

// Priority implements module.Session. RFC 6121 §4.7.2.3
func (a away) Priority() int8 {
	if a.at.Presence == nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(a.at.Presence.Child(stanza.Client, "priority").Text()), 10, 8)
	if err != nil {
		return 0
	}
	return int8(n)
}

// Send implements module.Session.
func (a away) Send(s *stanza.Stanza) {
	if err := a.hand(s); err != nil {
		a.router.undelivered(a.at.JID, s, nil)
	}
}

// hand sends a stanza to the session, past the rules of routing. After an error it was not taken.
func (a away) hand(s *stanza.Stanza) error {
	return a.router.forward(a.at.Node, sessionLetter(a.at.JID, s))
}

// Close implements module.Session.
func (a away) Close(err error) {
	if err := a.router.forward(a.at.Node, endLetter(a.at.JID, err)); err != nil {
		a.router.log.Warn("session on another node not ended", "session", a.at.JID, "node", a.at.Node, "err", err)
	}
}

// Since implements module.Session.
func (away) Since() time.Time { return time.Time{} }

// Active implements module.Session.
func (away) Active() time.Time { return time.Time{} }

// SetPresence implements module.Session.
func (away) SetPresence(*stanza.Stanza) {}

// Keep implements module.Session.
func (away) Keep(int, time.Duration, xmlstream.Appender) bool { return false }

// Acked implements module.Session.
func (away) Acked(uint32) error { return session.ErrNeverSent }

// Sent implements module.Session.
func (away) Sent() uint32 { return 0 }

// Handled implements module.Session.
func (away) Handled() uint32 { return 0 }

// Unacked implements module.Session.
func (away) Unacked() int { return 0 }
