package client

import (
	"time"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// nsPing is the namespace of XEP-0199.
const nsPing = "urn:xmpp:ping"

// watch knows when to break a silence. The reader alone uses it, whenever its read deadline runs out: nothing is done for each
// stanza but to note the time.
type watch struct {
	keepAlive time.Duration // our silence that may last
	ping      time.Duration // the server's
	patience  time.Duration // for its answer

	heard    time.Time
	asked    time.Time // when the ping was sent that nothing has been heard since; zero for none
	spoken   time.Time // when we spoke last, or meant to
	buffered int       // of an element under way, at the last look
}

// hear notes that the server is there.
func (w *watch) hear(now time.Time) { w.heard, w.asked = now, time.Time{} }

// due says whether to send a space (RFC 6120 §4.6.1) or a ping, said being when anything was sent last. The error is ErrSilent
// where the last ping was one too many.
func (w *watch) due(now, said time.Time) (space, ping bool, err error) {
	if said.After(w.spoken) {
		w.spoken = said
	}
	switch {
	case !w.asked.IsZero():
		if now.Sub(w.asked) >= w.patience {
			return false, false, ErrSilent
		}
	case w.ping > 0 && now.Sub(w.heard) >= w.ping:
		ping = true
		w.asked, w.spoken = now, now
	}
	if w.keepAlive > 0 && now.Sub(w.spoken) >= w.keepAlive {
		space = true
		w.spoken = now
	}
	return space, ping, nil
}

// next returns when to look again, zero for never.
func (w *watch) next() (t time.Time) {
	sooner := func(at time.Time) {
		if t.IsZero() || at.Before(t) {
			t = at
		}
	}
	if w.keepAlive > 0 {
		sooner(w.spoken.Add(w.keepAlive))
	}
	switch {
	case !w.asked.IsZero():
		sooner(w.asked.Add(w.patience))
	case w.ping > 0:
		sooner(w.heard.Add(w.ping))
	}
	return t
}

// ping has the server say something. Any answer will do, and so will anything else that comes. XEP-0199#c2s
func (s *Session) ping() {
	if s.in.counting() { // the smaller question. XEP-0198#scenarios-efficient
		s.out.say(func(d *due) { d.ask = true })
		return
	}
	iq := stanza.IQ{Type: stanza.Get, ID: stream.NewID(), To: s.jid.DomainJID(), Payload: xmlstream.New(nsPing, "ping")}
	s.out.offer(iq.Stanza()) // where there is no room, more than this waits to be written
}

func isPing(st *stanza.Stanza) bool {
	return st.Kind == stanza.IQKind && st.Type == stanza.Get && st.Content.Len() == 1 && st.Content.Has(nsPing, "ping")
}

// whitespace keeps the connection known to what is between: RFC 6120 §4.6.1.
type whitespace struct{}

// AppendXML implements xmlstream.Appender.
func (whitespace) AppendXML(dst []byte, _ string) []byte { return append(dst, ' ') }
