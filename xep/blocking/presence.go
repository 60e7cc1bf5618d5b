package blocking

import (
	"context"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// hide tells those that are blocked now that the account is not there any more. XEP-0191#block
func (s *service) hide(ctx context.Context, account jid.JID, before, after List) {
	s.eachBetween(ctx, account, before, after, func(sess module.Session, _ *stanza.Stanza, to jid.JID) {
		s.host.Network.Send(ctx, stanza.NewPresence(to, stanza.Unavailable).Addressed(sess.JID(), to))
	})
}

// show tells those that are not blocked any more what they may see again. XEP-0191#unblock
func (s *service) show(ctx context.Context, account jid.JID, before, after List) {
	s.eachBetween(ctx, account, after, before, func(sess module.Session, p *stanza.Stanza, to jid.JID) {
		s.host.Network.Send(ctx, p.Addressed(sess.JID(), to))
	})
}

// eachBetween calls fn for each available session of the account, and its presence, with each address that may see it and that more
// blocks but less does not: contacts, and of contacts that are not blocked altogether the resources that are.
func (s *service) eachBetween(
	ctx context.Context, account jid.JID, less, more List, fn func(module.Session, *stanza.Stanza, jid.JID),
) {
	contacts, err := s.host.Roster.Contacts(ctx, account)
	if err != nil {
		s.host.Log.Error("roster unreadable", "account", account, "err", err)
		return
	}
	var all []jid.JID
	for _, c := range contacts {
		switch {
		case !c.From:
		case !more.Blocks(c.JID):
			all = append(all, more.resources(c.JID, less)...)
		case !less.Blocks(c.JID):
			all = append(all, c.JID)
		}
	}
	for _, sess := range s.host.Sessions.Of(account) {
		if p := sess.Presence(); p != nil {
			for _, to := range all {
				fn(sess, p, to)
			}
		}
	}
}
