package blocking

import (
	"context"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// hide tells contacts that are blocked now that the account is not there any more. XEP-0191#block
func (s *service) hide(ctx context.Context, account jid.JID, before, after List) {
	s.eachSubscriber(ctx, account, func(sess module.Session, contact jid.JID) {
		if after.Blocks(contact) && !before.Blocks(contact) {
			s.host.Network.Send(ctx, stanza.NewPresence(contact, stanza.Unavailable).Addressed(sess.JID(), contact))
		}
	})
}

// show tells contacts that are not blocked any more what they may see again. XEP-0191#unblock
func (s *service) show(ctx context.Context, account jid.JID, before, after List) {
	s.eachSubscriber(ctx, account, func(sess module.Session, contact jid.JID) {
		if p := sess.Presence(); p != nil && before.Blocks(contact) && !after.Blocks(contact) {
			s.host.Network.Send(ctx, p.Addressed(sess.JID(), contact))
		}
	})
}

// eachSubscriber calls fn for each available session of the account with each contact that may see it.
func (s *service) eachSubscriber(ctx context.Context, account jid.JID, fn func(module.Session, jid.JID)) {
	contacts, err := s.host.Roster.Contacts(ctx, account)
	if err != nil {
		s.host.Log.Error("roster unreadable", "account", account, "err", err)
		return
	}
	for _, sess := range s.host.Sessions.Of(account) {
		if sess.Presence() == nil {
			continue
		}
		for _, c := range contacts {
			if c.From {
				fn(sess, c.JID)
			}
		}
	}
}
