package registry

import (
	"sync"
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
)

// tries counts what each account does, by the minute. It is for claims in vain, which would be guesses, and for searches, which cost.
type tries struct {
	limit *int // in a minute

	mu sync.Mutex
	of map[jid.JID]*minute
}

type minute struct {
	n     int
	since time.Time
}

// maxTrying bounds how many accounts are watched at a time.
const maxTrying = 10_000

// may reports whether an account has tries left.
func (t *tries) may(who jid.JID, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.of[who]
	return m == nil || now.Sub(m.since) > time.Minute || m.n < *t.limit
}

// count adds a try.
func (t *tries) count(who jid.JID, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.of[who]
	switch {
	case m != nil && now.Sub(m.since) <= time.Minute:
	case len(t.of) >= maxTrying || t.of == nil:
		t.of = map[jid.JID]*minute{}
		fallthrough
	default:
		m = &minute{since: now}
		t.of[who.Clone()] = m
	}
	m.n++
}
