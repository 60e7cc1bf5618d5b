package control

import (
	"context"
	"slices"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// step is what is to be set of one node.
type step struct {
	node   iot.Node
	values []Value
}

// execute does what is granted of a command and returns what was set. Nothing is set before all values are accepted for all
// nodes (XEP-0325#concentrator). If setting fails behind the first node, the response says what was set until then.
func execute(ctx context.Context, from jid.JID, c *Command, a Actuator) (*Response, error) {
	steps, err := plan(ctx, from, c, a)
	if err != nil {
		return nil, err
	}
	done := &Response{}
	for _, s := range steps {
		if err := a.Set(ctx, s.node, s.values); err != nil {
			if len(done.Nodes) == 0 {
				return nil, err
			}
			break
		}
		done.Nodes = append(done.Nodes, s.node)
		done.Parameters = namesOfValues(s.values)
	}
	if len(done.Nodes) == len(nodesOf(c.Nodes, nil)) {
		done.Nodes = c.Nodes
	}
	// Empty stands for all of the command. The later generations say it in full, and so is a form, of which not every field
	// is a parameter.
	if c.Generation == iot.XSF && len(done.Nodes) == len(c.Nodes) && len(done.Parameters) == len(c.Values) {
		return &Response{}, nil
	}
	return done, nil
}

// plan returns the steps of a command that are granted, with values that the parameters have accepted.
func plan(ctx context.Context, from jid.JID, c *Command, a Actuator) ([]step, error) {
	granted, err := a.Admit(ctx, from, Access{c.Nodes, namesOfValues(c.Values), c.Tokens})
	if err != nil {
		return nil, err
	}
	var steps []step
	for _, n := range nodesOf(granted.Nodes, c.Nodes) {
		parameters, err := a.Parameters(ctx, n)
		if err != nil {
			return nil, err
		}
		values, err := accept(c, parameters, granted.Parameters)
		if err != nil {
			return nil, err
		}
		if len(values) == 0 {
			return nil, stanza.BadRequest.With("nothing is left to be set")
		}
		steps = append(steps, step{n, values})
	}
	return steps, nil
}

// nodesOf returns the nodes, or those of the second list where there are none, or the thing itself.
func nodesOf(nodes, otherwise []iot.Node) []iot.Node {
	if len(nodes) == 0 {
		nodes = otherwise
	}
	if len(nodes) == 0 {
		return []iot.Node{{}}
	}
	return nodes
}

// accept returns the values of a command that are granted, as values of the parameters. No names stand for all.
func accept(c *Command, parameters []Parameter, granted []string) ([]Value, error) {
	var values []Value
	for _, v := range c.Values {
		if len(granted) > 0 && !slices.Contains(granted, v.Name) {
			continue
		}
		p := find(parameters, v.Name)
		switch {
		case p == nil && c.Form: // XEP-0004#protocol-formtypes: what is not understood is ignored
		case p == nil:
			return nil, paramError(stanza.ItemNotFound, c.Generation, v.Name, "Unknown parameter.")
		case c.Form && v.Text == "" && p.Type != String: // how many clients leave a field out
		default:
			accepted, err := p.Accept(v, c.Generation)
			if err != nil {
				return nil, err
			}
			values = append(values, accepted)
		}
	}
	return values, nil
}
