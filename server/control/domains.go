package control

import (
	"context"
	"slices"
	"strings"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// ForDomains returns admin with accounts of those domains only: one elsewhere could never log in.
func ForDomains(admin Admin, domains []jid.JID) Admin { return served{admin, domains} }

type served struct {
	Admin
	domains []jid.JID
}

func (s served) check(addr jid.JID) error {
	if slices.Contains(s.domains, addr.DomainJID()) {
		return nil
	}
	names := make([]string, len(s.domains))
	for i, d := range s.domains {
		names[i] = d.String()
	}
	return stanza.NotAcceptable.With("%s is not at a domain of this broker: %s", addr, strings.Join(names, ", "))
}

// Create implements Admin.
func (s served) Create(ctx context.Context, n module.NewAccount) error {
	if err := s.check(n.JID); err != nil {
		return err
	}
	return s.Admin.Create(ctx, n)
}

// CreateAll implements Admin.
func (s served) CreateAll(ctx context.Context, all []module.NewAccount, done func(int)) error {
	for _, n := range all {
		if err := s.check(n.JID); err != nil {
			return err
		}
	}
	return s.Admin.CreateAll(ctx, all, done)
}
