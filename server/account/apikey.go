package account

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// NewKey makes an API key that may create limit accounts of a kind. It is the only time that the secret is shown.
func (a *Accounts) NewKey(ctx context.Context, owner string, limit int, kind module.AccountKind) (module.APIKey, error) {
	id := make([]byte, 16)
	rand.Read(id)
	k := module.APIKey{
		ID: hex.EncodeToString(id), Secret: rand.Text(), Owner: owner, Limit: limit, Kind: kind, Created: a.now(),
	}
	err := a.db.Update(ctx, func(tx *store.Tx) error {
		return insertKey(tx, k, a.seal.seal(k.ID, k.Secret))
	})
	return k, err
}

// Key implements module.Accounts.
func (a *Accounts) Key(ctx context.Context, id string) (k module.APIKey, err error) {
	err = a.db.View(ctx, func(tx *store.Tx) error {
		var sealed []byte
		if k, sealed, err = selectKey(tx, id); err != nil {
			return err
		}
		k.Secret, err = a.seal.open(k.ID, sealed)
		return err
	})
	return k, err
}

// ListKeys returns all API keys in the order of their making, without the secrets.
func (a *Accounts) ListKeys(ctx context.Context) (all []module.APIKey, err error) {
	err = a.db.View(ctx, func(tx *store.Tx) error {
		all, err = listKeys(tx)
		return err
	})
	return all, err
}

// DisableKey stops a key from creating accounts, or lets it again. Accounts that it created are not touched.
func (a *Accounts) DisableKey(ctx context.Context, id string, disabled bool) error {
	return a.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(`UPDATE account_apikey SET disabled = ?2 WHERE id = ?1`, id, disabled)
		if err == nil && n == 0 {
			return store.ErrNotFound
		}
		return err
	})
}

// spend counts one account against the key's quota, in the transaction that creates the account: keys used in parallel
// cannot exceed it.
func spend(tx *store.Tx, id string) error {
	n, err := tx.Exec(`UPDATE account_apikey SET used = used + 1 WHERE id = ?1 AND disabled = 0 AND used < quota`, id)
	if err == nil && n == 0 {
		return stanza.Forbidden.With("the API key is used up or disabled")
	}
	return err
}

// sealer encrypts what must be readable to the broker, and to nobody who has but the database.
type sealer struct{ aead cipher.AEAD }

func newSealer(secret []byte) (sealer, error) {
	block, err := aes.NewCipher(Derive(secret, "stored secrets"))
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return sealer{aead}, err
}

// seal encrypts text for the place it is stored at: it opens nowhere else.
func (s sealer) seal(place, text string) []byte {
	return s.aead.Seal(nil, nil, []byte(text), []byte(place))
}

func (s sealer) open(place string, sealed []byte) (string, error) {
	text, err := s.aead.Open(nil, nil, sealed, []byte(place))
	return string(text), err
}
