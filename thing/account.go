package thing

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/comity-iot/comity/xep/register"
	"github.com/comity-iot/comity/xep/signing"
	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// maxNames is how many names a new thing tries, before it gives up to find one that is free.
const maxNames = 5

// errNameTaken says that somebody else has the account that a new thing wanted.
var errNameTaken = errors.New("thing: there is such an account already, with another password")

// settle makes up an account if there is none yet.
func (r *run) settle(broker jid.JID) error {
	k := r.state.view()
	switch {
	case r.config.Account != "":
		account, err := jid.New(r.config.Account, broker.Domain(), "")
		if err != nil {
			return fmt.Errorf("%w: Account: %w", ErrConfig, err)
		}
		if account == k.Account && r.config.Password == k.Password {
			return nil
		}
		return r.takeAccount(account, r.config.Password)
	case k.Account.IsZero():
		return r.newAccount(broker)
	case k.Account.DomainJID() != broker:
		return fmt.Errorf("%w: %s is of a thing at %s; give a thing at %s another folder", ErrConfig,
			r.state.path, k.Account.Domain(), broker)
	}
	return nil
}

// newAccount makes up a name and a password. They are kept before the account is made, so that none is left behind.
func (r *run) newAccount(broker jid.JID) error {
	account, err := jid.New(newName(r.about.Model), broker.Domain(), "")
	if err != nil {
		return fmt.Errorf("thing: new account: %w", err)
	}
	return r.takeAccount(account, rand.Text())
}

// takeAccount is for an account that the thing did not have before. What belonged to another is forgotten.
func (r *run) takeAccount(account jid.JID, password string) error {
	return r.state.change(func(k *kept) {
		if k.Account != account {
			*k = kept{Key: k.Key, Account: account}
		}
		k.Password = password
	})
}

// newName returns a name that people recognise and nobody else has: "thermometer-j4ykzq2m".
func newName(model string) string {
	const longest = 24
	name := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		}
		return '-'
	}, model)
	name = strings.Trim(name[:min(len(name), longest)], "-")
	if name == "" {
		name = "thing"
	}
	return name + "-" + strings.ToLower(rand.Text()[:8])
}

// create makes the account, on a stream whose login has failed. It implements client.Config.Register.
func (r *run) create(ctx context.Context, to stanza.Requester) error {
	k := r.state.view()
	key := signing.Key{ID: r.config.APIKey, Secret: r.config.Secret}
	err := register.Create(ctx, to, key, k.Account.Local(), k.Password)
	switch {
	case err == nil:
		r.log.Info("account created", "account", k.Account)
	case errors.Is(err, register.ErrKeyWanted):
		return fmt.Errorf("%w: %w", client.ErrConfig, err) // waiting does not help
	case errors.Is(err, stanza.Conflict):
		return fmt.Errorf("%w: %w", errNameTaken, err)
	}
	return err
}

// stay keeps a session until ctx ends, under the first name that is free.
func (r *run) stay(ctx context.Context, broker jid.JID) error {
	for tried := 1; ; tried++ {
		err := client.Stay(ctx, r.session(), r.live)
		// An account that was the thing's is not given up for another: its owner and friends know it under this name.
		if !errors.Is(err, errNameTaken) || r.state.view().Confirmed || r.config.Account != "" || tried == maxNames {
			return err
		}
		if err := r.newAccount(broker); err != nil {
			return err
		}
	}
}

// session says how the session is made. A thing has little memory and few visitors.
func (r *run) session() client.Config {
	k := r.state.view()
	c := client.Config{
		JID: k.Account, Password: k.Password,
		Addr: r.config.Addr, TLS: r.config.TLS,
		Register: r.create,
		Queue:    64, Inbox: 128, InboxBytes: 1 << 20,
		Log: r.log,
	}
	if r.config.Adjust != nil {
		r.config.Adjust(&c)
	}
	return c
}
