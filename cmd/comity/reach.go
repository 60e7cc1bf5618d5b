package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xep/roster"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// reachWait is how long a server may take to say whether somebody is there.
const reachWait = 5 * time.Second

// reach finds the full address of a thing that has a protocol, by its presence, and the generation to speak to it in. A full address is
// taken as it is. can completes the sentence for people where no such thing is there: "can be read".
func (u *user) reach(ctx context.Context, who jid.JID, protocol iot.Family, can string) (jid.JID, iot.Generation, error) {
	if who.IsFull() {
		info, err := disco.GetInfo(ctx, u, who, "")
		if err != nil {
			return who, 0, nil // it may do what it does without saying so
		}
		return who, generationOf(info, protocol), nil
	}
	contacts, err := u.appear(ctx)
	if err != nil {
		return who, 0, err
	}
	if !sees(contacts, who) {
		return who, 0, strangers(who)
	}
	if err := u.probe(ctx, who); err != nil {
		return who, 0, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, reachWait, notOnline(who))
	defer cancel()
	found := jid.JID{}
	for {
		n, err := u.news.next(ctx)
		if err != nil && !found.IsZero() {
			return found, 0, stanza.FeatureNotImplemented.With("%s is there, but nothing that %s", who, can)
		}
		if err != nil {
			return who, 0, err
		}
		if n.presence == nil || n.presence.From.Bare() != who {
			continue
		}
		switch p := n.presence; p.Type {
		case stanza.Available:
			info, err := disco.GetInfo(ctx, u, p.From, "")
			if err == nil && !info.Has(namespaces(protocol)...) {
				found = p.From // perhaps another of its sessions is the thing
				continue
			}
			return p.From, generationOf(info, protocol), nil
		case stanza.Unavailable:
			if p.From.IsBare() {
				return who, 0, notOnline(who)
			}
		case stanza.Unsubscribed:
			return who, 0, strangers(who)
		case stanza.ErrorType:
			return who, 0, stanza.ParseError(p.Child(stanza.Client, "error"))
		}
	}
}

// sees reports whether one of the contacts shows its presence.
func sees(contacts []roster.Item, who jid.JID) bool {
	return slices.ContainsFunc(contacts, func(i roster.Item) bool {
		return i.JID == who && (i.Subscription == roster.To || i.Subscription == roster.Both)
	})
}

// strangers is the error of asking something of who does not let the user see whether it is there.
func strangers(who jid.JID) error {
	return &advised{
		fmt.Errorf("%s is not your friend, so nobody tells you where it is", who), refused,
		fmt.Sprintf("Ask for its friendship: comity friends add %s\nIf you own it, that is granted at once; else its owner is asked.", who),
	}
}

func notOnline(who jid.JID) error {
	return &advised{fmt.Errorf("%s is not online", who), unreachable, "Try again when it is: comity friends"}
}

// namespaces are those of all generations of a protocol.
func namespaces(f iot.Family) []string {
	var all []string
	for _, ns := range f.All() {
		all = append(all, ns)
	}
	return all
}

// generationOf returns the generation in which to speak to who has a protocol: of those that it has the first of these. It is zero where
// that is not known.
func generationOf(info *disco.Info, f iot.Family) iot.Generation {
	for _, g := range []iot.Generation{iot.IEEE, iot.XSF, iot.NF, iot.NFI} {
		if has, ns := f.For(g); has == g && info.Has(ns) {
			return g
		}
	}
	return 0
}
