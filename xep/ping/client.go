package ping

import (
	"context"
	"time"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Ping asks an entity for a sign of life and returns how long the answer took. A zero address is the own server.
//
// The error is the *stanza.Error that came back, or the context's. One that is a stanza.ServiceUnavailable or
// stanza.FeatureNotImplemented comes from an entity that does not know pings, so it may be there all the same (XEP-0199#e2e).
func Ping(ctx context.Context, r stanza.Requester, to jid.JID) (time.Duration, error) {
	began := time.Now()
	_, err := r.Request(ctx, &stanza.IQ{Type: stanza.Get, To: to, Payload: xmlstream.New(NS, "ping")})
	return time.Since(began), err
}
