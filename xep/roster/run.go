package roster

import (
	"context"
	"sync"

	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// removals are accounts that were removed and whose contacts are still to be told. They cannot be told in the transaction
// nor in what follows its commit: that writes to the rosters of contacts on this broker.
type removals struct {
	wake chan struct{}

	mu      sync.Mutex
	waiting []removal
}

type removal struct {
	owner     jid.JID
	available []jid.JID // full addresses that contacts know of
	contacts  []item
}

func newRemovals() removals { return removals{wake: make(chan struct{}, 1)} }

// removed is the hook that deletes a roster with its account.
func (s *service) removed(tx *store.Tx, owner jid.JID) error {
	if owner.DomainJID() != s.host.Domain {
		return nil // another domain of the broker, with a service of its own
	}
	roster, err := readRoster(tx, owner)
	if err != nil {
		return err
	}
	if err := deleteOwner(tx, owner); err != nil {
		return err
	}
	now := store.Micros(s.host.Now())
	tx.AfterCommit(func() {
		gone := removal{owner: owner, contacts: roster.items}
		if a := s.account(owner); a != nil {
			gone.available = a.clear(max(roster.revision+1, now))
		}
		s.removals.add(gone)
	})
	return nil
}

// clear empties the roster in memory, and returns the addresses of the sessions that were broadcast.
func (a *account) clear(revision int64) (announced []jid.JID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.roster = &snapshot{revision: revision, version: revision}
	a.revision = revision
	a.pushes = nil
	for _, r := range a.resources {
		if r.announced {
			announced = append(announced, r.session.JID())
		}
	}
	return announced
}

func (q *removals) add(r removal) {
	q.mu.Lock()
	q.waiting = append(q.waiting, r)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default: // it is awake
	}
}

func (q *removals) take() []removal {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.waiting
	q.waiting = nil
	return all
}

// run asks, once, for the presence of the services' contacts, and then tells contacts of removed accounts.
func (s *service) run(ctx context.Context) error {
	for _, i := range s.host.Directory.Items() {
		if err := s.probeAll(ctx, i.JID); err != nil && ctx.Err() == nil {
			s.host.Log.Error("contacts of a service not probed", "service", i.JID, "err", err)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.removals.wake:
			for _, r := range s.removals.take() {
				s.farewell(ctx, r)
			}
		}
	}
}

// farewell ends all subscriptions of an account that was removed.
func (s *service) farewell(ctx context.Context, gone removal) {
	for _, c := range gone.contacts {
		if c.state.has(from) {
			for _, full := range gone.available {
				s.say(ctx, stanza.Unavailable, full, c.jid)
			}
		}
		if c.state&(from|pendingIn) != 0 {
			s.say(ctx, stanza.Unsubscribed, gone.owner, c.jid)
		}
		if c.state&(to|pendingOut) != 0 {
			s.say(ctx, stanza.Unsubscribe, gone.owner, c.jid)
		}
	}
}

// probePage is how many contacts of a service are read at a time.
const probePage = 256

// probeAll asks for the presence of all remote contacts of a service. RFC 6121 §4.2.2
func (s *service) probeAll(ctx context.Context, service jid.JID) error {
	for behind := ""; ctx.Err() == nil; {
		var page []record
		err := s.host.DB.View(ctx, func(tx *store.Tx) (err error) {
			page, err = readPage(tx, service, behind, probePage)
			return err
		})
		if err != nil || len(page) == 0 {
			return err
		}
		for _, c := range page {
			if c.state.has(to) && !s.local(c.jid) {
				p := stanza.NewPresence(c.jid, stanza.Probe)
				p.From, p.ID = service, probeID
				s.host.Network.Send(ctx, p)
			}
		}
		behind = page[len(page)-1].jid.String()
	}
	return nil
}
