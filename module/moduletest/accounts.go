package moduletest

import (
	"context"
	"sync"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// Accounts implements module.Accounts in memory. Who it removes, features forget in the database.
type Accounts struct {
	clock   *Clock
	db      store.DB
	removed func(*store.Tx, jid.JID) error
	gone    func(jid.JID)

	mu        sync.Mutex
	all       map[jid.JID]module.AccountInfo
	passwords map[jid.JID]string
	keys      map[string]module.APIKey
}

var _ module.Accounts = (*Accounts)(nil)

// Add makes accounts of persons.
func (a *Accounts) Add(bare ...string) {
	for _, s := range bare {
		a.set(module.NewAccount{JID: jid.MustParse(s), Kind: module.Person})
	}
}

// AddAdmin makes the account of an administrator.
func (a *Accounts) AddAdmin(bare string) {
	a.set(module.NewAccount{JID: jid.MustParse(bare), Kind: module.Person, Admin: true})
}

// AddKey makes an API key.
func (a *Accounts) AddKey(k module.APIKey) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.keys == nil {
		a.keys = map[string]module.APIKey{}
	}
	a.keys[k.ID] = k
}

// Password returns the password of an account, "" for an account that is not there.
func (a *Accounts) Password(bare string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.passwords[jid.MustParse(bare)]
}

// Get implements module.Accounts.
func (a *Accounts) Get(_ context.Context, bare jid.JID) (module.AccountInfo, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	info, ok := a.all[bare]
	if !ok {
		return info, store.ErrNotFound
	}
	return info, nil
}

// Exists implements module.Accounts.
func (a *Accounts) Exists(ctx context.Context, bare jid.JID) bool {
	_, err := a.Get(ctx, bare)
	return err == nil
}

// Create implements module.Accounts.
func (a *Accounts) Create(ctx context.Context, n module.NewAccount) error {
	if len(n.Password) < 8 {
		return stanza.NotAcceptable
	}
	if a.Exists(ctx, n.JID) {
		return stanza.Conflict
	}
	if n.APIKey != "" {
		if err := a.spend(n.APIKey); err != nil {
			return err
		}
	}
	a.set(n)
	return nil
}

func (a *Accounts) spend(id string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	k := a.keys[id]
	if k.Disabled || k.Used >= k.Limit {
		return stanza.Forbidden
	}
	k.Used++
	a.keys[id] = k
	return nil
}

func (a *Accounts) set(n module.NewAccount) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all == nil {
		a.all, a.passwords = map[jid.JID]module.AccountInfo{}, map[jid.JID]string{}
	}
	a.all[n.JID] = module.AccountInfo{JID: n.JID, Kind: n.Kind, Admin: n.Admin, APIKey: n.APIKey, Created: a.clock.Now()}
	a.passwords[n.JID] = n.Password
}

// SetPassword implements module.Accounts.
func (a *Accounts) SetPassword(ctx context.Context, bare jid.JID, password string) error {
	if !a.Exists(ctx, bare) {
		return store.ErrNotFound
	}
	if len(password) < 8 {
		return stanza.NotAcceptable
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.passwords[bare] = password
	return nil
}

// Remove implements module.Accounts.
func (a *Accounts) Remove(ctx context.Context, bare jid.JID) error {
	if !a.Exists(ctx, bare) {
		return store.ErrNotFound
	}
	err := a.db.Update(ctx, func(tx *store.Tx) error { return a.removed(tx, bare) })
	if err != nil {
		return err
	}
	a.mu.Lock()
	delete(a.all, bare)
	delete(a.passwords, bare)
	a.mu.Unlock()
	a.gone(bare)
	return nil
}

// Key implements module.Accounts.
func (a *Accounts) Key(_ context.Context, id string) (module.APIKey, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	k, ok := a.keys[id]
	if !ok {
		return k, store.ErrNotFound
	}
	return k, nil
}
