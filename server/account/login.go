package account

import (
	"context"
	"errors"

	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/sasl"
)

// Credentials implements c2s.Credentials.
func (a *Accounts) Credentials(domain jid.JID) sasl.ServerConfig {
	return sasl.ServerConfig{Credentials: domainKeys{a, domain}, Secret: a.fake}
}

// domainKeys looks up the keys of one domain's accounts.
type domainKeys struct {
	accounts *Accounts
	domain   jid.JID
}

// Keys implements sasl.Credentials.
func (d domainKeys) Keys(ctx context.Context, username string, h sasl.Hash) (k sasl.Keys, err error) {
	bare, err := jid.New(username, d.domain.Domain(), "")
	if err != nil {
		return sasl.Keys{}, sasl.ErrNoUser
	}
	if h == sasl.AnyHash {
		h = sasl.SHA256
	}
	err = d.accounts.db.View(ctx, func(tx *store.Tx) error {
		k, err = selectKeys(tx, bare, h)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return sasl.Keys{}, sasl.ErrNoUser
	}
	return k, err
}
