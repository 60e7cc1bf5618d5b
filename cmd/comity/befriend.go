package main

import (
	"context"
	"errors"
	"time"

	"github.com/comity-iot/comity/xep/roster"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// consent is what somebody says to the wish to see it.
type consent uint8

const (
	silent consent = iota // nothing yet: it may be offline
	denied                // for now
	granted
)

// consentWait is how long somebody who is online takes to answer at most, having asked its owner's broker first.
const consentWait = 3 * time.Second

// befriend asks to see somebody, whom it lets see the user too, and waits for the answer: some time, or, with a function that is told
// of each refusal, until it is yes.
func (u *user) befriend(ctx context.Context, who jid.JID, refusal func()) (consent, error) {
	who = who.Bare()
	contacts, err := u.appear(ctx)
	if err != nil {
		return silent, err
	}
	if sees(contacts, who) {
		return granted, nil
	}
	if err := u.propose(ctx, who); err != nil {
		return silent, err
	}
	waiting := ctx
	if refusal == nil {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeoutCause(ctx, consentWait, errSilent)
		defer cancel()
	}
	for {
		n, err := u.news.next(waiting)
		switch {
		case errors.Is(err, errSilent):
			return silent, nil
		case err != nil:
			return silent, err
		}
		said, err := u.hear(ctx, n, who)
		switch {
		case err != nil:
			return silent, err
		case said == granted:
			return granted, nil
		case said == denied && refusal == nil:
			return denied, nil
		case said == denied:
			refusal()
		}
	}
}

// errSilent ends the wait for an answer.
var errSilent = errors.New("no answer")

// propose asks to see somebody, and lets it see the user if it wants to. RFC 6121 §3.1, §3.4
func (u *user) propose(ctx context.Context, who jid.JID) error {
	return errors.Join(u.Send(ctx, roster.Approve(who)), u.Send(ctx, roster.Subscribe(who)))
}

// hear returns what the news say of the wish to see somebody. A thing that was told by its owner's broker to befriend the user asks in
// turn: that is the time to ask again. XEP-0324#recommendingfriendships
func (u *user) hear(ctx context.Context, n news, who jid.JID) (consent, error) {
	if n.presence == nil {
		switch i := n.push.Item; {
		case i.JID != who:
		case i.Subscription == roster.To || i.Subscription == roster.Both:
			return granted, nil
		case i.Subscription == roster.From && !i.Ask:
			return silent, u.Send(ctx, roster.Subscribe(who))
		}
		return silent, nil
	}
	if n.presence.From.Bare() != who {
		return silent, nil
	}
	switch n.presence.Type {
	case stanza.Subscribed:
		return granted, nil
	case stanza.Unsubscribed:
		return denied, nil
	case stanza.Subscribe:
		return silent, u.propose(ctx, who)
	case stanza.ErrorType:
		return silent, stanza.ParseError(n.presence.Child(stanza.Client, "error"))
	}
	return silent, nil
}
