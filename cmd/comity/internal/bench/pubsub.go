package bench

import (
	"context"
	"errors"
	"strconv"

	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

const (
	nsPubSub = "http://jabber.org/protocol/pubsub"       // XEP-0060
	nsOwner  = "http://jabber.org/protocol/pubsub#owner" // XEP-0060#owner
	nsConfig = "http://jabber.org/protocol/pubsub#node_config"
	nsForm   = "jabber:x:data"
	node     = "comity-bench"
	itemSize = 600 // bytes of payload
)

// pubsub lets the first session publish to a node that all others are subscribed to.
func (r *run) pubsub(ctx context.Context) error {
	c, ctx, err := r.gather(ctx, r.N+1, gathering{})
	if err != nil {
		return err
	}
	defer c.close()
	source, subscribers := c.sessions[0], c.sessions[1:]
	service, kind, refusal, err := r.makeNode(ctx, source)
	switch {
	case err != nil:
		return err
	case service.IsZero():
		note := "The server offers no PubSub (XEP-0060) and no PEP (XEP-0163)."
		if refusal != nil {
			note = "The server offers PubSub, but no node could be made: " + refusal.Error()
		}
		return r.tell("", nil, note)
	}
	err = r.each(ctx, len(subscribers), "subscribed", func(ctx context.Context, i int) error {
		s := subscribers[i]
		_, err := s.Request(ctx, toService(service, nsPubSub,
			xmlstream.New(nsPubSub, "subscribe", xmlstream.A("node", node), xmlstream.A("jid", s.jid.Bare().String()))))
		return err
	})
	if err != nil {
		return err
	}
	source.setHot(func(a *arrival) (bool, error) {
		if a.kind == "iq" && a.typ == "error" {
			return false, errors.New("the server refused an item")
		}
		return false, nil
	})
	from, item := service.String(), payload(itemSize)
	err = r.spread(ctx, c, subscribers, "cpu_per_delivery",
		func(a *arrival) bool { return a.kind == "message" && a.typ != "error" && a.from == from },
		func(k int) error {
			n := strconv.Itoa(k)
			return source.write(raw("<iq type='set' id='p" + n + "'" + attr("to", from) + "><pubsub xmlns='" + nsPubSub +
				"'><publish node='" + node + "'><item id='" + n + "'>" + item + "</item></publish></pubsub></iq>"))
		})
	if err != nil {
		return err
	}
	source.setHot(func(*arrival) (bool, error) { return false, nil })
	r.say("removing the node of the %s", kind)
	return dropNode(ctx, source, service)
}

// makeNode finds a service that lets s make a node: the one that was named, those of the domain, or the account itself. Without an
// error and a service there is none; refusal is the last no, if there was one.
func (r *run) makeNode(ctx context.Context, s *session) (service jid.JID, kind string, refusal, err error) {
	candidates, err := r.services(ctx, s)
	if err != nil {
		return jid.JID{}, "", nil, err
	}
	for _, j := range candidates {
		kind = "service"
		if j == s.jid.Bare() {
			kind = "account"
		}
		refusal = createNode(ctx, s, j)
		var no *stanza.Error
		if refusal != nil && !errors.As(refusal, &no) {
			return jid.JID{}, "", nil, refusal // not an answer
		}
		if refusal == nil {
			return j, kind, nil, nil
		}
	}
	return jid.JID{}, "", refusal, nil
}

// services returns the addresses that may be a PubSub service, the better ones first.
func (r *run) services(ctx context.Context, s *session) ([]jid.JID, error) {
	if r.PubSub != "" {
		j, err := bareOf(r.PubSub)
		return []jid.JID{j}, err
	}
	var found []jid.JID
	items, err := disco.GetItems(ctx, s, s.jid.DomainJID(), "")
	if err == nil {
		for _, it := range items.Items {
			if r.is(ctx, s, it.JID, "service") {
				found = append(found, it.JID)
			}
		}
	}
	if r.is(ctx, s, s.jid.Bare(), "pep") || r.is(ctx, s, s.jid.DomainJID(), "pep") { // XEP-0163#support
		found = append(found, s.jid.Bare())
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return found, nil
}

// is asks whether an entity has an identity of category pubsub and this type. One that does not answer has not.
func (r *run) is(ctx context.Context, s *session, of jid.JID, typ string) bool {
	info, err := disco.GetInfo(ctx, s, of, "")
	if err != nil {
		return false
	}
	for _, id := range info.Identities {
		if id.Category == "pubsub" && id.Type == typ {
			return true
		}
	}
	return false
}

// createNode makes the node: open to all, kept nowhere, and anew if it is there already, so that nobody is subscribed to it.
func createNode(ctx context.Context, s *session, service jid.JID) error {
	create := xmlstream.New(nsPubSub, "create", xmlstream.A("node", node))
	attempt := func(parts ...*xmlstream.Element) error {
		_, err := s.Request(ctx, toService(service, nsPubSub, parts...))
		if errors.Is(err, stanza.Conflict) {
			if err := dropNode(ctx, s, service); err != nil {
				return err
			}
			_, err = s.Request(ctx, toService(service, nsPubSub, parts...))
		}
		return err
	}
	field := func(name, value string) *xmlstream.Element {
		return xmlstream.New(nsForm, "field", xmlstream.A("var", name), xmlstream.New(nsForm, "value", xmlstream.Text(value)))
	}
	hidden := xmlstream.New(nsForm, "field", xmlstream.A("var", "FORM_TYPE"), xmlstream.A("type", "hidden"),
		xmlstream.New(nsForm, "value", xmlstream.Text(nsConfig)))
	form := xmlstream.New(nsForm, "x", xmlstream.A("type", "submit"), hidden,
		field("pubsub#access_model", "open"), field("pubsub#persist_items", "0"),
		field("pubsub#send_last_published_item", "never"), field("pubsub#presence_based_delivery", "0"))
	return attempt(create, xmlstream.New(nsPubSub, "configure", form))
}

func dropNode(ctx context.Context, s *session, service jid.JID) error {
	_, err := s.Request(ctx, toService(service, nsOwner, xmlstream.New(nsOwner, "delete", xmlstream.A("node", node))))
	return err
}

func toService(service jid.JID, space string, parts ...*xmlstream.Element) *stanza.IQ {
	el := xmlstream.New(space, "pubsub")
	for _, p := range parts {
		el = el.With(p)
	}
	return &stanza.IQ{Type: stanza.Set, To: service, Payload: el}
}
