package eventlog

import (
	"context"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Sender sends a stanza, as a client's session does.
type Sender interface {
	Send(context.Context, *stanza.Stanza) error
}

// Send sends events to a log, all in one message. There is no answer: a log that does not take them sends the message back as an
// error. The error is the sender's.
func Send(ctx context.Context, s Sender, to jid.JID, events ...Event) error {
	var all []*xmlstream.Element
	for _, e := range events {
		all = append(all, e.element())
	}
	return s.Send(ctx, stanza.NewMessage(to, stanza.Normal, all...))
}
