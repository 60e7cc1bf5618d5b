package thing

import (
	"context"
	"slices"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/control"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// controlled answers a command, and the wish for a control form. XEP-0325#usecases
func (o *online) controlled(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	if !o.mayAsk(iq.From) {
		return nil, errForbidden
	}
	a := &actuator{online: o, present: iq.Payload.Local() == "getForm"}
	return o.respond(ctx, func(send func(*stanza.Stanza) error) { send(control.Answer(ctx, iq, a)) })
}

// commanded obeys a command in a message, of which nobody hears how it went. XEP-0325#controlcommands
func (o *online) commanded(ctx context.Context, m *stanza.Stanza) {
	if m.Type == stanza.ErrorType || isLate(m) || !o.mayAsk(m.From) {
		return
	}
	o.spawn(ctx, "command", m.From, func(ctx context.Context) {
		if err := control.Obey(ctx, m, &actuator{online: o}); err != nil {
			o.log.Warn("command not obeyed", "from", m.From, "err", err)
		}
	})
}

// actuator is what one command controls. It implements control.Actuator.
type actuator struct {
	*online
	present bool // the present values are wanted
	from    jid.JID
	epoch   uint64 // in which it was admitted
}

// Admit decides on a command, and narrows it to what is granted. What the thing does not have nobody needs leave for: who names it
// is told that it is not there.
func (a *actuator) Admit(ctx context.Context, from jid.JID, asked control.Access) (control.Access, error) {
	a.from, a.epoch = from, a.state.current()
	q := Question{Op: Control, From: from.Bare(), Names: known(asked.Parameters, a.findParameter)}
	switch {
	case !a.mayAsk(from):
		return control.Access{}, errForbidden
	case len(asked.Nodes) > 0:
		return control.Access{}, errNode
	case len(asked.Parameters) > 0 && len(q.Names) == 0:
		return asked, nil
	}
	scope, ok := a.decide(ctx, q, asked.Tokens)
	if !ok {
		return control.Access{}, errForbidden
	}
	if len(scope.Names) == 0 {
		return asked, nil
	}
	granted := asked
	granted.Parameters = scope.Names
	for _, name := range asked.Parameters {
		if !slices.Contains(q.Names, name) {
			granted.Parameters = append(slices.Clip(granted.Parameters), name)
		}
	}
	return granted, nil
}

// Parameters returns what can be set.
func (a *actuator) Parameters(ctx context.Context, n iot.Node) ([]control.Parameter, error) {
	if !n.IsZero() {
		return nil, errNode
	}
	list := make([]control.Parameter, 0, len(a.parameters))
	for i := range a.parameters {
		p := a.parameters[i].Parameter
		if get := a.parameters[i].get; a.present && get != nil {
			if v, err := a.call(ctx, p.Name, callLimit, get); err == nil {
				p.Value = v.reading.Value
			}
		}
		list = append(list, p)
	}
	return list, nil
}

// Set sets parameters, one after the other, unless a permission was withdrawn since.
func (a *actuator) Set(ctx context.Context, _ iot.Node, values []control.Value) error {
	for _, v := range values {
		if err := a.set(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

func (a *actuator) set(ctx context.Context, v control.Value) error {
	if err := a.take(ctx); err != nil {
		return err
	}
	defer a.give()
	if a.state.current() != a.epoch {
		return stanza.Conflict.With("what you may do has just changed, try again")
	}
	limited, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	if err := a.findParameter(v.Name).set(limited, v); err != nil {
		a.log.Warn("parameter not set", "parameter", v.Name, "by", a.from, "err", err)
		return err
	}
	a.log.Info("parameter set", "parameter", v.Name, "value", v.Text, "by", a.from)
	if told := a.config.Events.Set; told != nil {
		told(a.from.Bare(), v.Name, v.Text)
	}
	return nil
}
