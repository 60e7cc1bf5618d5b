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

// batch is how many things are looked at together.
const batch = 500

// search finds public things by their tags. XEP-0347#search
func (s *service) search(ctx context.Context, g iot.Generation, from jid.JID, el *xmlstream.Element) (*xmlstream.Element, error) {
	now := s.host.Now()
	if !s.searches.may(from, now) {
		return nil, stanza.ResourceConstraint.With("too many searches; wait a minute")
	}
	s.searches.count(from, now)
	req, err := ParseSearch(el)
	if err != nil {
		return nil, err
	}
	filter, err := req.Compile()
	if err != nil {
		return nil, err
	}
	var found Found
	if !filter.Never() {
		err = s.host.DB.View(ctx, func(tx *store.Tx) (err error) {
			found, err = s.scan(tx, req, filter)
			return err
		})
	}
	return found.Element(g), err
}

// scan looks at things in the order of their registration until the page is full.
func (s *service) scan(tx *store.Tx, req Search, filter *Filter) (found Found, err error) {
	want := s.page(req.Page)
	equal := anEqual(req.Operators)
	var last int64
	for seen := 0; seen < s.settings.Scan; {
		some, err := selectPublic(tx, last, batch, equal)
		if err != nil || len(some) == 0 {
			return found, err
		}
		for _, r := range some {
			last = r.id
			tags, err := selectTags(tx, r.id)
			if err != nil {
				return found, err
			}
			switch {
			case !filter.Match(tags):
			case want.Offset > 0:
				want.Offset--
			case len(found.Things) == want.MaxCount:
				found.More = true
				return found, nil
			default:
				found.Things = append(found.Things, Listed{Thing: r.thing, Tags: tags})
			}
		}
		seen += len(some)
	}
	// Not More: the next page would end here too.
	return found, nil
}

// page bounds what a page may hold.
func (r *Registry) page(p iot.Page) iot.Page {
	if p.MaxCount == 0 || p.MaxCount > r.settings.Page {
		p.MaxCount = r.settings.Page
	}
	return p
}

// anEqual returns an operator that an index can answer, or nil.
func anEqual(ops []Operator) *Operator {
	for i := range ops {
		if op := &ops[i]; op.Test == Equal && !op.Numeric && op.NameWildcard == "" {
			return op
		}
	}
	return nil
}

// Owner returns who owns a thing, zero for nobody and for a thing that is not in the registry.
func (r *Registry) Owner(tx *store.Tx, t iot.Thing) (jid.JID, error) {
	rec, err := selectThing(tx, t)
	if errors.Is(err, store.ErrNotFound) {
		return jid.JID{}, nil
	}
	return rec.owner, err
}

// Generation returns which namespaces a party used last, zero where it has used none.
func (r *Registry) Generation(tx *store.Tx, party jid.JID) (iot.Generation, error) {
	return selectGeneration(tx, party)
}

// Uses notes which namespaces a party uses.
func (r *Registry) Uses(tx *store.Tx, party jid.JID, g iot.Generation) error {
	return setGeneration(tx, party, g)
}

// Owned returns a page of an owner's things, public or not. Provisioning.md "Getting list of devices"
func (r *Registry) Owned(ctx context.Context, h *module.Host, owner jid.JID, p iot.Page) (found Found, err error) {
	p = r.page(p)
	more := p
	more.MaxCount++
	err = h.DB.View(ctx, func(tx *store.Tx) error {
		found = Found{}
		all, err := selectOwned(tx, owner, more)
		if err != nil {
			return err
		}
		if len(all) > p.MaxCount {
			all, found.More = all[:p.MaxCount], true
		}
		for _, rec := range all {
			tags, err := selectTags(tx, rec.id)
			if err != nil {
				return err
			}
			found.Things = append(found.Things, Listed{Thing: rec.thing, Tags: tags})
		}
		return nil
	})
	return found, err
}
