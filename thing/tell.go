package thing

import (
	"context"
	"time"

	"github.com/comity-iot/comity/iot/control"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/xep/entitytime"
	"github.com/comity-iot/comity/xep/ping"
	"github.com/comity-iot/comity/xep/version"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/form/xs"
	"github.com/comity-iot/comity/xmpp/mux"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// capsNode names the software whose capabilities are hashed. XEP-0115#protocol
const capsNode = "https://github.com/comity-iot/comity/thing"

// disco returns what the thing is and can do. Of the categories of XEP-0030's registrar, that of a client without a human is it.
func (t *Thing) disco() *disco.Info {
	i := &disco.Info{Identities: []disco.Identity{{Category: "client", Type: "bot", Name: t.about.title()}}}
	i.Features = []string{disco.NSInfo, disco.NSItems, disco.NSCaps, ping.NS, version.NS, entitytime.NS}
	i.Features = append(i.Features, all(provisioning.DeviceSpace)...)
	if len(t.fields) > 0 {
		i.Features = append(i.Features, all(sensordata.Family)...)
	}
	if len(t.parameters) > 0 {
		i.Features = append(i.Features, all(control.Family)...)
		i.Features = append(i.Features, form.NS)
	}
	return i
}

// presence returns the thing's presence.
func (t *Thing) presence() (*stanza.Stanza, error) {
	caps, err := disco.NewCaps(capsNode, t.disco())
	if err != nil {
		return nil, err
	}
	return &stanza.Stanza{Kind: stanza.Presence, Content: xmlstream.NewContent(caps.Element())}, nil
}

// known lets a handler have only requests of those who may know that the thing is there. To others it is as if it were not.
// XEP-0199#security
func (o *online) known(handle mux.IQFunc) mux.IQFunc {
	return func(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
		switch {
		case !o.mayKnow(iq.From):
			return nil, stanza.ServiceUnavailable
		case iq.Type != stanza.Get:
			return nil, stanza.BadRequest
		}
		return handle(ctx, iq)
	}
}

// info tells what the thing is, also under the node of its hash. XEP-0115#discover
func (o *online) info(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	query, err := disco.ParseInfo(iq.Payload)
	if err != nil {
		return nil, err
	}
	i := o.disco()
	if query.Node != "" {
		caps, err := disco.NewCaps(capsNode, i)
		if err != nil {
			return nil, err
		}
		if query.Node != caps.InfoNode() {
			return nil, stanza.ItemNotFound
		}
		i.Node = query.Node
	}
	return i.Element(), nil
}

// items tells that there are none.
func (o *online) items(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	query, err := disco.ParseItems(iq.Payload)
	if err != nil {
		return nil, err
	}
	if query.Node != "" {
		return nil, stanza.ItemNotFound
	}
	return (&disco.Items{}).Element(), nil
}

// version tells the model and its version. XEP-0092
func (o *online) version(context.Context, *stanza.IQ) (*xmlstream.Element, error) {
	return xmlstream.New(version.NS, "query",
		xmlstream.New(version.NS, "name", xmlstream.Text(o.about.Model)),
		xmlstream.New(version.NS, "version", xmlstream.Text(o.about.Version))), nil
}

// tellTime tells the time, in UTC. XEP-0202
func tellTime(context.Context, *stanza.IQ) (*xmlstream.Element, error) {
	now := xs.FormatDateTime(time.Now().Truncate(time.Millisecond))
	return xmlstream.New(entitytime.NS, "time",
		xmlstream.New(entitytime.NS, "tzo", xmlstream.Text(entitytime.FormatTZD(0))),
		xmlstream.New(entitytime.NS, "utc", xmlstream.Text(now))), nil
}
