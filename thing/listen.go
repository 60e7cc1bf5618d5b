package thing

import (
	"context"
	"slices"

	"github.com/comity-iot/comity/iot/control"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/xep/delay"
	"github.com/comity-iot/comity/xep/entitytime"
	"github.com/comity-iot/comity/xep/roster"
	"github.com/comity-iot/comity/xep/version"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/mux"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// listen adds all handlers of a session, and returns what removes them. Old clients ask with a get where documents say set, and
// the reverse, so both are taken.
func (o *online) listen(ctx context.Context) (stop func()) {
	o.contacts.begin()
	var stops []func()
	on := func(space, local string, handle mux.IQFunc) {
		for _, typ := range []stanza.Type{stanza.Get, stanza.Set} {
			stops = append(stops, o.session.HandleIQ(typ, space, local, handle))
		}
	}
	message := func(space, local string, handle func(*stanza.Stanza)) {
		stops = append(stops, o.session.HandleMessage(space, local, handle))
	}
	presence := func(typ stanza.Type, handle func(*stanza.Stanza)) {
		stops = append(stops, o.session.HandlePresence(typ, handle))
	}

	for _, space := range registry.Space.All() {
		on(space, "claimed", o.fromRegistry(o.claimed))
		on(space, "removed", o.fromRegistry(o.removed))
		on(space, "disowned", o.fromRegistry(o.disowned))
	}
	for _, space := range provisioning.DeviceSpace.All() {
		on(space, "clearCache", o.clearCache)
		for _, local := range []string{"friend", "unfriend"} {
			message(space, local, func(m *stanza.Stanza) { o.advised(ctx, m, space, local) })
		}
	}
	if len(o.fields) > 0 {
		for _, space := range sensordata.Family.All() {
			on(space, "req", o.readOut)
			on(space, "cancel", o.readOut)
		}
	}
	if len(o.parameters) > 0 {
		for _, space := range control.Family.All() {
			on(space, "set", o.controlled)
			on(space, "getForm", o.controlled)
			message(space, "set", func(m *stanza.Stanza) { o.commanded(ctx, m) })
		}
	}
	message(stanza.Client, "body", func(m *stanza.Stanza) { o.chat(ctx, m) })

	on(roster.NS, "query", roster.Watch(o.session.JID().Bare(), o.contacts.changed))
	on(disco.NSInfo, "query", o.known(o.info))
	on(disco.NSItems, "query", o.known(o.items))
	on(version.NS, "query", o.known(o.version))
	on(entitytime.NS, "time", o.known(tellTime))

	presence(stanza.Subscribe, func(p *stanza.Stanza) {
		who := p.From.Bare().Clone()
		o.spawn(ctx, "subscription", who, func(ctx context.Context) { o.subscribe(ctx, who) })
	})
	presence(stanza.Available, o.heard)
	presence(stanza.Unavailable, o.heard)
	return func() {
		for _, stop := range slices.Backward(stops) {
			stop()
		}
	}
}

// isLate reports whether a message was kept for a while: what was meant for then is not for now.
func isLate(m *stanza.Stanza) bool {
	_, late := delay.Of(m)
	return late
}
