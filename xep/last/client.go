package last

import (
	"context"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Get asks an entity for its last activity. The error is the *stanza.Error that came back: stanza.Forbidden where the one who asks
// may not see the other's presence, stanza.ItemNotFound where nothing is known; a stanza.BadRequest for an answer that is none;
// or the context's.
func Get(ctx context.Context, r stanza.Requester, to jid.JID) (Activity, error) {
	answer, err := r.Request(ctx, &stanza.IQ{Type: stanza.Get, To: to, Payload: xmlstream.New(NS, "query")})
	if err != nil {
		return Activity{}, err
	}
	return parse(answer)
}
