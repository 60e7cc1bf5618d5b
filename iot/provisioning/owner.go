package provisioning

import (
	"context"
	"fmt"
	"iter"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// OwnerClient tells the provisioning service what an owner wants. Questions come as messages: read them with ParseQuestion.
// The errors of its methods are the *stanza.Error of the service and those of the Requester; ItemNotFound says that the
// thing is not the sender's or the question is not open.
type OwnerClient struct {
	Requester  stanza.Requester
	Service    jid.JID        // the provisioning service's address
	Generation iot.Generation // in which to ask; zero, and the first, which has no owners, for IEEE
}

// Answer answers a question with a rule. [Question.Answer] makes one.
func (c *OwnerClient) Answer(ctx context.Context, a Answer) error {
	return c.set(ctx, a.Element(c.Generation))
}

// Answer returns the answer to the question: to allow all that was asked for or to deny it, to whom an origin of that kind
// stands for. Of the kinds that are recognized by a token it is the first in the question; false where it has none.
func (q Question) Answer(allow bool, kind OriginKind) (Answer, bool) {
	var token string
	if kind.isToken() {
		tokens := map[OriginKind][]string{
			FromService: q.Tokens.Service, FromDevice: q.Tokens.Device, FromUser: q.Tokens.User,
		}[kind]
		if len(tokens) == 0 || q.Op == Befriend {
			return Answer{}, false
		}
		token = tokens[0]
	}
	a := Answer{Op: q.Op, Thing: q.Thing, Remote: q.Remote, Key: q.Key, Allow: allow, Origin: OriginOf(kind, q.Remote, token)}
	if allow {
		a.Scope = q.Asked
	}
	return a, true
}

// ClearCache makes a thing forget the answers that it remembers; every thing of the sender where t is zero.
func (c *OwnerClient) ClearCache(ctx context.Context, t iot.Thing) error {
	return c.set(ctx, ClearCaches{t}.Element(c.Generation))
}

// DeleteRules deletes the rules about a thing; about every thing of the sender where t is zero.
func (c *OwnerClient) DeleteRules(ctx context.Context, t iot.Thing) error {
	return c.set(ctx, DeleteRules{t}.Element(c.Generation))
}

// Devices yields the sender's things from p.Offset on, and asks for the next page, of p.MaxCount, when the one before is
// used up. An error is the last that it yields.
func (c *OwnerClient) Devices(ctx context.Context, p iot.Page) iter.Seq2[registry.Listed, error] {
	return registry.Pages(p.Offset, func(offset int) (registry.Found, error) {
		p.Offset = offset
		payload := GetDevices{p}.Element(c.Generation)
		answer, err := c.Requester.Request(ctx, &stanza.IQ{Type: stanza.Get, To: c.Service, Payload: payload})
		if err != nil {
			return registry.Found{}, err
		}
		found, err := registry.ParseFound(answer)
		if err != nil {
			return registry.Found{}, fmt.Errorf("provisioning: answer to getDevices: %w", err)
		}
		return found, nil
	})
}

func (c *OwnerClient) set(ctx context.Context, payload *xmlstream.Element) error {
	_, err := c.Requester.Request(ctx, &stanza.IQ{Type: stanza.Set, To: c.Service, Payload: payload})
	return err
}
