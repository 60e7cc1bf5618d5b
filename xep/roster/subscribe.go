package roster

import (
	"context"
	"errors"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// send handles a subscription stanza of an owner to a contact. RFC 6121 §3.1.2, §3.1.5, §3.2.2, §3.3.2
func (s *service) send(ctx context.Context, owner jid.JID, st *stanza.Stanza) error {
	if st.To.IsZero() {
		return stanza.BadRequest.With("presence of this type needs an address")
	}
	contact := st.To.Bare().Clone()
	if contact == owner {
		return nil
	}
	var route bool
	c, err := s.change(ctx, owner, contact, func(r *record) error {
		next, pass := r.state.send(st.Type)
		route = pass
		r.become(next, owner)
		return nil
	})
	if err != nil {
		return err
	}
	s.flush(owner) // first, as who is on this broker may answer at once
	was, is := c.before.state, c.after.state
	if was.has(from) && !is.has(from) {
		s.hide(ctx, owner, contact) // while the contact is still told. §3.2.2
	}
	if route {
		s.host.Network.Send(ctx, st.Addressed(owner, contact)) // between bare addresses. §3.1.2
	}
	if is.has(from) && !was.has(from) {
		s.show(ctx, owner, contact) // §3.1.5
	}
	return nil
}

// receive handles a subscription stanza of a contact to an owner. RFC 6121 §3.1.3, §3.1.6, §3.2.3, §3.3.3
func (s *service) receive(ctx context.Context, owner jid.JID, st *stanza.Stanza) error {
	contact := st.From.Bare().Clone()
	if contact == owner {
		return nil
	}
	st = st.Addressed(contact, owner)
	if st.Type == stanza.Subscribe && !s.host.Accounts.Exists(ctx, owner) {
		return nil // silently, as for who has not decided yet. §3.1.3, rule 1
	}
	var deliver, accept bool
	c, err := s.change(ctx, owner, contact, func(r *record) error {
		was := r.state
		var next state
		next, deliver, accept = was.receive(st.Type)
		r.become(next, owner)
		if next.has(pendingIn) && !was.has(pendingIn) {
			r.request = s.keep(st)
		}
		return nil
	})
	if errors.Is(err, errRequests) {
		s.host.Log.Warn("request to subscribe ignored", "owner", owner, "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	if deliver {
		s.tell(owner, st)
	}
	s.flush(owner)
	was, is := c.before.state, c.after.state
	if isService(owner) && !is.has(to) {
		s.seen.drop(owner, contact)
	}
	switch {
	case accept:
		s.say(ctx, stanza.Subscribed, owner, contact)
		s.show(ctx, owner, contact)
	case was.has(from) && !is.has(from):
		s.hide(ctx, owner, contact) // §3.3.3
	}
	return nil
}

// become gives the record its next state. What the owner has asked for or agreed to is in the roster; a request alone is
// not. RFC 6121 §A.1
func (r *record) become(next state, owner jid.JID) {
	r.state = next
	if !next.has(pendingIn) {
		r.request = ""
	}
	if next&^pendingIn != none {
		r.listed = true
	} else if isService(owner) {
		r.listed = false // nobody gave it a name: there is nothing to keep
	}
}

// keep is a request as it is stored until the owner has decided. RFC 6121 §3.1.3, rule 4
func (s *service) keep(st *stanza.Stanza) string {
	text := st.String()
	if len(text) > s.settings.RequestBytes {
		text = (&stanza.Stanza{Kind: st.Kind, Type: st.Type, ID: st.ID, From: st.From, To: st.To}).String()
	}
	return text
}

// tell delivers a subscription stanza to the owner's clients: a request to all that are available (RFC 6121 §3.1.3), any
// other to those that have asked for the roster (§3.1.6, §3.2.3, §3.3.3).
func (s *service) tell(owner jid.JID, st *stanza.Stanza) {
	if st.Type == stanza.Subscribe {
		for x := range s.available(owner) {
			x.Send(st)
		}
		return
	}
	if a := s.account(owner); a != nil {
		for _, x := range a.interested() {
			x.Send(st)
		}
	}
}

// accept is how a service takes a subscription: at once, and it asks for the same in return.
func (s *service) accept(ctx context.Context, service, contact jid.JID) error {
	var ask bool
	_, err := s.change(ctx, service, contact, func(r *record) error {
		next := r.state | from
		if ask = next&(to|pendingOut) == 0; ask {
			next |= pendingOut
		}
		r.become(next, service)
		return nil
	})
	if err != nil {
		return err
	}
	s.say(ctx, stanza.Subscribed, service, contact)
	s.show(ctx, service, contact)
	if ask {
		s.say(ctx, stanza.Subscribe, service, contact)
	}
	return nil
}

// remind delivers to a session that becomes available what the owner has not decided yet. RFC 6121 §3.1.3, rule 4
func (s *service) remind(ctx context.Context, x module.Session, owner jid.JID) error {
	var requests []string
	err := s.host.DB.View(ctx, func(tx *store.Tx) (err error) {
		requests, err = readRequests(tx, owner)
		return err
	})
	if err != nil {
		return err
	}
	for _, text := range requests {
		el, err := xmlstream.ParseIn(stanza.Client, []byte(text), xmlstream.Limits{})
		if err != nil {
			return err
		}
		st, err := stanza.FromElement(el)
		if err != nil {
			return err
		}
		x.Send(st)
	}
	return nil
}
