package entitytime

import (
	"context"
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Get asks an entity for its time, which is returned in the entity's zone. The error is the *stanza.Error that came back, a
// stanza.BadRequest for an answer that is no time, or the context's.
func Get(ctx context.Context, r stanza.Requester, to jid.JID) (time.Time, error) {
	answer, err := r.Request(ctx, &stanza.IQ{Type: stanza.Get, To: to, Payload: xmlstream.New(NS, "time")})
	if err != nil {
		return time.Time{}, err
	}
	return parse(answer)
}
