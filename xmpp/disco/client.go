package disco

import (
	"context"
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

const (
	// findWait is how long Find waits for one entity.
	findWait = 10 * time.Second
	// maxAsked is how many items Find asks at most.
	maxAsked = 64
)

// GetInfo asks an entity, or a node of it, what it is and can do. The error is the *stanza.Error that came back, that of a
// malformed answer, or the context's.
func GetInfo(ctx context.Context, r stanza.Requester, to jid.JID, node string) (*Info, error) {
	request := &Info{Node: node}
	answer, err := r.Request(ctx, &stanza.IQ{Type: stanza.Get, To: to, Payload: request.Element()})
	if err != nil {
		return nil, err
	}
	return ParseInfo(answer)
}

// GetItems asks an entity, or a node of it, for its items. The error is as that of GetInfo.
func GetItems(ctx context.Context, r stanza.Requester, to jid.JID, node string) (*Items, error) {
	request := &Items{Node: node}
	answer, err := r.Request(ctx, &stanza.IQ{Type: stanza.Get, To: to, Payload: request.Element()})
	if err != nil {
		return nil, err
	}
	return ParseItems(answer)
}

// Find returns the service of a server that has one of the features: the server itself, or the first of its items, in the
// order of the server and without nodes, that does. domain may be any address at that server. It also returns what that
// service says of itself.
//
// A service that answers with an error, or not within 10 seconds, is passed over. The error is a stanza.ItemNotFound where
// no service has a feature, what came back from the server when it was asked for its items, or the context's.
func Find(ctx context.Context, r stanza.Requester, domain jid.JID, features ...string) (jid.JID, *Info, error) {
	server := domain.DomainJID()
	if info := ask(ctx, r, server); info.Has(features...) {
		return server, info, nil
	}
	items, err := GetItems(ctx, r, server, "")
	if err != nil {
		return jid.JID{}, nil, err
	}
	asked := map[jid.JID]bool{server: true}
	for _, it := range items.Items {
		if it.Node != "" || asked[it.JID] || len(asked) > maxAsked {
			continue
		}
		asked[it.JID] = true
		if info := ask(ctx, r, it.JID); info.Has(features...) {
			return it.JID, info, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return jid.JID{}, nil, err
	}
	return jid.JID{}, nil, stanza.ItemNotFound.With("no service of %s has the feature", server)
}

// ask returns what an entity says of itself, nil where it does not say it in time.
func ask(ctx context.Context, r stanza.Requester, to jid.JID) *Info {
	ctx, cancel := context.WithTimeout(ctx, findWait)
	defer cancel()
	info, err := GetInfo(ctx, r, to, "")
	if err != nil {
		return nil
	}
	return info
}
