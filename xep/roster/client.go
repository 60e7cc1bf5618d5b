package roster

import (
	"context"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Client manages the roster of the account that the Requester is logged in to. Besides what its methods say, their errors
// are the *stanza.Error of the server and those of the Requester.
type Client struct {
	Requester stanza.Requester
}

// Get asks for the roster; from then on the server sends pushes (Watch). version is that of the roster which the client
// has kept, with all pushes since, and is empty for none: where it is still good, the answer is nil. RFC 6121 §2.2, §2.6.2
func (c *Client) Get(ctx context.Context, version string) (*Roster, error) {
	answer, err := c.Requester.Request(ctx, &stanza.IQ{
		Type: stanza.Get, Payload: xmlstream.New(NS, "query", xmlstream.A("ver", version)),
	})
	if err != nil || answer == nil {
		return nil, err
	}
	return ParseRoster(answer), nil
}

// Set puts a contact into the roster, or gives it another name and other groups. Subscription, Ask and Approved are the
// server's business and not sent. Errors: stanza.NotAcceptable for an empty group or what is too long,
// stanza.ResourceConstraint for too many contacts. RFC 6121 §2.3, §2.4
func (c *Client) Set(ctx context.Context, i Item) error {
	return c.set(ctx, Item{JID: i.JID, Name: i.Name, Groups: i.Groups})
}

// Remove takes a contact out of the roster, which cancels both subscriptions. The error is stanza.ItemNotFound where it
// is not in it. RFC 6121 §2.5
func (c *Client) Remove(ctx context.Context, contact jid.JID) error {
	return c.set(ctx, Item{JID: contact, Subscription: Remove})
}

func (c *Client) set(ctx context.Context, i Item) error {
	_, err := c.Requester.Request(ctx, &stanza.IQ{Type: stanza.Set, Payload: query("", i.Element())})
	return err
}

// Push tells of a change to the roster.
type Push struct {
	Version string // of the roster with the change
	Item    Item   // its Subscription is Remove where the contact is gone
}

// ParsePush reads a push to the client of the account own, a bare JID. The error is stanza.ServiceUnavailable where it
// comes from somebody else, who would like to forge the roster, and stanza.BadRequest where it does not hold one good
// item. RFC 6121 §2.1.6
func ParsePush(iq *stanza.IQ, own jid.JID) (Push, error) {
	if !iq.From.IsZero() && iq.From != own {
		return Push{}, stanza.ServiceUnavailable
	}
	if iq.Type != stanza.Set || !iq.Payload.Is(NS, "query") {
		return Push{}, stanza.BadRequest.With("no roster push")
	}
	i, err := onlyItem(iq.Payload)
	if err != nil {
		return Push{}, err
	}
	return Push{Version: iq.Payload.Attr("ver"), Item: i}, nil
}

// Watch makes a handler of requests in NS that calls changed for each push to the account own, a bare JID, and answers
// it. Pushes come in the order of the changes.
func Watch(own jid.JID, changed func(Push)) func(context.Context, *stanza.IQ) (*xmlstream.Element, error) {
	return func(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
		p, err := ParsePush(iq, own)
		if err == nil {
			changed(p)
		}
		return nil, err
	}
}

// onlyItem reads a query that must hold exactly one item. RFC 6121 §2.1.5, §2.3.3
func onlyItem(query *xmlstream.Element) (Item, error) {
	var only *xmlstream.Element
	for el := range query.ChildrenNamed(NS, "item") {
		if only != nil {
			return Item{}, stanza.BadRequest.With("more than one item")
		}
		only = el
	}
	return ParseItem(only)
}

// Subscribe asks a contact for its presence. RFC 6121 §3.1
func Subscribe(contact jid.JID) *stanza.Stanza {
	return stanza.NewPresence(contact.Bare(), stanza.Subscribe)
}

// Unsubscribe gives up seeing the contact's presence, or asking for it. RFC 6121 §3.3
func Unsubscribe(contact jid.JID) *stanza.Stanza {
	return stanza.NewPresence(contact.Bare(), stanza.Unsubscribe)
}

// Approve lets the contact, which has asked, see the sender's presence. To a contact which has not asked yet, it approves
// the request beforehand, if the server offers NSPreApproval. RFC 6121 §3.1.4, §3.4
func Approve(contact jid.JID) *stanza.Stanza {
	return stanza.NewPresence(contact.Bare(), stanza.Subscribed)
}

// Refuse ends or refuses the contact's sight of the sender's presence, and takes back an approval. RFC 6121 §3.2
func Refuse(contact jid.JID) *stanza.Stanza {
	return stanza.NewPresence(contact.Bare(), stanza.Unsubscribed)
}
