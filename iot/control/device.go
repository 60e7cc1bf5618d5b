package control

import (
	"context"
	"slices"
	"strconv"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Access is what someone wants to control, or may.
type Access struct {
	Nodes      []iot.Node // none for the thing itself
	Parameters []string   // their names; none for all, as when a form is asked for
	Tokens     iot.Tokens // by which it is asked
}

// Actuator is what can be controlled of a thing.
type Actuator interface {
	// Admit decides on a command or on the wish for a form before anything else, and returns what of it is granted, which
	// may be asked itself. An error, such as stanza.Forbidden, rejects it.
	Admit(ctx context.Context, from jid.JID, asked Access) (granted Access, err error)
	// Parameters returns what can be set of a node, in the order in which it is to be set, with the present values if they
	// are at hand. The zero Node is the thing itself. The error is stanza.ItemNotFound for an unknown node.
	Parameters(ctx context.Context, n iot.Node) ([]Parameter, error)
	// Set sets values, all of which the node's parameters have accepted. The error is stanza.Conflict where something is
	// locked.
	Set(ctx context.Context, n iot.Node, values []Value) error
}

// Answer answers an iq whose payload is a <set/> or <getForm/> of the Family, in its generation.
func Answer(ctx context.Context, iq *stanza.IQ, a Actuator) *stanza.Stanza {
	payload, err := handle(ctx, iq, a)
	if err == nil {
		return iq.Stanza().Reply(payload)
	}
	e := rejection(err)
	s := iq.Stanza().Bounce(e)
	if answersOld(iq) {
		r := &Response{}
		if name, _, ok := ParamOf(e); ok {
			r.Parameters = []string{name}
		}
		s = s.With(r.element(iot.XSF, codeOf(e)))
	}
	return s
}

// answersOld reports whether the iq may be that of a client that follows XEP-0325 before its version 0.3, which looks for a
// <setResponse/> in errors too. The one in the field counts its stanzas.
func answersOld(iq *stanza.IQ) bool {
	_, err := strconv.ParseUint(iq.ID, 10, 31)
	return err == nil && iq.Payload.Is(Family.NS(iot.XSF), elemSet)
}

// Obey does what a message with a <set/> commands. Nothing is answered, so the error is for the caller's log.
// XEP-0325#controlcommands
func Obey(ctx context.Context, m *stanza.Stanza, a Actuator) error {
	for _, space := range Family.All() {
		el := m.Child(space, elemSet)
		if el == nil {
			continue
		}
		c, err := ParseCommand(el)
		if err == nil {
			_, err = execute(ctx, m.From, c, a)
		}
		return err
	}
	return stanza.BadRequest.With("no control command")
}

// handle returns the payload of the answer.
func handle(ctx context.Context, iq *stanza.IQ, a Actuator) (*xmlstream.Element, error) {
	if iq.Payload.Local() == elemGetForm {
		r, err := ParseFormRequest(iq.Payload)
		if err != nil {
			return nil, err
		}
		return makeForm(ctx, iq.From, r, a)
	}
	c, err := ParseCommand(iq.Payload)
	if err != nil {
		return nil, err
	}
	done, err := execute(ctx, iq.From, c, a)
	if err != nil {
		return nil, err
	}
	return done.Element(c.Generation), nil
}

// rejection returns the error with the type that the document gives it. XEP-0325#errors
func rejection(err error) *stanza.Error {
	e := *stanza.AsError(err)
	switch e.Condition {
	case stanza.Forbidden:
		e.Kind = stanza.Cancel
	case stanza.Conflict:
		e.Kind = stanza.Wait
	}
	return &e
}

// makeForm returns the control form of what is granted.
func makeForm(ctx context.Context, from jid.JID, r *FormRequest, a Actuator) (*xmlstream.Element, error) {
	granted, err := a.Admit(ctx, from, Access{Nodes: r.Nodes, Tokens: r.Tokens})
	if err != nil {
		return nil, err
	}
	var parameters []Parameter
	for i, n := range nodesOf(granted.Nodes, r.Nodes) {
		p, err := a.Parameters(ctx, n)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			parameters = slices.Clone(p)
		} else {
			parameters = common(parameters, p)
		}
	}
	if len(granted.Parameters) > 0 {
		parameters = slices.DeleteFunc(parameters, func(p Parameter) bool { return !slices.Contains(granted.Parameters, p.Name) })
	}
	return MakeForm(r.Generation, titleOf(r.Nodes), parameters).Element(), nil
}

// titleOf returns a title for the form of nodes.
func titleOf(nodes []iot.Node) string {
	switch len(nodes) {
	case 0:
		return "Control"
	case 1:
		return nodes[0].String()
	case 2:
		return nodes[0].String() + ", " + nodes[1].String()
	}
	return nodes[0].String() + ", " + nodes[1].String() + ", ..."
}
