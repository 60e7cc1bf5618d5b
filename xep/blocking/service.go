package blocking

import (
	"context"
	"embed"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

//go:embed migrations/*.sql
var files embed.FS

// Settings are what an operator may say about blocking.
type Settings struct {
	Items int `toml:"items" doc:"Addresses that one account may block."`
}

// Module is blocking as a feature.
func Module() module.Def {
	settings := &Settings{Items: 1000}
	root, _ := fs.Sub(files, "migrations") // the folder is embedded
	return module.Def{
		Name:   "blocking",
		Title:  "Blocking: an account hears nothing of those it blocks, and they see nothing of it",
		Specs:  []module.Spec{{ID: "XEP-0191", Version: "1.3"}},
		Config: settings, Migrations: root,
		Init: func(h *module.Host) (*module.Hooks, error) {
			s := &service{settings: settings, host: h, lists: map[jid.JID]List{}, wants: map[jid.JID]struct{}{}}
			return &module.Hooks{
				IQ: []module.IQ{
					{Name: xmlstream.Name{Space: NS, Local: "blocklist"}, On: []module.Place{module.Own}, Handle: s.get},
					{Name: xmlstream.Name{Space: NS, Local: "block"}, On: []module.Place{module.Own}, Handle: s.block},
					{Name: xmlstream.Name{Space: NS, Local: "unblock"}, On: []module.Place{module.Own}, Handle: s.unblock},
				},
				Announce: []module.Announcement{{On: module.Domain, Features: []string{NS}}},
				Outgoing: s.outgoing, Incoming: s.incoming, Hides: s.hides, Ended: s.ended, Removed: s.removed,
			}, nil
		},
	}
}

type service struct {
	settings *Settings
	host     *module.Host

	mu      sync.RWMutex
	lists   map[jid.JID]List     // of accounts that are online, by bare JID; a List is replaced, never changed
	changes int                  // of any list, so far
	wants   map[jid.JID]struct{} // full JIDs of the sessions that asked for the list, and are told of changes
}

// list returns what an account blocks: from memory where it is online, and then it stays there.
func (s *service) list(ctx context.Context, account jid.JID) (l List, err error) {
	s.mu.RLock()
	l, known := s.lists[account]
	changes := s.changes
	s.mu.RUnlock()
	if known {
		return l, nil
	}
	err = s.host.DB.View(ctx, func(tx *store.Tx) error {
		l, err = selectList(tx, account)
		return err
	})
	if err == nil && s.online(account) {
		s.mu.Lock()
		if changes == s.changes { // else it may be old
			s.lists[account.Clone()] = l
		}
		s.mu.Unlock()
	}
	return l, err
}

func (s *service) online(account jid.JID) bool { return len(s.host.Sessions.Of(account)) > 0 }

// get returns the list, and promises the session to tell it of changes. XEP-0191#blocklist
func (s *service) get(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	if iq.Type != stanza.Get {
		return nil, stanza.BadRequest
	}
	l, err := s.list(ctx, iq.From.Bare())
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.wants[iq.From.Clone()] = struct{}{}
	s.mu.Unlock()
	if s.host.Sessions.Get(iq.From) == nil { // it has ended meanwhile
		s.forget(iq.From)
	}
	all := slices.SortedFunc(maps.Keys(l), func(a, b jid.JID) int {
		return strings.Compare(a.String(), b.String())
	})
	return element("blocklist", all), nil
}

// block adds addresses to the list. XEP-0191#block
func (s *service) block(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	all, err := parseItems(iq.Payload)
	switch {
	case err != nil:
		return nil, err
	case iq.Type != stanza.Set || len(all) == 0:
		return nil, stanza.BadRequest
	}
	account := iq.From.Bare()
	for _, j := range all {
		if j.Bare() == account {
			return nil, stanza.NotAllowed.With("nobody blocks oneself")
		}
	}
	before, after, err := s.change(ctx, account, func(tx *store.Tx, l List) error {
		for _, j := range all {
			l[j.Clone()] = struct{}{}
			if err := insert(tx, account, j); err != nil {
				return err
			}
		}
		if len(l) > s.settings.Items {
			return stanza.ResourceConstraint.With("at most %d addresses can be blocked", s.settings.Items)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.tell(account, element("block", all))
	s.hide(ctx, account, before, after)
	return nil, nil
}

// unblock takes addresses off the list, or empties it. XEP-0191#unblock, XEP-0191#unblockall
func (s *service) unblock(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	all, err := parseItems(iq.Payload)
	switch {
	case err != nil:
		return nil, err
	case iq.Type != stanza.Set:
		return nil, stanza.BadRequest
	}
	account := iq.From.Bare()
	before, after, err := s.change(ctx, account, func(tx *store.Tx, l List) error {
		if len(all) == 0 {
			clear(l)
			return deleteAll(tx, account)
		}
		for _, j := range all {
			delete(l, j)
			if err := remove(tx, account, j); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.tell(account, element("unblock", all))
	s.show(ctx, account, before, after)
	return nil, nil
}

// change changes a copy of the account's list in a transaction, and returns the lists before and after.
func (s *service) change(ctx context.Context, account jid.JID, do func(*store.Tx, List) error) (before, after List, err error) {
	err = s.host.DB.Update(ctx, func(tx *store.Tx) error {
		if before, err = selectList(tx, account); err != nil {
			return err
		}
		after = maps.Clone(before)
		if after == nil {
			after = List{}
		}
		if err := do(tx, after); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.replace(account, after) })
		return nil
	})
	return before, after, err
}

// replace keeps the new list of an account that is online.
func (s *service) replace(account jid.JID, l List) {
	online := s.online(account)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	if online {
		s.lists[account.Clone()] = l
	} else {
		delete(s.lists, account)
	}
}

// tell pushes a change to the account's sessions that know the list. XEP-0191#block
func (s *service) tell(account jid.JID, change *xmlstream.Element) {
	for _, sess := range s.host.Sessions.Of(account) {
		s.mu.RLock()
		_, wants := s.wants[sess.JID()]
		s.mu.RUnlock()
		if wants {
			push := &stanza.IQ{Type: stanza.Set, ID: stream.NewID(), From: account, To: sess.JID(), Payload: change}
			sess.Send(push.Stanza())
		}
	}
}

func (s *service) ended(sess module.Session) {
	s.forget(sess.JID())
	if account := sess.JID().Bare(); !s.online(account) {
		s.mu.Lock()
		delete(s.lists, account)
		s.mu.Unlock()
	}
}

// forget makes a session hear of no more changes.
func (s *service) forget(full jid.JID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.wants, full)
}

func (s *service) removed(tx *store.Tx, account jid.JID) error {
	tx.AfterCommit(func() { s.replace(account, nil) })
	return deleteAll(tx, account)
}
