package router

import (
	"context"
	"sync"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// laneDepth is how many stanzas of one sender may wait for the services.
const laneDepth = 64

// lanes run work off the reader that brings it: that of services one after the other for each sender, that of other nodes one after
// the other for each account.
type lanes struct {
	base  func() context.Context
	depth int // how many may wait in one
	mu    sync.Mutex
	open  map[jid.JID]*lane
	work  sync.WaitGroup
}

type lane struct{ jobs []func(context.Context) }

func (l *lanes) init(ctx context.Context, depth int) {
	l.base, l.depth, l.open = func() context.Context { return ctx }, depth, map[jid.JID]*lane{}
}

// run does job behind the earlier ones of the same lane. It fails where too many wait already.
func (l *lanes) run(from jid.JID, job func(context.Context)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if busy := l.open[from]; busy != nil {
		if len(busy.jobs) >= l.depth {
			return stanza.ResourceConstraint.With("too many requests under way")
		}
		busy.jobs = append(busy.jobs, job)
		return nil
	}
	ln := &lane{jobs: []func(context.Context){job}}
	from = from.Clone()
	l.open[from] = ln
	l.work.Go(func() { l.drain(from, ln) })
	return nil
}

func (l *lanes) drain(from jid.JID, ln *lane) {
	for {
		l.mu.Lock()
		if len(ln.jobs) == 0 {
			delete(l.open, from)
			l.mu.Unlock()
			return
		}
		job := ln.jobs[0]
		ln.jobs[0], ln.jobs = nil, ln.jobs[1:] // the queue must not hold on to what it has done
		l.mu.Unlock()
		job(l.base())
	}
}
