package register_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/module/moduletest"
	"github.com/comity-iot/comity/xep/register"
	"github.com/comity-iot/comity/xep/signing"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

var bill = jid.MustParse("bill@shakespeare.example.org")

func owner(t *testing.T, def module.Def) (*moduletest.Broker, stanza.Requester) {
	b := broker(t, def)
	b.Accounts.Add("bill@example.org", "juliet@example.org")
	return b, b.Client("bill@example.org/globe")
}

// XEP-0077#usecases-register: the account learns that it is registered.
func TestRegistered(t *testing.T) {
	b, r := owner(t, register.Module())
	if name, err := register.Registered(context.Background(), r); name != "bill" || err != nil {
		t.Errorf("%q, %v", name, err)
	}
	stranger := b.Client("romeo@montague.net/orchard")
	ask := func(typ stanza.Type, payload *xmlstream.Element) error {
		_, err := stranger.Request(context.Background(), &stanza.IQ{Type: typ, To: b.Host.Domain, Payload: payload})
		return err
	}
	if err := ask(stanza.Get, xmlstream.New(register.NS, "query")); !errors.Is(err, stanza.ServiceUnavailable) {
		t.Errorf("an account of another server: %v", err)
	}
	if err := ask(stanza.Set, elements("romeo", password)); !errors.Is(err, stanza.RegistrationRequired) {
		t.Errorf("its password: %v", err)
	}
}

// XEP-0077#usecases-changepw
func TestChangePassword(t *testing.T) {
	b, r := owner(t, register.Module())
	ctx, account := context.Background(), jid.MustParse("bill@example.org")
	if err := register.ChangePassword(ctx, r, account, "groundlings"); err != nil {
		t.Fatal(err)
	}
	if got := b.Accounts.Password("bill@example.org"); got != "groundlings" {
		t.Errorf("it is %q", got)
	}
	const changeForm = `<query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'>
		<field type='hidden' var='FORM_TYPE'><value>jabber:iq:register:changepassword</value></field>
		<field var='username'><value>bill@example.org</value></field>
		<field var='old_password'><value>groundlings</value></field>
		<field var='password'><value>theglobe</value></field></x></query>`
	filled, err := xmlstream.Parse([]byte(changeForm), xmlstream.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		payload  *xmlstream.Element
		want     error
		password string
	}{
		{"no password", elements("bill", ""), stanza.BadRequest, "groundlings"},
		{"no user name", elements("", "theglobe!"), stanza.BadRequest, "groundlings"},
		{"not a user name", elements("bill@@", "theglobe!"), stanza.BadRequest, "groundlings"},
		{"another's", elements("juliet", "theglobe!"), stanza.Forbidden, "groundlings"},
		{"on another server", elements(bill.String(), "theglobe!"), stanza.Forbidden, "groundlings"},
		{"too short", elements("bill", "globe"), stanza.NotAcceptable, "groundlings"},
		{"in a form", filled, nil, "theglobe"},
	} {
		_, err := r.Request(ctx, &stanza.IQ{Type: stanza.Set, Payload: c.payload})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if got := b.Accounts.Password("bill@example.org"); got != c.password {
			t.Errorf("%s: it is %q", c.name, got)
		}
	}
	if got := b.Accounts.Password("juliet@example.org"); got != "" {
		t.Errorf("juliet's is %q", got)
	}
}

// Each change costs the broker much work, so they are counted.
func TestChangesCounted(t *testing.T) {
	_, r := owner(t, set(map[string]any{"Passwords": 2, "Window": time.Hour}))
	account := jid.MustParse("bill@example.org")
	for i, want := range []error{nil, nil, stanza.ResourceConstraint} {
		if err := register.ChangePassword(context.Background(), r, account, "groundlings"); !errors.Is(err, want) {
			t.Errorf("%d: %v, want %v", i+1, err, want)
		}
	}
}

// First the result, then the end of all sessions. XEP-0077#usecases-cancel
func TestRemove(t *testing.T) {
	b, r := owner(t, register.Module())
	globe, rose := b.Online("bill@example.org/globe", 0), b.Online("bill@example.org/rose", 0)
	request := &stanza.IQ{
		Type: stanza.Set, ID: "unreg1",
		Payload: xmlstream.New(register.NS, "query", xmlstream.New(register.NS, "remove")),
	}
	if _, err := r.Request(context.Background(), request); err != nil {
		t.Fatal(err)
	}
	got := globe.Received()
	if len(got) != 1 || got[0].Type != stanza.Result || got[0].ID != "unreg1" || got[0].To != globe.JID() {
		t.Errorf("the session that asked received %v", got)
	}
	if got := rose.Received(); len(got) != 0 {
		t.Errorf("the other one received %v", got)
	}
	for _, s := range []*moduletest.Session{globe, rose} {
		if ended, err := s.Ended(); !ended || !errors.Is(err, stream.NotAuthorized) {
			t.Errorf("%s ended: %v, %v", s.JID(), ended, err)
		}
	}
	if b.Accounts.Exists(context.Background(), jid.MustParse("bill@example.org")) {
		t.Error("the account is still there")
	}
}

func TestRemoveRefused(t *testing.T) {
	_, r := owner(t, register.Module())
	remove := xmlstream.New(register.NS, "remove")
	_, err := r.Request(context.Background(), &stanza.IQ{
		Type: stanza.Set, Payload: xmlstream.New(register.NS, "query", remove, xmlstream.New(register.NS, "username")),
	})
	if !errors.Is(err, stanza.BadRequest) { // XEP-0077#usecases-cancel: the only child
		t.Errorf("not alone: %v", err)
	}
	b, r := owner(t, set(map[string]any{"Remove": false}))
	if err := register.Remove(context.Background(), r); !errors.Is(err, stanza.NotAllowed) {
		t.Errorf("not allowed: %v", err)
	}
	if !b.Accounts.Exists(context.Background(), jid.MustParse("bill@example.org")) {
		t.Error("the account is gone")
	}
}

// When the operator removes an account, nobody is answered.
func TestRemovedByOperator(t *testing.T) {
	b, _ := owner(t, register.Module())
	globe := b.Online("bill@example.org/globe", 0)
	if err := b.Accounts.Remove(context.Background(), jid.MustParse("bill@example.org")); err != nil {
		t.Fatal(err)
	}
	if got := globe.Received(); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// XEP-0077#disco, XEP-0348#support
func TestAnnounced(t *testing.T) {
	b, _ := owner(t, register.Module())
	info := b.Host.Directory.Info(context.Background(), module.Domain, b.Host.Domain, jid.JID{})
	if !info.Has(register.NS) || !info.Has(signing.FormType) {
		t.Errorf("%v", info.Features)
	}
}
