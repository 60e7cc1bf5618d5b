package version

import (
	"context"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Get asks an entity what software it is. The error is the *stanza.Error that came back, a stanza.BadRequest for an answer that is
// none, or the context's.
func Get(ctx context.Context, r stanza.Requester, to jid.JID) (Software, error) {
	answer, err := r.Request(ctx, &stanza.IQ{Type: stanza.Get, To: to, Payload: xmlstream.New(NS, "query")})
	if err != nil {
		return Software{}, err
	}
	return parse(answer)
}
