package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/xep/blocking"
	"github.com/comity-iot/comity/xep/command"
	"github.com/comity-iot/comity/xep/roster"
	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

var (
	killDiscovery = jid.MustParse("discovery.example.org")
	errGone       = errors.New("the session is over")
)

// newWriters makes two of each kind.
func newWriters() (all []*writer) {
	for _, who := range []string{"1", "2"} {
		for name, kind := range map[string]func(who string) *writer{
			"roster": rosterWriter, "blocking": blockingWriter, "offline": offlineWriter,
			"registry": registryWriter, "rules": rulesWriter,
		} {
			w := kind(who)
			w.name = name + " " + who
			w.sure, w.doubt = map[string]string{}, map[string]string{}
			all = append(all, w)
		}
	}
	return all
}

func stranger(n int) jid.JID { return jid.MustParse(fmt.Sprintf("stranger-%d@example.net", n)) }

// rosterWriter gives contacts new names, and removes some. RFC 6121 §2.3 to §2.5
func rosterWriter(who string) *writer {
	w := &writer{as: []string{"roster" + who}}
	w.next = func(ctx context.Context, s []*client.Session, n int) error {
		c, contact := &roster.Client{Requester: s[0]}, stranger(n%40)
		if n%7 == 0 && w.sure[contact.String()] != "" {
			return w.try(contact.String(), "", func() error { return c.Remove(ctx, contact) })
		}
		name := strconv.Itoa(n)
		return w.try(contact.String(), name, func() error { return c.Set(ctx, roster.Item{JID: contact, Name: name}) })
	}
	w.read = func(ctx context.Context, s []*client.Session) (was, is map[string]string, err error) {
		got := map[string]string{}
		all, err := (&roster.Client{Requester: s[0]}).Get(ctx, "")
		if err == nil {
			for _, i := range all.Items {
				got[i.JID.String()] = i.Name
			}
		}
		return got, got, err
	}
	return w
}

// blockingWriter blocks and unblocks. XEP-0191#block, XEP-0191#unblock
func blockingWriter(who string) *writer {
	w := &writer{as: []string{"blocking" + who}}
	w.next = func(ctx context.Context, s []*client.Session, n int) error {
		c, whom := &blocking.Client{Requester: s[0]}, stranger(n%40)
		if w.sure[whom.String()] != "" {
			return w.try(whom.String(), "", func() error { return c.Unblock(ctx, whom) })
		}
		return w.try(whom.String(), "blocked", func() error { return c.Block(ctx, whom) })
	}
	w.read = func(ctx context.Context, s []*client.Session) (was, is map[string]string, err error) {
		got := map[string]string{}
		all, err := (&blocking.Client{Requester: s[0]}).Get(ctx)
		for _, j := range all {
			got[j.String()] = "blocked"
		}
		return got, got, err
	}
	return w
}

// offlineWriter sends messages to who is not there. XEP-0160#flow, XEP-0198#acking
func offlineWriter(who string) *writer {
	w := &writer{as: []string{"offline" + who, "absent" + who}}
	body := func(text string) *xmlstream.Element {
		return xmlstream.New(stanza.Client, "body", xmlstream.Text(text))
	}
	w.next = func(ctx context.Context, s []*client.Session, n int) error {
		m := stanza.NewMessage(s[1].JID().Bare(), stanza.Chat, body("kept"))
		m.ID = strconv.Itoa(n)
		return w.try(m.ID, "kept", func() error { return s[0].SendAcked(ctx, m) })
	}
	w.read = func(ctx context.Context, s []*client.Session) (was, is map[string]string, err error) {
		// What is kept comes before what is sent when it has been asked for.
		got, end := map[string]string{}, make(chan struct{})
		defer s[1].HandleMessage(stanza.Client, "body", func(m *stanza.Stanza) {
			switch m.Body() {
			case "kept":
				got[m.ID] = "kept"
			case s[1].JID().Resource():
				close(end)
			}
		})()
		err = errors.Join(
			s[1].Send(ctx, stanza.NewPresence(jid.JID{}, stanza.Available)),
			s[1].Send(ctx, stanza.NewMessage(s[1].JID(), stanza.Headline, body(s[1].JID().Resource()))),
			await(ctx, s[1], end),
			s[1].SendAcked(ctx, stanza.NewPresence(jid.JID{}, stanza.Unavailable)))
		return got, map[string]string{}, err
	}
	return w
}

