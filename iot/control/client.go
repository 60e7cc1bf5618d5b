package control

import (
	"context"

	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// Set commands a thing, by its full JID, and returns what it really set: the names and nodes of the command where the thing
// does not say otherwise. The error is the *stanza.Error that came back, which ParamOf may tell more of, that of a malformed
// answer, or the context's.
func Set(ctx context.Context, r stanza.Requester, to jid.JID, c Command) (Response, error) {
	answer, err := r.Request(ctx, &stanza.IQ{Type: stanza.Set, To: to, Payload: c.Element()})
	if err != nil {
		return Response{}, err
	}
	done := &Response{}
	if answer != nil {
		if done, err = ParseResponse(answer); err != nil {
			return Response{}, err
		}
	}
	// XEP-0325#controlcommands: an empty response means that the command was executed as it was.
	if len(done.Nodes) == 0 {
		done.Nodes = c.Nodes
	}
	if len(done.Parameters) == 0 {
		done.Parameters = namesOfValues(c.Values)
	}
	return *done, nil
}

// Tell returns a message that commands a thing, which never answers it.
func Tell(to jid.JID, c Command) *stanza.Stanza {
	return stanza.NewMessage(to, stanza.Normal, c.Element())
}

// GetForm asks a thing, by its full JID, for its control form. Its Submit, or the Values that are made by its Parameters, go
// into a Command. The error is the *stanza.Error that came back, that of a malformed answer, or the context's.
func GetForm(ctx context.Context, r stanza.Requester, to jid.JID, req FormRequest) (*form.Form, error) {
	answer, err := r.Request(ctx, &stanza.IQ{Type: stanza.Get, To: to, Payload: req.Element(), Lang: req.Lang})
	if err != nil {
		return nil, err
	}
	f, err := form.Parse(answer)
	if err != nil {
		return nil, err
	}
	if f.Type != form.TypeForm {
		return nil, stanza.BadRequest.With("the form does not ask")
	}
	return f, nil
}

func namesOfValues(values []Value) []string {
	var names []string
	for _, v := range values {
		names = append(names, v.Name)
	}
	return names
}
