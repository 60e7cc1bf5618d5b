package registry

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Client calls a registry, for a thing, an owner, or who searches. Besides what its methods say, their errors are the
// *stanza.Error of the registry and those of the Requester.
type Client struct {
	Requester  stanza.Requester
	Registry   jid.JID        // the registry's address
	Generation iot.Generation // in which to ask; zero for IEEE
}

// ErrDisowned says that the thing has no owner any more, and may register anew. XEP-0347#update
var ErrDisowned = errors.New("registry: the thing has no owner")

var errEndless = errors.New("registry: more things are promised than given")

// Register puts the sender's thing into the registry. Where it has an owner already, that is returned, else nil; of a
// thing that owns itself nil too. XEP-0347#register
func (c *Client) Register(ctx context.Context, r Register) (*Claimed, error) {
	answer, err := c.set(ctx, r.Element(c.Generation))
	if err != nil || answer == nil {
		return nil, err
	}
	claimed, err := ParseClaimed(answer)
	if err != nil {
		return nil, fmt.Errorf("registry: answer to register: %w", err)
	}
	return &claimed, nil
}

// Claim makes the sender the owner of the thing that registered exactly those tags. The error is ItemNotFound where
// there is none that is free. XEP-0347#claim
func (c *Client) Claim(ctx context.Context, tags Tags, public bool) (iot.Thing, error) {
	answer, err := c.set(ctx, Mine{Public: public, Tags: tags}.Element(c.Generation))
	if err != nil {
		return iot.Thing{}, err
	}
	result, err := ParseClaimResult(answer)
	if err != nil {
		return iot.Thing{}, fmt.Errorf("registry: answer to mine: %w", err)
	}
	return result.Thing, nil
}

// Update changes tags of the sender's thing; a tag of empty text is deleted. The error is ErrDisowned, or ItemNotFound
// where the owner has removed the thing. XEP-0347#update
func (c *Client) Update(ctx context.Context, node iot.Node, tags Tags) error {
	answer, err := c.set(ctx, Update{Node: node, Tags: tags}.Element(c.Generation))
	if err == nil && Space.NS(c.Generation) == answer.Space() && answer.Local() == "disowned" {
		return ErrDisowned
	}
	return err
}

// UpdateFor changes tags of a thing that the sender owns. XEP-0347#ownerupdate
func (c *Client) UpdateFor(ctx context.Context, t iot.Thing, tags Tags) error {
	_, err := c.set(ctx, Update{JID: t.JID, Node: t.Node, Tags: tags}.Element(c.Generation))
	return err
}

// Remove takes a thing that the sender owns out of searches. XEP-0347#remove
func (c *Client) Remove(ctx context.Context, t iot.Thing) error {
	_, err := c.set(ctx, Remove{t}.Element(c.Generation))
	return err
}

// Unregister takes the sender's thing out of the registry. XEP-0347#unregister
func (c *Client) Unregister(ctx context.Context, node iot.Node) error {
	_, err := c.set(ctx, Unregister{node}.Element(c.Generation))
	return err
}

// Disown gives up a thing that the sender owns. The error is NotAllowed where the thing is not online to hear of it.
// XEP-0347#disown
func (c *Client) Disown(ctx context.Context, t iot.Thing) error {
	_, err := c.set(ctx, Disown{t}.Element(c.Generation))
	return err
}

// Page returns one page of what a search finds. XEP-0347#search
func (c *Client) Page(ctx context.Context, s Search) (Found, error) {
	answer, err := c.Requester.Request(ctx, &stanza.IQ{Type: stanza.Get, To: c.Registry, Payload: s.Element(c.Generation)})
	if err != nil {
		return Found{}, err
	}
	found, err := ParseFound(answer)
	if err != nil {
		return Found{}, fmt.Errorf("registry: answer to search: %w", err)
	}
	return found, nil
}

// Search yields all things that a search finds from s.Offset on, and asks for the next page, of s.MaxCount, when the one
// before is used up. An error is the last that it yields.
func (c *Client) Search(ctx context.Context, s Search) iter.Seq2[Listed, error] {
	return Pages(s.Offset, func(offset int) (Found, error) {
		s.Offset = offset
		return c.Page(ctx, s)
	})
}

// Pages yields the things of all pages from offset on. An error is the last that it yields.
func Pages(offset int, page func(offset int) (Found, error)) iter.Seq2[Listed, error] {
	return func(yield func(Listed, error) bool) {
		for at := offset; ; {
			found, err := page(at)
			if err == nil && found.More && len(found.Things) == 0 {
				err = errEndless
			}
			if err != nil {
				yield(Listed{}, err)
				return
			}
			for _, t := range found.Things {
				if !yield(t, nil) {
					return
				}
			}
			if !found.More {
				return
			}
			at += len(found.Things)
		}
	}
}

func (c *Client) set(ctx context.Context, payload *xmlstream.Element) (*xmlstream.Element, error) {
	return c.Requester.Request(ctx, &stanza.IQ{Type: stanza.Set, To: c.Registry, Payload: payload})
}