// await returns when something has happened, or cannot any more.
func await[T any](ctx context.Context, s *client.Session, c <-chan T) error {
	select {
	case <-c:
		return nil
	case <-s.Done():
		return errGone
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// registryWriter registers things, and claims them. XEP-0347#register, XEP-0347#claim
func registryWriter(who string) *writer {
	w := &writer{as: []string{"concentrator" + who, "owner" + who}}
	tags := func(id string) registry.Tags {
		tags, _ := registry.NewTags(registry.Str("SN", id), registry.Str(registry.KeyTag, "key "+id+" of "+who)) // they are few and short
		return tags
	}
	claim := func(ctx context.Context, s *client.Session, id string) error {
		_, err := (&registry.Client{Requester: s, Registry: killDiscovery}).Claim(ctx, tags(id), true)
		return err
	}
	w.next = func(ctx context.Context, s []*client.Session, n int) error {
		id := strconv.Itoa(n)
		thing := &registry.Client{Requester: s[0], Registry: killDiscovery}
		err := w.try(id, "registered", func() error {
			_, err := thing.Register(ctx, registry.Register{Node: iot.Node{ID: id}, Tags: tags(id)})
			return err
		})
		if err != nil {
			return err
		}
		return w.try(id, "claimed", func() error { return claim(ctx, s[1], id) })
	}
	w.read = func(ctx context.Context, s []*client.Session) (was, is map[string]string, err error) {
		was, is = map[string]string{}, map[string]string{}
		owner := &provisioning.OwnerClient{Requester: s[1], Service: killDiscovery}
		for l, err := range owner.Devices(ctx, iot.Page{MaxCount: 100}) {
			if err != nil {
				return nil, nil, err
			}
			was[l.Thing.ID], is[l.Thing.ID] = "claimed", "claimed"
		}
		for id := range merge(w.sure, w.doubt) { // what was registered can be claimed
			if was[id] != "" {
				continue
			}
			switch err := claim(ctx, s[1], id); {
			case err == nil:
				was[id], is[id] = "registered", "claimed"
			case !errors.Is(err, stanza.ItemNotFound):
				return nil, nil, err
			}
		}
		return was, is, nil
	}
	return w
}

// rulesWriter has a thing ask whether strangers may befriend it, and its owner decide. Provisioning.md
func rulesWriter(who string) *writer {
	w := &writer{as: []string{"thing" + who, "decider" + who}}
	questions := make(chan provisioning.Question, 1000)
	w.ready = func(ctx context.Context, s []*client.Session) error {
		tags, err := registry.NewTags(registry.Str("SN", who), registry.Str(registry.KeyTag, "the thing of decider "+who))
		if err != nil {
			return err
		}
		s[1].HandleMessage(provisioning.OwnerSpace.NS(iot.IEEE), "isFriend", func(m *stanza.Stanza) {
			q, err := provisioning.ParseQuestion(m.Child(provisioning.OwnerSpace.NS(iot.IEEE), "isFriend"))
			if err == nil {
				questions <- q
			}
		})
		thing := &registry.Client{Requester: s[0], Registry: killDiscovery}
		owned, err := thing.Register(ctx, registry.Register{Tags: tags})
		if err == nil && owned == nil {
			_, err = (&registry.Client{Requester: s[1], Registry: killDiscovery}).Claim(ctx, tags, false)
		}
		return errors.Join(err, s[1].Send(ctx, stanza.NewPresence(jid.JID{}, stanza.Available)))
	}
	w.next = func(ctx context.Context, s []*client.Session, n int) error {
		remote := stranger(n)
		err := w.try(remote.String(), "asked", func() error {
			_, err := (&provisioning.Client{Requester: s[0], Service: killDiscovery}).IsFriend(ctx, remote)
			return err
		})
		for err == nil {
			select {
			case q := <-questions: // perhaps of an earlier life
				a, _ := q.Answer(n%3 > 0, provisioning.FromCaller)
				err = w.try(q.Remote.String(), verdictOf(a.Allow), func() error {
					return (&provisioning.OwnerClient{Requester: s[1], Service: killDiscovery}).Answer(ctx, a)
				})
				if q.Remote == remote {
					return err
				}
			case <-s[1].Done():
				return errGone
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return err
	}
	w.read = func(ctx context.Context, s []*client.Session) (was, is map[string]string, err error) {
		if was, err = openQuestions(ctx, s[1]); err != nil {
			return nil, nil, err
		}
		for who := range merge(w.sure, w.doubt) {
			if was[who] != "" {
				continue
			}
			allowed, err := (&provisioning.Client{Requester: s[0], Service: killDiscovery}).IsFriend(ctx, jid.MustParse(who))
			if err != nil {
				return nil, nil, err
			}
			was[who] = verdictOf(allowed)
		}
		open, err := openQuestions(ctx, s[1])
		is = merge(was, open)
		for who := range open { // who was asked about just now has no rule
			if was[who] != "asked" {
				delete(was, who)
			}
		}
		return was, is, err
	}
	return w
}

func verdictOf(allow bool) string {
	if allow {
		return "allow"
	}
	return "deny"
}

// openQuestions returns about whom an owner is still asked.
func openQuestions(ctx context.Context, owner *client.Session) (map[string]string, error) {
	c, err := command.Start(ctx, owner, killDiscovery, provisioning.CommandQuestions)
	if err != nil {
		return nil, err
	}
	got := map[string]string{}
	for _, row := range c.Form.Items {
		got[cell(row, "remote")] = "asked"
	}
	return got, nil
}
