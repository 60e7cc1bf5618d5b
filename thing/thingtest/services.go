package thingtest

import (
	"context"
	"fmt"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/thing"
	"github.com/comity-iot/comity/xep/roster"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/mux"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// serve adds what the broker's own services answer.
func (b *Broker) serve() {
	b.mux.HandleIQ(stanza.Get, disco.NSInfo, "query", b.info)
	b.mux.HandleIQ(stanza.Get, disco.NSItems, "query", b.items)
	b.mux.HandleIQ(stanza.Get, roster.NS, "query", b.getRoster)
	for _, typ := range []stanza.Type{stanza.Get, stanza.Set} {
		for g, space := range registry.Space.All() {
			b.mux.HandleIQ(typ, space, "register", b.in(g, b.register))
			b.mux.HandleIQ(typ, space, "update", b.in(g, b.update))
		}
		for g, space := range provisioning.DeviceSpace.All() {
			b.mux.HandleIQ(typ, space, "isFriend", b.in(g, b.isFriend))
			b.mux.HandleIQ(typ, space, "canRead", b.in(g, b.canRead))
			b.mux.HandleIQ(typ, space, "canControl", b.in(g, b.canControl))
		}
	}
}

// in remembers the generation that the thing speaks.
func (b *Broker) in(g iot.Generation, fn mux.IQFunc) mux.IQFunc {
	return func(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
		b.mu.Lock()
		b.generation = g
		b.mu.Unlock()
		return fn(ctx, iq)
	}
}

func (b *Broker) spoken() iot.Generation {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.generation
}

func (b *Broker) info(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	i := disco.Info{Identities: []disco.Identity{{Category: "server", Type: "im"}}}
	if iq.To == b.service {
		i.Identities[0] = disco.Identity{Category: "component", Type: "generic"}
		for _, f := range []iot.Family{registry.Space, provisioning.DeviceSpace} {
			for _, space := range f.All() {
				i.Features = append(i.Features, space)
			}
		}
	}
	return i.Element(), nil
}

func (b *Broker) items(context.Context, *stanza.IQ) (*xmlstream.Element, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var i disco.Items
	if !b.hidden {
		i.Items = append(i.Items, disco.Item{JID: b.service})
	}
	return i.Element(), nil
}

func (b *Broker) register(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	r, err := registry.ParseRegister(iq.Payload)
	if err != nil {
		return nil, err
	}
	defer func() { b.registered <- r }()
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !b.owner.IsZero():
		return registry.Claimed{Owner: b.owner, Public: true}.Element(b.generation), nil
	case r.SelfOwned:
		b.owner = iq.From.Bare()
	}
	b.tags = r.Tags
	return nil, nil
}

func (b *Broker) update(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	u, err := registry.ParseUpdate(iq.Payload)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.owner.IsZero() {
		return registry.Disowned{}.Element(b.generation), nil
	}
	b.tags, err = b.tags.Merge(u.Tags)
	return nil, err
}

// Tags returns what the registry has.
func (b *Broker) Tags() registry.Tags {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tags
}

// decide notes a question and answers it by the rules.
func (b *Broker) decide(q thing.Question) (provisioning.Scope, bool) {
	b.mu.Lock()
	b.asked = append(b.asked, q)
	rules := b.rules
	b.mu.Unlock()
	if rules == nil {
		return provisioning.Scope{}, false
	}
	return rules(q)
}

func (b *Broker) isFriend(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	q, err := provisioning.ParseIsFriend(iq.Payload)
	if err != nil {
		return nil, err
	}
	_, ok := b.decide(thing.Question{Op: thing.Befriend, From: q.Remote})
	return provisioning.IsFriendResponse{Remote: q.Remote, Allowed: ok}.Element(b.spoken()), nil
}

func (b *Broker) canRead(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	q, err := provisioning.ParseCanRead(iq.Payload)
	if err != nil {
		return nil, err
	}
	s, ok := b.decide(thing.Question{Op: thing.Read, From: q.Remote, Names: q.Fields, Categories: q.Categories})
	r := provisioning.CanReadResponse{Remote: q.Remote, Allowed: ok, Categories: s.Categories, Fields: s.Names}
	return r.Element(b.spoken()), nil
}

func (b *Broker) canControl(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	q, err := provisioning.ParseCanControl(iq.Payload)
	if err != nil {
		return nil, err
	}
	s, ok := b.decide(thing.Question{Op: thing.Control, From: q.Remote, Names: q.Parameters})
	r := provisioning.CanControlResponse{Remote: q.Remote, Allowed: ok, Parameters: s.Names, Style: q.Style}
	return r.Element(b.spoken()), nil
}

// Claim makes somebody the owner, and a friend as an owner's client does.
func (b *Broker) Claim(ctx context.Context, owner *Person) error {
	b.mu.Lock()
	b.owner = owner.JID.Bare()
	b.mu.Unlock()
	claimed := registry.Claimed{Owner: owner.JID.Bare(), Public: true}.Element(b.spoken())
	if _, err := b.Push(ctx, claimed); err != nil {
		return err
	}
	ok, err := owner.Befriend(ctx)
	if err == nil && !ok {
		err = fmt.Errorf("thingtest: the thing has refused its owner")
	}
	return err
}

// Disown takes the owner away.
func (b *Broker) Disown(ctx context.Context) error {
	_, err := b.Push(ctx, registry.Disowned{}.Element(b.spoken()))
	if err == nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.owner = jid.JID{}
	}
	return err
}

// ClearCache makes the thing forget what decision support said.
func (b *Broker) ClearCache(ctx context.Context) error {
	_, err := b.Push(ctx, provisioning.ClearCache{}.Element(b.spoken()))
	return err
}

// Push sends the thing a request of the registry and decision support, and returns the answer.
func (b *Broker) Push(ctx context.Context, payload *xmlstream.Element) (*xmlstream.Element, error) {
	return b.Person(Service).Request(ctx, &stanza.IQ{Type: stanza.Set, Payload: payload})
}

// Advise sends the thing a message of decision support: provisioning.Friend or Unfriend.
func (b *Broker) Advise(advice interface {
	Element(iot.Generation) *xmlstream.Element
},
) {
	b.Person(Service).Send(stanza.NewMessage(jid.JID{}, stanza.Normal, advice.Element(b.spoken())))
}
