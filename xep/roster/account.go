package roster

import (
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// account is what is kept of an account from its first session to its last.
type account struct {
	owner jid.JID // bare

	mu        sync.Mutex
	resources []*resource
	roster    *snapshot // nil until it is first needed
	revision  int64     // of the last commit that was heard of
	pushes    []push    // to send, oldest first
	pushing   bool      // somebody sends them
}

// resource is what is kept of a session. The mu of its account guards it.
type resource struct {
	session module.Session

	interested bool   // it has asked for the roster, and gets pushes. RFC 6121 §2.2
	version    int64  // of the roster that it was given
	asked      string // id of its request while the answer is on its way
	holding    bool   // pushes wait in held, until the answer is ahead of them
	held       []*stanza.Stanza

	announced bool      // its presence was broadcast
	directed  []jid.JID // others that were sent it. RFC 6121 §4.6
	busy      int       // calls of Out under way
	ended     bool
}

// push is a change on its way to the owner's clients.
type push struct {
	version int64
	content xmlstream.Content
}

// bound is the hook for a new session.
func (s *service) bound(x module.Session) {
	owner := x.JID().Bare()
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[owner]
	if a == nil {
		a = &account{owner: owner}
		s.accounts[owner] = a
	}
	a.mu.Lock()
	a.resources = append(a.resources, &resource{session: x})
	a.mu.Unlock()
}

// ended is the hook for a session that is gone. The roster is dropped with the last one.
func (s *service) ended(x module.Session) {
	s.Gone(context.Background(), x) // what it sent to others than contacts the router does not know
	owner := x.JID().Bare()
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[owner]
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.resources = slices.DeleteFunc(a.resources, func(r *resource) bool {
		if r.session != x {
			return false
		}
		if r.holding {
			r.holding = false
			s.holding.Add(-1)
		}
		return true
	})
	if len(a.resources) == 0 {
		delete(s.accounts, owner)
	}
}

// account returns nil where the owner has no sessions.
func (s *service) account(owner jid.JID) *account {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.accounts[owner]
}

// find returns the account and resource of a session, or nil for one that has ended.
func (s *service) find(full jid.JID) (*account, *resource) {
	a := s.account(full.Bare())
	if a == nil {
		return nil, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.resources {
		if r.session.JID() == full {
			return a, r
		}
	}
	return nil, nil
}

// interested gives the sessions that have asked for the roster. RFC 6121 §2.2
func (a *account) interested() []module.Session {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []module.Session
	for _, r := range a.resources {
		if r.interested {
			all = append(all, r.session)
		}
	}
	return all
}

// available yields the sessions of an owner that have broadcast their presence, and that presence.
func (s *service) available(owner jid.JID) iter.Seq2[module.Session, *stanza.Stanza] {
	return func(yield func(module.Session, *stanza.Stanza) bool) {
		for _, x := range s.host.Sessions.Of(owner) {
			if p := x.Presence(); p != nil && !yield(x, p) {
				return
			}
		}
	}
}

// read returns a roster as it is stored.
func (s *service) read(ctx context.Context, owner jid.JID) (roster *snapshot, err error) {
	err = s.host.DB.View(ctx, func(tx *store.Tx) (err error) {
		roster, err = readRoster(tx, owner)
		return err
	})
	return roster, err
}

// readItem returns a contact as it is stored.
func (s *service) readItem(ctx context.Context, owner, contact jid.JID) (item, error) {
	r := record{item: item{jid: contact}}
	err := s.host.DB.View(ctx, func(tx *store.Tx) (err error) {
		r, err = readRecord(tx, owner, contact)
		return err
	})
	return r.item, err
}

// load returns the roster of an account, which from then on is in memory.
func (s *service) load(ctx context.Context, a *account) (*snapshot, error) {
	for {
		a.mu.Lock()
		roster := a.roster
		a.mu.Unlock()
		if roster != nil {
			return roster, nil
		}
		roster, err := s.read(ctx, a.owner)
		if err != nil {
			return nil, err
		}
		a.mu.Lock()
		if a.roster == nil && roster.revision >= a.revision { // else a change came between: read again
			a.roster = roster
		}
		a.mu.Unlock()
	}
}

// roster returns a roster, from memory where the owner is online.
func (s *service) roster(ctx context.Context, owner jid.JID) (*snapshot, error) {
	if a := s.account(owner); a != nil {
		return s.load(ctx, a)
	}
	return s.read(ctx, owner)
}

// item returns a contact, from memory where the owner is online. Without one, it is empty.
func (s *service) item(ctx context.Context, owner, contact jid.JID) (item, error) {
	a := s.account(owner)
	if a == nil {
		return s.readItem(ctx, owner, contact)
	}
	roster, err := s.load(ctx, a)
	if err != nil {
		return item{jid: contact}, err
	}
	return roster.item(contact), nil
}
