package register

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xep/signing"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Keys of what a stream remembers: the token of the form that it was given, and that it has created an account.
type (
	tokenKey   struct{}
	createdKey struct{}
)

// nonceLife is how long a nonce is remembered where the time of signing does not matter.
const nonceLife = 24 * time.Hour

func (s *service) beforeAuth(ctx context.Context, st module.Stream, iq *stanza.IQ) (*xmlstream.Element, error) {
	switch {
	case iq.Type == stanza.Get:
		return s.offer(st), nil
	case iq.Payload.Child(NS, "remove") != nil:
		return nil, stanza.UnexpectedRequest // XEP-0077#usecases-cancel
	}
	return nil, s.create(ctx, st, iq)
}

// offer returns what to fill in: a form to be signed, new for each request, and where anybody may register the elements for those who
// know no forms. XEP-0077#precedence
func (s *service) offer(st module.Stream) *xmlstream.Element {
	token := signing.Token{ID: rand.Text(), Secret: rand.Text()}
	st.SetValue(tokenKey{}, token)
	fields := append(signing.Fields(token),
		form.Field{Var: varUsername, Type: form.TextSingle, Label: "User name", Required: true},
		form.Field{Var: varPassword, Type: form.TextPrivate, Label: "Password", Required: true})
	f := form.Form{Type: form.TypeForm, Title: "Create account", Fields: fields}
	if s.config.Open {
		return query(child("instructions", "Choose a user name and a password."),
			child(varUsername, ""), child(varPassword, ""), f.Element())
	}
	return query(child("instructions", "Fill in the form and sign it with an API key."), f.Element())
}

// create makes an account. Who tries in vain, or without an API key, may not try often.
func (s *service) create(ctx context.Context, st module.Stream, iq *stanza.IQ) error {
	from, now := network(st.Remote().Addr()), s.host.Now()
	if s.attempts.Spent(from, now) {
		return stanza.ResourceConstraint.With("too many registrations from this address")
	}
	if st.Value(createdKey{}) != nil { // XEP-0077#usecases-register-server
		return stanza.NotAcceptable.With("one account for each stream")
	}
	n, err := s.request(ctx, st, iq)
	if err == nil && n.APIKey == "" {
		if !s.attempts.Take(from, now) {
			return stanza.ResourceConstraint.With("too many registrations from this address")
		}
		return s.add(ctx, st, n)
	}
	if err == nil {
		err = s.add(ctx, st, n)
	}
	if err != nil && !errors.Is(err, store.ErrFull) { // which is not to be held against who tries again
		s.attempts.Take(from, now)
	}
	return err
}

func (s *service) add(ctx context.Context, st module.Stream, n module.NewAccount) error {
	if err := s.host.Accounts.Create(ctx, n); err != nil {
		return err
	}
	st.SetValue(createdKey{}, true)
	s.host.Log.Info("account created", "account", n.JID, "kind", string(n.Kind), "apikey", n.APIKey, "remote", n.Remote)
	return nil
}

// request reads who wants which account, and with what right. The signature is judged before all else: who has none learns nothing.
func (s *service) request(ctx context.Context, st module.Stream, iq *stanza.IQ) (module.NewAccount, error) {
	n := module.NewAccount{Kind: module.Person, Remote: st.Remote().Addr()}
	f, err := form.Find(iq.Payload)
	if err != nil {
		return n, err
	}
	key, signed, err := s.signer(ctx, st, iq, f)
	if err != nil {
		return n, err
	}
	if signed {
		n.APIKey, n.Kind = key.ID, key.Kind
	}
	l, err := read(iq.Payload, f)
	if err != nil {
		return n, err
	}
	n.Password = l.password
	if n.JID, err = jid.New(l.username, s.host.Domain.Domain(), ""); err != nil {
		return n, stanza.NotAcceptable.Wrap(err)
	}
	return n, nil
}

// signer returns the key that a form was signed with, or false where it was not and need not be.
func (s *service) signer(ctx context.Context, st module.Stream, iq *stanza.IQ, f *form.Form) (k module.APIKey, signed bool, err error) {
	if f == nil && s.config.Open {
		return k, false, nil
	}
	if f == nil {
		return k, false, signing.Refused()
	}
	claim, err := signing.Read(f)
	if err != nil {
		if s.config.Open {
			err = nil
		}
		return k, false, err
	}
	token, issued := st.Value(tokenKey{}).(signing.Token)
	st.SetValue(tokenKey{}, nil) // good once
	if !issued {
		return k, false, signing.Refused()
	}
	k, err = s.host.Accounts.Key(ctx, claim.Key)
	if errors.Is(err, store.ErrNotFound) {
		return k, false, signing.Refused()
	}
	if err == nil {
		err = signing.Verify(f, k.Secret, token, signing.Destinations(iq.To, s.host.Domain.String())...)
	}
	if err == nil {
		err = s.accept(ctx, k, claim)
	}
	return k, err == nil, err
}

// accept judges a signature that holds: by its time, whether the key may still create accounts, and whether it was seen before.
func (s *service) accept(ctx context.Context, k module.APIKey, c signing.Claim) error {
	now := s.host.Now()
	skew, expires := s.config.ClockSkew, now.Add(nonceLife)
	if skew > 0 {
		if now.Sub(c.Time).Abs() > skew {
			return stanza.BadRequest.With("signed at another time than now: is the clock right?")
		}
		expires = c.Time.Add(skew + time.Second)
	}
	if k.Disabled || k.Used >= k.Limit { // settled in the transaction that creates the account; this spares the work
		return stanza.Forbidden.With("the API key is used up or disabled")
	}
	var fresh bool
	err := s.host.DB.Update(ctx, func(tx *store.Tx) (err error) {
		fresh, err = use(tx, k.ID, c.Nonce, now, expires)
		return err
	})
	if err == nil && !fresh {
		err = signing.Refused()
	}
	return err
}
