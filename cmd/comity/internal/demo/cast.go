package demo

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xep/roster"
	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// Person is somebody with an account.
type Person struct {
	Account  jid.JID
	Password string
}

// person is one who is logged in.
type person struct {
	Person
	*client.Session
}

// passwordLetters is how long passwords are: short enough to be typed on a telephone, with 60 random bits.
const passwordLetters = 12

// enter makes an account and logs in.
func (s *Show) enter(ctx context.Context, name string) (*person, error) {
	account, err := jid.New(name, s.Domain.Domain(), "")
	if err != nil {
		return nil, err
	}
	p := &person{Person: Person{account, rand.Text()[:passwordLetters]}}
	err = s.Operator.Create(ctx, module.NewAccount{JID: account, Password: p.Password, Kind: module.Person})
	if err != nil {
		return nil, err
	}
	s.tells.call(account, name)
	if err := s.login(ctx, p); err != nil {
		return nil, err
	}
	return p, nil
}

// login logs somebody in, who says so to all that may see it.
func (s *Show) login(ctx context.Context, p *person) (err error) {
	p.Session, err = client.Dial(ctx, client.Config{JID: p.Account, Password: p.Password, Addr: s.Addr, TLS: s.TLS})
	if err != nil {
		return err
	}
	list := roster.Client{Requester: p}
	if _, err := list.Get(ctx, ""); err != nil {
		return errors.Join(err, p.Close(ctx))
	}
	return p.Send(ctx, stanza.NewPresence(jid.JID{}, stanza.Available))
}
