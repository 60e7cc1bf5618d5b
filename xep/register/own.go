package register

import (
	"context"
	"strings"

	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// loggedIn answers an account about itself.
func (s *service) loggedIn(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	account := iq.From.Bare()
	known := account.Local() != "" && account.DomainJID() == s.host.Domain
	switch {
	case !known && iq.Type == stanza.Get:
		return nil, stanza.ServiceUnavailable // who has an account elsewhere needs none here
	case !known:
		return nil, stanza.RegistrationRequired // XEP-0077#usecases-cancel
	case iq.Type == stanza.Get: // XEP-0077#usecases-register
		return query(xmlstream.New(NS, "registered"), child(varUsername, account.Local()), child(varPassword, "")), nil
	case iq.Payload.Child(NS, "remove") != nil:
		return nil, s.remove(ctx, iq)
	}
	return nil, s.changePassword(ctx, account, iq)
}

// changePassword sets a new password. XEP-0077#usecases-changepw
func (s *service) changePassword(ctx context.Context, account jid.JID, iq *stanza.IQ) error {
	f, err := form.Find(iq.Payload)
	if err != nil {
		return err
	}
	l, err := read(iq.Payload, f)
	if err != nil {
		return stanza.BadRequest.Wrap(err)
	}
	named, err := s.named(l.username)
	switch {
	case err != nil:
		return stanza.BadRequest.Wrap(err)
	case named != account:
		return stanza.Forbidden.With("the password of another account")
	case !s.passwords.Take(account, s.host.Now()): // each costs the broker much work
		return stanza.ResourceConstraint.With("too many changes of the password")
	}
	return s.host.Accounts.SetPassword(ctx, account, l.password)
}

// named returns the account that a user name means; the documents have the whole address there too.
func (s *service) named(username string) (jid.JID, error) {
	if strings.Contains(username, "@") {
		return jid.Parse(username)
	}
	return jid.New(username, s.host.Domain.Domain(), "")
}

// remove removes the sender's account. XEP-0077#usecases-cancel
func (s *service) remove(ctx context.Context, iq *stanza.IQ) error {
	if !s.config.Remove {
		return stanza.NotAllowed
	}
	children := 0
	for range iq.Payload.Children() {
		children++
	}
	if children != 1 {
		return stanza.BadRequest
	}
	account := iq.From.Bare().Clone()
	s.mu.Lock()
	s.leaving[account] = iq
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.leaving, account)
		s.mu.Unlock()
	}()
	return s.host.Accounts.Remove(ctx, account)
}

// removed has the result sent between the commit and the end of the account's sessions. The answer that follows by the usual way
// finds nobody any more.
func (s *service) removed(tx *store.Tx, account jid.JID) error {
	tx.AfterCommit(func() {
		s.mu.Lock()
		iq := s.leaving[account]
		s.mu.Unlock()
		if iq == nil {
			return // the operator removed it
		}
		if asking := s.host.Sessions.Get(iq.From); asking != nil {
			asking.Send(iq.Stanza().Reply(nil))
		}
	})
	return nil
}
