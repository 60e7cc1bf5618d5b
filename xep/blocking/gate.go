package blocking

import (
	"context"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// outgoing refuses what the account sends to those that it blocks; its own sessions always reach each other. XEP-0191#block,
// XEP-0191#privacy
func (s *service) outgoing(ctx context.Context, from module.Session, st *stanza.Stanza) error {
	account := from.JID().Bare()
	if st.To.IsZero() || st.To.Bare() == account {
		return nil
	}
	l, err := s.list(ctx, account)
	if err != nil {
		return err
	}
	if l.Blocks(st.To) {
		return stanza.NotAcceptable.Typed(stanza.Cancel).WithApp(xmlstream.New(NSErrors, "blocked"))
	}
	return nil
}

// incoming refuses what comes from those that the account blocks, as if there were nobody: the router answers messages and requests
// so, and nothing else. XEP-0191#block
func (s *service) incoming(ctx context.Context, account jid.JID, st *stanza.Stanza) error {
	if st.From.Bare() == account {
		return nil
	}
	l, err := s.list(ctx, account)
	if err != nil {
		return err
	}
	if l.Blocks(st.From) {
		return stanza.ServiceUnavailable
	}
	return nil
}

// hides keeps the account's presence from those that it blocks. Where it cannot be found out who that is, it is everybody.
func (s *service) hides(ctx context.Context, account, party jid.JID) bool {
	if party.Bare() == account {
		return false
	}
	l, err := s.list(ctx, account)
	if err != nil && ctx.Err() == nil {
		s.host.Log.Error("block list unreadable", "account", account, "err", err)
	}
	return err != nil || l.Blocks(party)
}
