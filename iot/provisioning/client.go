package provisioning

import (
	"context"
	"fmt"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Client asks the provisioning service, for a thing. Answers hold until the service sends ClearCache; remembering them is
// left to the caller. The errors of its methods are the *stanza.Error of the service and those of the Requester; a thing
// denies after any of them.
type Client struct {
	Requester  stanza.Requester
	Service    jid.JID        // the provisioning service's address
	Generation iot.Generation // in which to ask; zero for IEEE
}

// IsFriend reports whether remote may subscribe to the thing's presence. XEP-0324#friendshiprequestaccepted
func (c *Client) IsFriend(ctx context.Context, remote jid.JID) (bool, error) {
	answer, err := c.get(ctx, IsFriend{remote.Bare()}.Element(c.Generation))
	if err != nil {
		return false, err
	}
	r, err := ParseIsFriendResponse(answer)
	if err != nil {
		return false, fmt.Errorf("provisioning: answer to isFriend: %w", err)
	}
	return r.Allowed && r.Remote == remote.Bare(), nil
}

// CanRead returns what of a request may be granted, never more than was asked. XEP-0324#devicereadouts
func (c *Client) CanRead(ctx context.Context, asked CanRead) (CanReadResponse, error) {
	asked.Remote = asked.Remote.Bare()
	answer, err := c.get(ctx, asked.Element(c.Generation))
	if err != nil {
		return CanReadResponse{}, err
	}
	r, err := ParseCanReadResponse(answer)
	if err != nil {
		return CanReadResponse{}, fmt.Errorf("provisioning: answer to canRead: %w", err)
	}
	g, _ := DeviceSpace.Of(answer.Space())
	return r.Within(asked, g), nil
}

// CanControl returns what of a request may be granted, never more than was asked. XEP-0324#devicecontrol
func (c *Client) CanControl(ctx context.Context, asked CanControl) (CanControlResponse, error) {
	asked.Remote = asked.Remote.Bare()
	answer, err := c.get(ctx, asked.Element(c.Generation))
	if err != nil {
		return CanControlResponse{}, err
	}
	r, err := ParseCanControlResponse(answer)
	if err != nil {
		return CanControlResponse{}, fmt.Errorf("provisioning: answer to canControl: %w", err)
	}
	g, _ := DeviceSpace.Of(answer.Space())
	return r.Within(asked, g), nil
}

func (c *Client) get(ctx context.Context, payload *xmlstream.Element) (*xmlstream.Element, error) {
	return c.Requester.Request(ctx, &stanza.IQ{Type: stanza.Get, To: c.Service, Payload: payload})
}
