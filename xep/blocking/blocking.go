// Package blocking implements XEP-0191: Blocking Command (version 1.3) for the broker: an account names addresses that it wants
// to hear nothing of, and that are to see nothing of it.
package blocking

import (
	"context"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Namespaces.
const (
	NS       = "urn:xmpp:blocking"
	NSErrors = "urn:xmpp:blocking:errors"
)

// List are the addresses that an account blocks. A full JID, a bare one, a domain with a resource, or a whole domain.
// XEP-0191#matching
type List map[jid.JID]struct{}

// Blocks reports whether the list covers an address.
func (l List) Blocks(j jid.JID) bool {
	if len(l) == 0 || j.IsZero() {
		return false
	}
	if l.has(j) || l.has(j.Bare()) || l.has(j.DomainJID()) {
		return true
	}
	if j.Local() == "" || j.Resource() == "" {
		return false
	}
	at, err := j.DomainJID().WithResource(j.Resource())
	return err == nil && l.has(at)
}

func (l List) has(j jid.JID) bool {
	_, ok := l[j]
	return ok
}

// resources returns the full JIDs of an address that are on the list, and that less does not cover.
func (l List) resources(bare jid.JID, less List) (all []jid.JID) {
	for j := range l {
		if j.IsFull() && j.Bare() == bare && !less.Blocks(j) {
			all = append(all, j)
		}
	}
	return all
}

// element makes a <blocklist/>, <block/> or <unblock/> of addresses.
func element(local string, all []jid.JID) *xmlstream.Element {
	parts := make([]xmlstream.Part, len(all))
	for i, j := range all {
		parts[i] = xmlstream.New(NS, "item", xmlstream.A("jid", j.String()))
	}
	return xmlstream.New(NS, local, parts...)
}

// parseItems reads the addresses of a <block/>, <unblock/> or <blocklist/>. The error is JIDMalformed.
func parseItems(el *xmlstream.Element) ([]jid.JID, error) {
	var all []jid.JID
	for item := range el.ChildrenNamed(NS, "item") {
		j, err := jid.Parse(item.Attr("jid"))
		if err != nil {
			return nil, stanza.JIDMalformed.Wrap(err)
		}
		all = append(all, j)
	}
	return all, nil
}

// Client calls the own server. The errors of its methods are those of the Requester.
type Client struct{ Requester stanza.Requester }

// Get returns what the account blocks.
func (c *Client) Get(ctx context.Context) ([]jid.JID, error) {
	el, err := c.Requester.Request(ctx, &stanza.IQ{Type: stanza.Get, Payload: element("blocklist", nil)})
	if err != nil {
		return nil, err
	}
	return parseItems(el)
}

// Block adds addresses. XEP-0191#block
func (c *Client) Block(ctx context.Context, all ...jid.JID) error {
	_, err := c.Requester.Request(ctx, &stanza.IQ{Type: stanza.Set, Payload: element("block", all)})
	return err
}

// Unblock takes addresses away, or all where none is given. XEP-0191#unblock, XEP-0191#unblockall
func (c *Client) Unblock(ctx context.Context, all ...jid.JID) error {
	_, err := c.Requester.Request(ctx, &stanza.IQ{Type: stanza.Set, Payload: element("unblock", all)})
	return err
}
