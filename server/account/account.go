// Package account keeps who may log in: accounts with the keys that SCRAM needs of their passwords, and the API keys with
// which makers let their things create accounts (XEP-0348), each with a quota.
//
// A password is never stored. The secret of an API key has to be readable, for it checks signatures; it is sealed with the broker's
// key file.
package account

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/sasl"
	"github.com/comity-iot/comity/xmpp/stanza"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations is the schema.
func Migrations() store.Migrations {
	root, _ := fs.Sub(files, "migrations") // the folder is embedded
	return store.Migrations{Name: "account", FS: root}
}

// MinPassword is the fewest characters of a password that a person or thing may choose.
const MinPassword = 8

// Accounts implements module.Accounts.
type Accounts struct {
	db    store.DB
	now   func() time.Time
	fake  []byte // makes the keys of accounts that do not exist
	seal  sealer
	chunk int // accounts that are made in one transaction, of many

	// Online reports whether an account has sessions, and so exists; Removed deletes what features hold, in the removing
	// transaction; Gone ends the account's sessions after it. They are set before use.
	Online  func(jid.JID) bool
	Removed []func(*store.Tx, jid.JID) error
	Gone    func(jid.JID)
}

var _ module.Accounts = (*Accounts)(nil)

// New makes the accounts of a database. secret is the content of the broker's key file, at least 32 random bytes.
func New(db store.DB, secret []byte, now func() time.Time) (*Accounts, error) {
	if len(secret) < 32 {
		return nil, errors.New("account: the key file holds less than 32 bytes")
	}
	seal, err := newSealer(secret)
	if err != nil {
		return nil, err
	}
	return &Accounts{
		db: db, now: now, fake: Derive(secret, "unknown users"), seal: seal, chunk: 256,
		Online: func(jid.JID) bool { return false },
		Gone:   func(jid.JID) {},
	}, nil
}

// Derive makes a key of 32 bytes from the content of the key file, another for each purpose.
func Derive(secret []byte, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, "comity "+purpose, 32)
	if err != nil {
		panic(err) // only for a length that SHA-256 cannot give
	}
	return key
}

// Get implements module.Accounts.
func (a *Accounts) Get(ctx context.Context, bare jid.JID) (info module.AccountInfo, err error) {
	err = a.db.View(ctx, func(tx *store.Tx) error {
		info, err = selectAccount(tx, bare)
		return err
	})
	return info, err
}

// Account implements c2s.Credentials.
func (a *Accounts) Account(ctx context.Context, bare jid.JID) (module.AccountInfo, error) {
	return a.Get(ctx, bare)
}

// Exists implements module.Accounts.
func (a *Accounts) Exists(ctx context.Context, bare jid.JID) bool {
	if a.Online(bare) {
		return true
	}
	_, err := a.Get(ctx, bare)
	return err == nil
}

// Create implements module.Accounts.
func (a *Accounts) Create(ctx context.Context, n module.NewAccount) error {
	row, err := a.derive(n)
	if err != nil {
		return err
	}
	return a.db.Update(ctx, func(tx *store.Tx) error { return a.insert(tx, row) })
}

// derived is a new account with its password stretched, which takes too long for a transaction.
type derived struct {
	module.NewAccount
	keys []sasl.Keys
}

func (a *Accounts) derive(n module.NewAccount) (derived, error) {
	if n.JID.Local() == "" || !n.JID.IsBare() {
		return derived{}, stanza.NotAcceptable.With("%q is no account name", n.JID)
	}
	keys, err := stretch(n.Password)
	return derived{n, keys}, err
}

// stretch makes the keys of a password for each hash that a client may log in with. They are made beside each other: that of SHA-512
// takes as long as the two others together. All have the same count, for who steals them guesses with the one that costs least.
func stretch(password string) ([]sasl.Keys, error) {
	if len([]rune(password)) < MinPassword {
		return nil, stanza.NotAcceptable.With("a password needs %d characters", MinPassword)
	}
	hashes := [...]sasl.Hash{sasl.SHA512, sasl.SHA256, sasl.SHA1}
	keys, errs := make([]sasl.Keys, len(hashes)), make([]error, len(hashes))
	var work sync.WaitGroup
	for i, h := range hashes {
		work.Go(func() { keys[i], errs[i] = sasl.DeriveKeys(h, password, sasl.NewSalt(), sasl.DefaultIterations) })
	}
	work.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, stanza.NotAcceptable.Wrap(err)
	}
	return keys, nil
}

func (a *Accounts) insert(tx *store.Tx, n derived) error {
	if n.APIKey != "" {
		if err := spend(tx, n.APIKey); err != nil {
			return err
		}
	}
	inserted, err := insertAccount(tx, n.NewAccount, a.now())
	if err != nil {
		return err
	}
	if !inserted {
		return stanza.Conflict // XEP-0077#usecases-register
	}
	return insertKeys(tx, n.JID, n.keys)
}

// CreateAll makes many accounts in chunks, and calls done with how many there are so far. An account that exists gets the
// password.
func (a *Accounts) CreateAll(ctx context.Context, all []module.NewAccount, done func(int)) error {
	made := 0
	for part := range slices.Chunk(all, a.chunk) {
		rows, err := a.deriveAll(ctx, part)
		if err != nil {
			return err
		}
		err = a.db.Update(ctx, func(tx *store.Tx) error {
			for _, r := range rows {
				if err := a.upsert(tx, r); err != nil {
					return fmt.Errorf("%s: %w", r.JID, err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		made += len(part)
		done(made)
	}
	return nil
}

func (a *Accounts) upsert(tx *store.Tx, n derived) error {
	if _, err := insertAccount(tx, n.NewAccount, a.now()); err != nil {
		return err
	}
	return insertKeys(tx, n.JID, n.keys)
}

// SetPassword implements module.Accounts.
func (a *Accounts) SetPassword(ctx context.Context, bare jid.JID, password string) error {
	keys, err := stretch(password)
	if err != nil {
		return err
	}
	return a.db.Update(ctx, func(tx *store.Tx) error {
		if _, err := selectAccount(tx, bare); err != nil {
			return err
		}
		return insertKeys(tx, bare, keys)
	})
}

// Remove implements module.Accounts.
func (a *Accounts) Remove(ctx context.Context, bare jid.JID) error {
	err := a.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(`DELETE FROM account WHERE jid = ?1`, bare.String())
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrNotFound
		}
		for _, removed := range a.Removed {
			if err := removed(tx, bare); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		a.Gone(bare)
	}
	return err
}

// List returns the accounts behind the address after, in the order of their addresses, at most limit.
func (a *Accounts) List(ctx context.Context, after string, limit int) (all []module.AccountInfo, err error) {
	err = a.db.View(ctx, func(tx *store.Tx) error {
		all, err = listAccounts(tx, after, limit)
		return err
	})
	return all, err
}
