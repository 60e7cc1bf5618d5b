package thing

import (
	"context"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/mux"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// What the registry and decision support tell a thing counts only if it comes from the very address where they are: everybody else
// may try. XEP-0347#claim, XEP-0324#security

// fromRegistry lets a handler have only what the registry says.
func (o *online) fromRegistry(handle mux.IQFunc) mux.IQFunc {
	return func(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
		if at := o.state.view().Registry.JID; at.IsZero() || iq.From != at {
			o.suspect(iq.Payload.Local(), iq.From)
			return nil, stanza.Forbidden
		}
		return handle(ctx, iq)
	}
}

// isDecisions reports whether decision support has sent something.
func (o *online) isDecisions(from jid.JID, what string) bool {
	if at := o.state.view().Decisions.JID; !at.IsZero() && from == at {
		return true
	}
	o.suspect(what, from)
	return false
}

// suspect logs what somebody has sent who has no right to, though not all of it, lest they fill the disk.
func (o *online) suspect(what string, from jid.JID) {
	if !o.quiet.isOn() {
		o.quiet.begin(logEvery)
		o.log.Warn("forged", "element", what, "from", from)
	}
}

// logEvery is how often strangers can make the thing log.
const logEvery = 10 * time.Second

// errNode is for nodes of a concentrator, which a thing is not.
var errNode = stanza.ItemNotFound.With("there are no nodes here")

// claimed handles the news that somebody has claimed the thing. XEP-0347#claim
func (o *online) claimed(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	c, err := registry.ParseClaimed(iq.Payload)
	switch {
	case err != nil:
		return nil, err
	case !c.Node.IsZero():
		return nil, errNode
	}
	return nil, o.owned(ctx, c.Owner, c.Public, now)
}

// removed handles the news that the owner has taken the thing out of searches. XEP-0347#remove
func (o *online) removed(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	r, err := registry.ParseRemoved(iq.Payload)
	switch {
	case err != nil:
		return nil, err
	case !r.Node.IsZero():
		return nil, errNode
	}
	return nil, o.state.change(func(k *kept) { k.Public = false })
}

// disowned handles the news that nobody owns the thing any more. Nobody is a friend any more either, until the next owner says so.
// XEP-0347#disown
func (o *online) disowned(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	d, err := registry.ParseDisowned(iq.Payload)
	switch {
	case err != nil:
		return nil, err
	case !d.Node.IsZero():
		return nil, errNode
	}
	if err := o.owned(ctx, jid.JID{}, false, now); err != nil {
		return nil, err
	}
	for _, f := range o.contacts.all() {
		if !o.isService(f) {
			o.unfriend(ctx, f)
		}
	}
	o.wish(afterDisowned)
	return nil, nil
}

// clearCache handles the wish that the thing asks again. The answer means that it has forgotten, for good. XEP-0324#clearcache
func (o *online) clearCache(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	if !o.isDecisions(iq.From, "clearCache") {
		return nil, stanza.Forbidden
	}
	c, err := provisioning.ParseClearCache(iq.Payload)
	if err != nil {
		return nil, err
	}
	if c.Node.IsZero() { // of nodes nothing is remembered
		if err := o.state.forget(everybody); err != nil {
			return nil, err
		}
		o.away.end()
	}
	g, _ := provisioning.DeviceSpace.Of(iq.Payload.Space())
	return provisioning.ClearCacheAck(g), nil
}

// advised handles the advice to be friends with somebody, or not any more. XEP-0324#recommendingfriendships
func (o *online) advised(ctx context.Context, m *stanza.Stanza, space, local string) {
	if m.Type == stanza.ErrorType || !o.isDecisions(m.From, local) {
		return
	}
	who, err := iot.AddressAttr(m.Child(space, "friend"), "jid")
	if local == "unfriend" {
		who, err = iot.AddressAttr(m.Child(space, "unfriend"), "jid")
	}
	switch {
	case err != nil:
		o.log.Warn("malformed advice", "from", m.From, "err", err)
	case who == o.session.JID().Bare():
	case local == "friend":
		o.befriend(ctx, who)
	default:
		if err := o.state.forget(func(j jid.JID) bool { return j == who }); err != nil {
			o.log.Error("state not saved", "err", err)
		}
		o.unfriend(ctx, who)
	}
}
