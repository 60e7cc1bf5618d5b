package registry

import (
	"context"
	"errors"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// claim pairs a thing with the sender, who must know all its tags. Whatever is wrong the answer is item-not-found, without
// detail: a claim must not probe. XEP-0347#claim
func (s *service) claim(ctx context.Context, g iot.Generation, from jid.JID, el *xmlstream.Element) (*xmlstream.Element, error) {
	if !s.failures.may(from, s.host.Now()) {
		return nil, stanza.ResourceConstraint.With("too many claims that failed; wait a minute")
	}
	req, err := ParseMine(el)
	if err != nil {
		return nil, err
	}
	claim := s.hash(req.Tags)
	var thing iot.Thing
	err = s.host.DB.Update(ctx, func(tx *store.Tx) error {
		if err := setGeneration(tx, from, g); err != nil {
			return err
		}
		found, err := selectClaim(tx, claim, from)
		if err != nil {
			return err
		}
		// Who knows nothing claims nothing, though there be a thing that said nothing of itself.
		if req.Tags.Len() == 0 || len(found) != 1 || !req.Node.IsZero() && found[0].thing.Node != req.Node {
			return store.ErrNotFound
		}
		thing = found[0].thing
		if err := setOwner(tx, found[0].id, from, req.Public, s.host.Now()); err != nil {
			return err
		}
		if err := s.changed(tx, thing, from, WasClaimed); err != nil {
			return err
		}
		return s.push(tx, thing, "claimed", Claimed{Owner: from, Node: thing.Node, Public: req.Public}.Element)
	})
	if errors.Is(err, store.ErrNotFound) {
		s.failures.count(from, s.host.Now())
		return nil, stanza.ItemNotFound
	}
	if err != nil {
		return nil, err
	}
	return ClaimResult{Thing: thing}.Element(g), nil
}

// owned returns the record of a thing that the sender owns. Who does not own it learns nothing.
func owned(tx *store.Tx, t iot.Thing, owner jid.JID) (record, error) {
	r, err := selectThing(tx, t)
	if errors.Is(err, store.ErrNotFound) || err == nil && r.owner != owner {
		return record{}, stanza.ItemNotFound
	}
	return r, err
}

// update changes tags: the sender's own, or those of a thing that the sender owns. XEP-0347#update, XEP-0347#ownerupdate
func (s *service) update(ctx context.Context, g iot.Generation, from jid.JID, el *xmlstream.Element) (*xmlstream.Element, error) {
	req, err := ParseUpdate(el)
	if err != nil {
		return nil, err
	}
	byOwner := !req.JID.IsZero()
	thing := iot.Thing{JID: from, Node: req.Node}
	if byOwner {
		thing.JID = req.JID.Bare()
	}
	var answer *xmlstream.Element
	err = s.host.DB.Update(ctx, func(tx *store.Tx) error {
		answer = nil
		r, err := selectThing(tx, thing)
		switch {
		case errors.Is(err, store.ErrNotFound), err == nil && byOwner && r.owner != from, err == nil && !byOwner && r.removed:
			return stanza.ItemNotFound
		case err != nil:
			return err
		case r.owner.IsZero(): // nothing is stored, so that it registers anew
			answer = Disowned{Node: req.Node}.Element(g)
			return nil
		}
		tags, err := selectTags(tx, r.id)
		if err != nil {
			return err
		}
		if tags, err = tags.Merge(req.Tags); err != nil {
			return err
		}
		return replaceTags(tx, r.id, tags)
	})
	return answer, err
}

// remove takes a thing of the sender's out of searches; the sender stays its owner. XEP-0347#remove
func (s *service) remove(ctx context.Context, _ iot.Generation, from jid.JID, el *xmlstream.Element) error {
	req, err := ParseRemove(el)
	if err != nil {
		return err
	}
	return s.host.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := owned(tx, req.Thing, from)
		if err != nil {
			return err
		}
		if err := setRemoved(tx, r.id, s.host.Now()); err != nil {
			return err
		}
		return s.push(tx, r.thing, "removed", Removed{Node: r.thing.Node}.Element)
	})
}

// disown makes a thing of the sender's nobody's, once the thing has heard of it: it must be online. XEP-0347#disown
func (s *service) disown(ctx context.Context, _ iot.Generation, from jid.JID, el *xmlstream.Element) error {
	req, err := ParseDisown(el)
	if err != nil {
		return err
	}
	var r record
	var g iot.Generation
	err = s.host.DB.View(ctx, func(tx *store.Tx) (err error) {
		if r, err = owned(tx, req.Thing, from); err != nil {
			return err
		}
		g, err = selectGeneration(tx, r.thing.JID)
		return err
	})
	if err != nil {
		return err
	}
	if err := s.tellDisowned(ctx, r.thing, g); err != nil {
		return stanza.NotAllowed.Wrap(err)
	}
	return s.host.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := owned(tx, req.Thing, from)
		if err != nil {
			return err
		}
		if err := s.changed(tx, r.thing, from, WasDisowned); err != nil {
			return err
		}
		return clearOwner(tx, r.id, nobody(), s.host.Now())
	})
}

func (s *service) tellDisowned(ctx context.Context, t iot.Thing, g iot.Generation) error {
	ctx, cancel := context.WithTimeout(ctx, s.settings.Disown)
	defer cancel()
	g, _ = Space.For(g)
	var to module.Session
	for _, sess := range s.host.Sessions.Of(t.JID) {
		if sess.Presence() != nil && (to == nil || sess.Priority() > to.Priority()) {
			to = sess
		}
	}
	if to == nil {
		return errors.New("the thing is offline")
	}
	_, err := s.host.Network.Request(ctx, &stanza.IQ{
		Type: stanza.Set, From: s.addr, To: to.JID(), Payload: Disowned{Node: t.Node}.Element(g),
	})
	return err
}
