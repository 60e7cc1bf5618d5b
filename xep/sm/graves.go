package sm

import (
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
)

// graves remember for a while how many stanzas were handled in sessions that have ended, so that a client which comes too late
// knows what to send again. XEP-0198#resumption
type graves struct {
	byID  map[string]grave
	order []string // oldest first
}

type grave struct {
	account jid.JID
	handled uint32
	until   time.Time
}

const (
	maxGraves  = 10_000
	graveLasts = time.Hour
)

func (g *graves) bury(id string, account jid.JID, handled uint32, now time.Time) {
	if g.byID == nil {
		g.byID = map[string]grave{}
	}
	for len(g.order) > 0 && (len(g.order) >= maxGraves || now.After(g.byID[g.order[0]].until)) {
		delete(g.byID, g.order[0])
		g.order = g.order[1:]
	}
	g.byID[id] = grave{account, handled, now.Add(graveLasts)}
	g.order = append(g.order, id)
}

func (g *graves) find(id string, account jid.JID, now time.Time) (handled uint32, ok bool) {
	b, ok := g.byID[id]
	if !ok || b.account != account || now.After(b.until) {
		return 0, false
	}
	return b.handled, true
}
