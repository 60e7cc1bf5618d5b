package client

import (
	"fmt"
	"slices"
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// acks is the sender's half of stream management: what the server has not acknowledged, in the order in which it was sent. It is
// guarded by outbox.mu.
type acks struct {
	on        bool // stanzas are kept: the server offers to count, and has not refused
	confirmed bool // the server has said <enabled/>, and may be asked
	resume    bool // to be asked for
	kept      []entry
	sent      uint32 // the number of the newest of them, which wraps
	asked     bool   // an acknowledgement was asked for and has not come
}

// request asks the server for an acknowledgement. XEP-0198#acking
var request = xmlstream.New(stream.NSSM, "r")

func acknowledgement(h uint32) *xmlstream.Element {
	return xmlstream.New(stream.NSSM, "a", stream.Count("h", h))
}

// enable asks the server to count what comes behind it. XEP-0198#enable
func (a *acks) enable() *xmlstream.Element {
	el := xmlstream.New(stream.NSSM, "enable")
	if a.resume {
		el = el.With(xmlstream.A("resume", "true"))
	}
	return el
}

// prepare gives a message an id: should it have to be sent again, who gets it twice can tell. XEP-0198#acking
func (a *acks) prepare(e entry) entry {
	if !a.on {
		e.receipt.settle(ErrNoAcks)
		return entry{stanza: e.stanza}
	}
	e.since = time.Now()
	if e.stanza.Kind == stanza.Message && e.stanza.ID == "" {
		named := *e.stanza
		named.ID = stream.NewID()
		e.stanza = &named
	}
	return e
}

// keep holds what is about to be written, before it is. It reports whether it does.
func (a *acks) keep(items []entry) bool {
	if !a.on {
		return false
	}
	a.kept = append(a.kept, items...)
	a.sent += uint32(len(items))
	return true
}

// ask reports whether a request is to go behind what is written: one at a time, which makes for one in a round trip however much is
// sent; or another, where that is wanted.
func (a *acks) ask(another bool) bool {
	if !a.confirmed || !another && (a.asked || len(a.kept) == 0) {
		return false
	}
	a.asked = true
	return true
}

// managed reports whether stream management was asked for and not refused.
func (o *outbox) managed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.acks.on
}

// confirm is for <enabled/>.
func (o *outbox) confirm() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.acks.confirmed = true
	o.due.ask = len(o.acks.kept) > 0
	o.wake()
}

// refused is for <failed/>: nothing is kept, and nobody need wait.
func (o *outbox) refused() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, e := range o.items {
		e.receipt.settle(ErrNoAcks)
		o.items[i].receipt = nil
	}
	for _, e := range o.acks.kept {
		e.receipt.settle(ErrNoAcks)
		<-o.slots
	}
	o.acks = acks{}
}

// acknowledged lets go what the server has handled: all up to the h-th. The error is a miscount. XEP-0198#acking
func (o *outbox) acknowledged(h uint32) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	a := &o.acks
	open := a.sent - h
	if open > uint32(len(a.kept)) {
		return miscount{h, a.sent}
	}
	n := len(a.kept) - int(open)
	for _, e := range a.kept[:n] {
		e.receipt.settle(nil)
		<-o.slots
	}
	a.kept = slices.Delete(a.kept, 0, n)
	a.asked = false
	// What was sent behind the request is asked for now; but not over and over what the server is still busy with.
	o.due.ask = o.due.ask || n > 0 && open > 0
	o.wake()
	return nil
}

// miscount is the error for a server that acknowledges what was not sent, or takes an acknowledgement back.
type miscount struct{ h, sent uint32 }

func (m miscount) Error() string {
	return fmt.Sprintf("client: the server acknowledges stanza %d, and %d were sent", m.h, m.sent)
}

// streamError is what to tell the server. XEP-0198#errors
func (m miscount) streamError() *stream.Error {
	return &stream.Error{
		Condition: stream.UndefinedCondition,
		App:       xmlstream.New(stream.NSSM, "handled-count-too-high", stream.Count("h", m.h), stream.Count("send-count", m.sent)),
	}
}

// resend makes what was sent and not acknowledged wait once more, before everything else. XEP-0198#resumption
func (o *outbox) resend() {
	o.mu.Lock()
	defer o.mu.Unlock()
	a := &o.acks
	o.items = append(a.kept, o.items...)
	a.sent -= uint32(len(a.kept))
	a.kept, a.asked = nil, false
}

// left returns the messages that the server has not acknowledged, oldest first, as a new session is to send them: with a note since
// when (XEP-0203), as whoever it is then. Presence and requests are not among them, which only meant something in their session, and
// nor is what was said to a room. XEP-0198#acking
func (o *outbox) left() []entry {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.acks.on {
		return nil
	}
	var out []entry
	for _, e := range slices.Concat(o.acks.kept, o.items) {
		m := e.stanza
		if m.Kind != stanza.Message || m.Type == stanza.ErrorType || m.Type == stanza.GroupChat {
			continue
		}
		m = m.Addressed(jid.JID{}, m.To)
		if !m.Content.Has(nsDelay, "delay") {
			stamp := e.since.UTC().Format("2006-01-02T15:04:05.000Z") // XEP-0082
			m = m.With(xmlstream.New(nsDelay, "delay", xmlstream.A("stamp", stamp)))
		}
		out = append(out, entry{stanza: m, since: e.since})
	}
	return out
}

// nsDelay is the namespace of XEP-0203.
const nsDelay = "urn:xmpp:delay"
