package register

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/comity-iot/comity/xep/signing"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// ErrKeyWanted is the error of Create for a server that takes only forms signed with an API key, where none is given.
var ErrKeyWanted = errors.New("register: the server wants the form signed with an API key")

// Create makes an account on a stream that has not logged in, of which r is the way to ask. A server that wants the form signed
// gets it signed with key, which may be zero for servers that register anybody.
//
// Besides ErrKeyWanted and the context's, the error is the *stanza.Error that came back: stanza.Conflict where the account exists,
// stanza.NotAcceptable for a name or password that will not do, stanza.BadRequest for a signature that does not hold (a wrong key
// or secret, a clock too far off), stanza.Forbidden for a key that is used up or disabled, stanza.ResourceConstraint for too
// many tries.
func Create(ctx context.Context, r stanza.Requester, key signing.Key, username, password string) error {
	offer, err := r.Request(ctx, &stanza.IQ{Type: stanza.Get, Payload: query()})
	if err != nil {
		return err
	}
	payload, err := fill(offer, key, username, password)
	if err != nil {
		return err
	}
	_, err = r.Request(ctx, &stanza.IQ{Type: stanza.Set, Payload: payload})
	return err
}

// fill answers what the server offers. XEP-0077#precedence
func fill(offer *xmlstream.Element, key signing.Key, username, password string) (*xmlstream.Element, error) {
	f, err := form.Find(offer)
	if err != nil {
		return nil, err
	}
	wanted := f != nil && signing.Wanted(f)
	plain := offer.Child(NS, varUsername) != nil && offer.Child(NS, varPassword) != nil
	switch {
	case f == nil || wanted && key.ID == "" && plain:
		return query(child(varUsername, username), child(varPassword, password)), nil
	case wanted && key.ID == "":
		return nil, ErrKeyWanted
	}
	submit, err := f.Submit(map[string][]string{varUsername: {username}, varPassword: {password}})
	if err != nil {
		return nil, err
	}
	if wanted {
		token := signing.Token{ID: f.String("oauth_token"), Secret: f.String("oauth_token_secret")}
		// The request has no to, so the signature has none. XEP-0348#bstr
		submit, err = signing.Sign(submit, key, token, rand.Text(), time.Now(), "")
		if err != nil {
			return nil, err
		}
	}
	return query(submit.Element()), nil
}

// Registered returns the user name of the account that asks. The error is the *stanza.Error that came back, a
// stanza.RegistrationRequired from a server that does not know the account, or the context's.
func Registered(ctx context.Context, r stanza.Requester) (string, error) {
	answer, err := r.Request(ctx, &stanza.IQ{Type: stanza.Get, Payload: query()})
	if err != nil {
		return "", err
	}
	if answer.Child(NS, "registered") == nil {
		return "", stanza.RegistrationRequired
	}
	return answer.ChildText(NS, varUsername), nil
}

// ChangePassword gives the account, which asks, another password. The error is the *stanza.Error that came back, stanza.NotAcceptable
// for a password that will not do, or the context's.
func ChangePassword(ctx context.Context, r stanza.Requester, account jid.JID, password string) error {
	_, err := r.Request(ctx, &stanza.IQ{
		Type: stanza.Set, To: account.DomainJID(),
		Payload: query(child(varUsername, account.Local()), child(varPassword, password)),
	})
	return err
}

// Remove removes the account that asks, with all that the server holds of it. After the answer the server ends the stream with
// stream.NotAuthorized. The error is the *stanza.Error that came back, or the context's.
func Remove(ctx context.Context, r stanza.Requester) error {
	// XEP-0077#usecases-cancel: to the own server, without an address
	_, err := r.Request(ctx, &stanza.IQ{Type: stanza.Set, Payload: query(xmlstream.New(NS, "remove"))})
	return err
}
