package sensordata

import (
	"sync"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// maxWaiting bounds the readings, errors and states in an inbox that nobody took yet.
const maxWaiting = 2 * MaxReadings

// inbox takes updates of one request from the goroutine that reads the session, which must not wait.
type inbox struct {
	from  jid.JID
	id    string
	g     iot.Generation
	space string
	wake  chan struct{} // has a value while something waits

	mu      sync.Mutex
	waiting []*Update
	size    int
	err     error
}

func newInbox(from jid.JID, id string, g iot.Generation) *inbox {
	return &inbox{from: from, id: id, g: g, space: Family.NS(g), wake: make(chan struct{}, 1)}
}

// elements returns the names of the elements that messages may bring.
func (b *inbox) elements() []string {
	if b.g == iot.XSF {
		return []string{elemFields, elemFailure, elemStarted, elemDone, elemCancelled}
	}
	return []string{elemResponse, elemStarted, elemDone, elemAccepted}
}

// message takes what a message holds, if it comes from the thing. To the server a bare address may stand for a full one.
func (b *inbox) message(m *stanza.Stanza) {
	if m.Type == stanza.ErrorType || m.From != b.from && !(b.from.IsBare() && m.From.Bare() == b.from) {
		return
	}
	for _, local := range b.elements() {
		if el := m.Child(b.space, local); el != nil {
			b.element(el)
			return
		}
	}
}

// element takes an update, if it is of the request. nil, which is an empty result, stands for accepted.
func (b *inbox) element(el *xmlstream.Element) {
	if el == nil {
		b.put(&Update{ID: b.id, State: Accepted}, nil)
		return
	}
	g, ok := Family.Of(el.Space())
	if !ok {
		g = b.g
	}
	if el.Attr(namesOf(g).id) == b.id {
		b.put(ParseUpdateAs(el, g))
	}
}

// put adds an update or an error, behind which nothing counts.
func (b *inbox) put(u *Update, err error) {
	b.mu.Lock()
	switch {
	case b.err != nil:
	case err != nil:
		b.err = err
	case b.size+u.Report.Len() >= maxWaiting:
		b.err = stanza.ResourceConstraint.With("the thing tells more than is taken")
	default:
		b.size += 1 + u.Report.Len()
		b.waiting = append(b.waiting, u)
	}
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take returns what waits, and what went wrong behind it.
func (b *inbox) take() ([]*Update, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	updates := b.waiting
	b.waiting, b.size = nil, 0
	return updates, b.err
}
