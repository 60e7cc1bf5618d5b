package provisioning

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// newKey makes the key of a question: 130 random bits.
func newKey() string { return rand.Text() }

// fromOwner does what an owner wants. Whoever does not own the thing learns nothing of it.
func (s *service) fromOwner(ctx context.Context, g iot.Generation, iq *stanza.IQ) (*xmlstream.Element, error) {
	owner, el := iq.From.Bare(), iq.Payload
	switch local := el.Local(); {
	case strings.HasSuffix(local, "Rule"):
		a, err := ParseAnswer(el)
		if err != nil {
			return nil, err
		}
		return nil, s.answer(ctx, g, owner, a)
	case local == "clearCache":
		req, err := ParseClearCaches(el)
		if err != nil {
			return nil, err
		}
		return nil, s.onOwn(ctx, g, owner, req.Thing, func(*store.Tx, iot.Thing) error { return nil })
	case local == "deleteRules":
		req, err := ParseDeleteRules(el)
		if err != nil {
			return nil, err
		}
		return nil, s.onOwn(ctx, g, owner, req.Thing, deleteRules)
	case local == "getDevices":
		req, err := ParseGetDevices(el)
		if err != nil {
			return nil, err
		}
		found, err := s.registry.Owned(ctx, s.host, owner, req.Page)
		return found.Element(g), err
	}
	return nil, stanza.FeatureNotImplemented
}

// answer makes a rule of an owner's answer, and tells the thing. A question that was answered may be answered again.
// Provisioning.md
func (s *service) answer(ctx context.Context, g iot.Generation, owner jid.JID, a Answer) error {
	var q asked
	err := s.host.DB.Update(ctx, func(tx *store.Tx) (err error) {
		if q, err = selectQuestion(tx, owner, a.Key); err != nil {
			return err
		}
		// Clients leave the node out where they deny: the question knows it.
		if q.Op != a.Op || q.Remote != a.Remote || q.Thing.JID != a.Thing.JID ||
			!a.Thing.Node.IsZero() && q.Thing.Node != a.Thing.Node {
			return store.ErrNotFound
		}
		if now, err := s.registry.Owner(tx, q.Thing); err != nil || now != owner {
			return errors.Join(err, store.ErrNotFound)
		}
		if err := s.registry.Uses(tx, owner, g); err != nil {
			return err
		}
		if err := closeQuestion(tx, q.Key); err != nil {
			return err
		}
		rule := Rule{Owner: owner, Thing: q.Thing, Op: a.Op, Origin: a.Origin, Allow: a.Allow, Scope: a.Scope}
		return s.rule(tx, rule, q.Remote)
	})
	if errors.Is(err, store.ErrNotFound) {
		return stanza.ItemNotFound
	}
	if err != nil || a.Allow {
		return err
	}
	s.refuse(ctx, owner, q.Thing, a.Op, a.Origin, q.Remote)
	return nil
}

// rule stores a rule and tells the thing about it, and about its caller where it is for a friendship.
func (s *service) rule(tx *store.Tx, r Rule, remote jid.JID) error {
	if err := putRule(tx, r, s.host.Now()); err != nil {
		return err
	}
	if n, err := countRules(tx, r.Owner); err != nil {
		return err
	} else if n > s.settings.Rules {
		return stanza.ResourceConstraint.With("too many rules")
	}
	var advice func(iot.Generation) *xmlstream.Element
	switch {
	case r.Op != Befriend || remote.IsZero():
	case r.Allow:
		advice = Friend{JID: remote}.Element
	default:
		advice = Unfriend{JID: remote}.Element
	}
	return tellThing(tx, s.host, s.registry, r.Thing, advice)
}

// refuse makes a refusal effective after its commit: the broker ends the friendship itself, and waits until the thing has
// forgotten what it was allowed. Where the thing does not confirm in time its owner is told.
func (s *service) refuse(ctx context.Context, owner jid.JID, t iot.Thing, op Operation, o Origin, remote jid.JID) {
	if op == Befriend && s.settings.Cancel {
		if err := s.cancel(ctx, t.JID, o, remote); err != nil {
			s.host.Log.Error("friendship not ended", "thing", t.JID, "err", err)
		}
	}
	if s.mayConfirm(t.JID) {
		wait, stop := context.WithTimeout(ctx, s.settings.Confirm)
		defer stop()
		if s.host.Outbox.Wait(wait, s.addr, t.JID) {
			return
		}
	}
	m := stanza.NewMessage(owner, stanza.Normal, xmlstream.New(stanza.Client, "body", xmlstream.Text(
		t.String()+" has not confirmed yet that it forgot its permissions. It will be told when it is online.")))
	s.host.Network.Send(ctx, m.Addressed(s.addr, owner))
}

// mayConfirm reports whether a thing can be there to answer. Of one elsewhere that is not known.
func (s *service) mayConfirm(thing jid.JID) bool {
	if thing.DomainJID() != s.host.Domain {
		return true
	}
	return slices.ContainsFunc(s.host.Sessions.Of(thing), func(x module.Session) bool { return x.Presence() != nil })
}

// cancel ends the friendships of a thing that an origin covers, as far as they are not allowed: a rule for all of a domain is none
// for the owner, nor for those who have a rule of their own.
func (s *service) cancel(ctx context.Context, thing jid.JID, o Origin, remote jid.JID) error {
	contacts, err := s.host.Roster.Contacts(ctx, thing)
	if err != nil {
		return err
	}
	for _, c := range contacts {
		if !c.From || c.JID != remote && OriginOf(o.Kind, c.JID, "") != o {
			continue
		}
		req := Request{Op: Befriend, Thing: thing, Caller: c.JID, Targets: []Target{{}}, Service: s.addr}
		var v Verdict
		err := s.host.DB.View(ctx, func(tx *store.Tx) (err error) {
			v, err = s.verdict(tx, &req)
			return err
		})
		if err == nil && !v.Allowed {
			err = s.host.Roster.Cancel(ctx, thing, c.JID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// onOwn does something to one thing of an owner, or to all of them, and makes them forget what they remember.
func (s *service) onOwn(ctx context.Context, g iot.Generation, owner jid.JID, t iot.Thing, do func(*store.Tx, iot.Thing) error) error {
	things, all := []iot.Thing{t}, t.JID.IsZero()
	if all {
		things = nil
		page := func(offset int) (registry.Found, error) {
			return s.registry.Owned(ctx, s.host, owner, iot.Page{Offset: offset})
		}
		for listed, err := range registry.Pages(0, page) {
			if err != nil {
				return err
			}
			things = append(things, listed.Thing)
		}
	}
	return s.host.DB.Update(ctx, func(tx *store.Tx) error {
		if err := s.registry.Uses(tx, owner, g); err != nil {
			return err
		}
		for _, t := range things {
			now, err := s.registry.Owner(tx, t)
			if err != nil {
				return err
			}
			switch {
			case now == owner:
			case all: // it has changed hands meanwhile
				continue
			default:
				return stanza.ItemNotFound
			}
			if err := do(tx, t); err != nil {
				return err
			}
			if err := tellThing(tx, s.host, s.registry, t, nil); err != nil {
				return err
			}
		}
		return nil
	})
}
