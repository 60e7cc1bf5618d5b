package router

import (
	"hash/maphash"
	"slices"
	"sync"

	"github.com/comity-iot/comity/server/session"
	"github.com/comity-iot/comity/xmpp/jid"
)

// table knows the bound sessions by bare JID. It is cut into shards so that stanzas do not meet on one lock; the slice of an
// account's sessions is replaced, never changed, so that a reader needs the lock only for the look-up.
type table struct {
	seed   maphash.Seed
	shards [64]shard
}

type shard struct {
	mu       sync.RWMutex
	accounts map[jid.JID][]*session.Session
}

func (t *table) init() {
	t.seed = maphash.MakeSeed()
	for i := range t.shards {
		t.shards[i].accounts = map[jid.JID][]*session.Session{}
	}
}

func (t *table) shard(bare jid.JID) *shard {
	return &t.shards[maphash.String(t.seed, bare.String())%uint64(len(t.shards))]
}

func (t *table) of(bare jid.JID) []*session.Session {
	sh := t.shard(bare)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return sh.accounts[bare]
}

func (t *table) get(full jid.JID) *session.Session {
	for _, s := range t.of(full.Bare()) {
		if s.JID() == full {
			return s
		}
	}
	return nil
}

// add reports whether s found room among at most limit.
func (t *table) add(s *session.Session, limit int) bool {
	bare := s.JID().Bare()
	sh := t.shard(bare)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	old := sh.accounts[bare]
	if len(old) >= limit {
		return false
	}
	sh.accounts[bare] = append(slices.Clip(old), s)
	return true
}

// remove reports whether s was there.
func (t *table) remove(s *session.Session) bool {
	bare := s.JID().Bare()
	sh := t.shard(bare)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	old := sh.accounts[bare]
	i := slices.Index(old, s)
	if i < 0 {
		return false
	}
	if len(old) == 1 {
		delete(sh.accounts, bare)
		return true
	}
	sh.accounts[bare] = slices.Concat(old[:i], old[i+1:])
	return true
}

func (t *table) each(fn func(*session.Session) bool) {
	for i := range t.shards {
		sh := &t.shards[i]
		sh.mu.RLock()
		var all []*session.Session
		for _, ss := range sh.accounts {
			all = append(all, ss...)
		}
		sh.mu.RUnlock()
		for _, s := range all {
			if !fn(s) {
				return
			}
		}
	}
}
