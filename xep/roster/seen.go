package roster

import (
	"context"
	"slices"
	"sync"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// seen keeps which resources of remote contacts are available to the services, as an account's own client would. Local
// ones are known from their sessions.
type seen struct {
	limit int // resources in all

	mu    sync.Mutex
	full  map[acquaintance][]jid.JID
	count int
}

type acquaintance struct{ service, contact jid.JID } // bare

// perContact bounds what one contact can take of the limit.
const perContact = 16

// Present returns the full addresses at which a contact of a service is available, as far as is known. The last that
// became available comes first.
func (s *service) Present(service, contact jid.JID) []jid.JID {
	contact = contact.Bare()
	if !s.local(contact) {
		return s.seen.of(service, contact)
	}
	var all []jid.JID
	for x := range s.available(contact) {
		all = append(all, x.JID())
	}
	return all
}

// note keeps the presence of a remote contact of a service. Of anybody else it keeps nothing.
func (s *service) note(ctx context.Context, service jid.JID, st *stanza.Stanza) error {
	contact := st.From.Bare()
	switch {
	case s.local(contact):
		return nil
	case st.Type == stanza.Unavailable:
		s.seen.drop(service, st.From)
		return nil
	case !st.From.IsFull() || s.seen.refresh(service, st.From):
		return nil
	}
	i, err := s.item(ctx, service, contact)
	if err == nil && i.state.has(to) {
		s.seen.add(service, st.From)
	}
	return err
}

func (n *seen) of(service, contact jid.JID) []jid.JID {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.full[acquaintance{service, contact}])
}

// refresh puts a known resource first, and reports whether it is known.
func (n *seen) refresh(service, full jid.JID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.full[acquaintance{service, full.Bare()}]
	i := slices.Index(all, full)
	if i < 0 {
		return false
	}
	copy(all[1:], all[:i])
	all[0] = full.Clone()
	return true
}

// add keeps a resource if there is room.
func (n *seen) add(service, full jid.JID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	full = full.Clone()
	key := acquaintance{service.Clone(), full.Bare()}
	all := n.full[key]
	if n.count >= n.limit || len(all) >= perContact || slices.Contains(all, full) {
		return
	}
	n.count++
	n.full[key] = slices.Insert(all, 0, full)
}

// drop forgets a resource or, given a bare address, all of a contact.
func (n *seen) drop(service, j jid.JID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := acquaintance{service, j.Bare()}
	all := n.full[key]
	left := slices.DeleteFunc(slices.Clone(all), func(full jid.JID) bool { return j.IsBare() || full == j })
	n.count -= len(all) - len(left)
	if len(left) == 0 {
		delete(n.full, key)
		return
	}
	n.full[key] = left
}
