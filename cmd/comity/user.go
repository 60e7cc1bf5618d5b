package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/comity-iot/comity/xep/roster"
	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/sasl"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// answerWait is how long an entity may take to answer a request.
const answerWait = 30 * time.Second

// user is somebody who is logged in for one command.
type user struct {
	*client.Session
	env  *env
	news *queue[news] // since appear
}

// news is what somebody else did.
type news struct {
	presence *stanza.Stanza // nil for a push
	push     roster.Push
}

// login begins a session. Close ends it.
func (f *profileFlags) login(ctx context.Context, e *env) (*user, error) {
	p, account, err := f.load(e)
	if err != nil {
		return nil, err
	}
	if p.Password == "" {
		if p.Password, err = e.ownPassword(ctx, account); err != nil {
			return nil, err
		}
	}
	c, err := p.session(account)
	if err != nil {
		return nil, err
	}
	s, err := client.Dial(ctx, c)
	if err != nil {
		return nil, loginError(err, account, p)
	}
	return &user{Session: s, env: e, news: newQueue[news]()}, nil
}

// ownPassword asks for the password of an account that exists.
func (e *env) ownPassword(ctx context.Context, account jid.JID) (string, error) {
	fd, ok := terminal(e.stdin)
	if !ok {
		return "", usageError(fmt.Errorf("no password for %s", account), profileAdvice, e.profileFile())
	}
	return e.ask(ctx, fd, fmt.Sprintf("Password of %s: ", account))
}

// loginError says what to do where there is no session.
func loginError(err error, account jid.JID, p profile) error {
	at := p.Addr
	if at == "" {
		at = account.Domain()
	}
	if no, ok := errors.AsType[*stream.AuthError](err); ok {
		if no.Condition != sasl.NotAuthorized {
			return &advised{err, refused, ""}
		}
		return &advised{
			fmt.Errorf("%s does not let %s in with this password", account.Domain(), account), refused,
			"Check address and password. On the broker's machine: comity account passwd " + account.String(),
		}
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return &advised{
			fmt.Errorf("%s has a certificate of an authority that is not known here", at), refused,
			"If it is your broker, or a friend's: --ca FILE, with the ca.pem of the broker's data folder.",
		}
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return &advised{err, refused, "This is not the server of " + account.Domain() + ", or its certificate is for another name."}
	}
	if no, ok := errors.AsType[*net.OpError](err); ok {
		return &advised{
			fmt.Errorf("no connection to %s: %w", at, no.Err), unreachable,
			"Does the broker run? If it is not where DNS says: --addr HOST:PORT",
		}
	}
	if errors.Is(err, client.ErrNotOffered) {
		return &advised{err, unreachable, "If you know better: --addr HOST:PORT"}
	}
	return err
}

// close ends the session in good order.
func (u *user) close() { u.Close(context.Background()) }

// self is the user's account, a bare address.
func (u *user) self() jid.JID { return u.JID().Bare() }

// Request is that of the session, with a limit to the wait.
func (u *user) Request(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	to := iq.To
	if to.IsZero() {
		to = u.JID().DomainJID()
	}
	ctx, cancel := context.WithTimeoutCause(ctx, answerWait, stanza.RemoteServerTimeout.With("%s does not answer", to))
	defer cancel()
	return u.Session.Request(ctx, iq)
}

// lowest is a priority with which a session gets nothing but what is meant for it: no messages that wait for the user.
// RFC 6121 §4.7.2.3
const lowest = "-1"

// appear lets others know that the user is here, for a moment, and collects the news from then on. It returns the roster.
func (u *user) appear(ctx context.Context) ([]roster.Item, error) {
	for _, typ := range []stanza.Type{
		stanza.Available, stanza.Unavailable, stanza.ErrorType,
		stanza.Subscribe, stanza.Subscribed, stanza.Unsubscribe, stanza.Unsubscribed,
	} {
		u.HandlePresence(typ, func(p *stanza.Stanza) { u.news.put(news{presence: p}) })
	}
	u.HandleIQ(stanza.Set, roster.NS, "query", roster.Watch(u.self(), func(p roster.Push) { u.news.put(news{push: p}) }))
	list := roster.Client{Requester: u}
	got, err := list.Get(ctx, "")
	if err != nil {
		return nil, err
	}
	priority := xmlstream.New(stanza.Client, "priority", xmlstream.Text(lowest))
	return got.Items, u.Send(ctx, stanza.NewPresence(jid.JID{}, stanza.Available, priority))
}

// probe asks for somebody's presence, which a server tells by itself only where it is known.
func (u *user) probe(ctx context.Context, who jid.JID) error {
	return u.Send(ctx, stanza.NewPresence(who.Bare(), stanza.Probe))
}

// parseContact reads the address of somebody, or of a thing.
func parseContact(text string) (jid.JID, error) {
	who, err := jid.Parse(strings.TrimPrefix(text, "xmpp:"))
	if err != nil {
		return who, usageError(err, "An address is a name and a domain: lamp@example.org")
	}
	return who, nil
}
