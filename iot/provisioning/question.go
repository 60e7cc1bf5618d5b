package provisioning

import (
	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Question asks an owner, in a message, what a rule should say: someone wanted something for which there is none.
// Provisioning.md
type Question struct {
	Op     Operation
	Thing  iot.Thing  // zero Node for the thing itself; to Befriend is about the whole address
	Remote jid.JID    // bare: who wants it
	Key    string     // stands for the question in the answer; opaque
	Asked  Scope      // not to Befriend
	Tokens iot.Tokens // not to Befriend
}

// ParseQuestion reads an <isFriend/>, <canRead/> or <canControl/> for an owner. The error is BadRequest or JIDMalformed.
func ParseQuestion(el *xmlstream.Element) (Question, error) {
	op, ok := operationNamed(el.Local(), elements[:])
	if !ok {
		return Question{}, stanza.BadRequest.With("no question <%s/>", el.Local())
	}
	g, err := expect(el, OwnerSpace, el.Local())
	if err != nil {
		return Question{}, err
	}
	q := Question{Op: op}
	if err := q.parseHead(el); err != nil || op == Befriend {
		return q, err
	}
	if q.Thing.Node, err = parseOneNode(el, g); err != nil {
		return Question{}, err
	}
	if q.Tokens, err = iot.ParseTokens(el, g); err != nil {
		return Question{}, err
	}
	q.Asked, err = parseScope(el, g, op)
	return q, err
}

// parseHead reads what all questions and answers have.
func (q *Question) parseHead(el *xmlstream.Element) error {
	var err error
	if q.Thing.JID, err = iot.AddressAttr(el, "jid"); err != nil {
		return err
	}
	if q.Remote, err = iot.AddressAttr(el, "remoteJid"); err != nil {
		return err
	}
	if q.Key, err = iot.Attr(el, "key"); err != nil {
		return err
	}
	if len(q.Key) > MaxName {
		return stanza.BadRequest.With("the key is too long")
	}
	return nil
}

func (q Question) headParts() []xmlstream.Part {
	return []xmlstream.Part{
		xmlstream.A("jid", q.Thing.JID.String()), xmlstream.A("remoteJid", q.Remote.String()), xmlstream.A("key", q.Key),
	}
}

// Element returns the question in a generation; the first has none and gives IEEE.
func (q Question) Element(g iot.Generation) *xmlstream.Element {
	g, ns := OwnerSpace.For(g)
	parts := q.headParts()
	if q.Op != Befriend {
		if !q.Thing.Node.IsZero() {
			parts = append(parts, q.Thing.Node.Element(ns, g))
		}
		parts = append(parts, q.Tokens.Parts(g)...)
		parts = append(parts, scopeParts(ns, g, q.Op, q.Asked)...)
	}
	return xmlstream.New(ns, elements[q.Op], parts...)
}

// Questions returns the request as questions about one node each, as owners are asked: about the nodes given. Key is left
// to the caller.
func (r Request) Questions(nodes []iot.Node) []Question {
	var qs []Question
	for _, n := range nodes {
		q := Question{Op: r.Op, Thing: iot.Thing{JID: r.Thing, Node: n}, Remote: r.Caller}
		if r.Op != Befriend {
			q.Asked, q.Tokens = r.Asked, r.Tokens
		}
		qs = append(qs, q)
	}
	return qs
}

// parseScope reads categories and fields, or parameters. The latter are direct children in what clients send and read, and
// in <partial/> in the schema.
func parseScope(el *xmlstream.Element, g iot.Generation, op Operation) (Scope, error) {
	var s Scope
	var err error
	if op == Read {
		if s.Categories, err = iot.ParseCategories(el, g); err == nil {
			s.Names, err = parseFields(el, g)
		}
		return s, err
	}
	var l nameList
	if _, err = l.addParameters(el); err != nil {
		return Scope{}, err
	}
	if partial := el.Child(el.Space(), "partial"); partial != nil {
		_, err = l.addParameters(partial)
	}
	s.Names = l.names
	return s, err
}

// scopeParts writes parameters as direct children of what they limit.
func scopeParts(ns string, g iot.Generation, op Operation, s Scope) []xmlstream.Part {
	if op == Read {
		return append(s.Categories.Parts(g), fieldParts(ns, g, s.Names)...)
	}
	return parameterParts(ns, g, ShortStyle, s.Names)
}

// parseOneNode reads the node child, of which owners are told one at most.
func parseOneNode(el *xmlstream.Element, g iot.Generation) (iot.Node, error) {
	nodes, err := iot.ParseNodes(el, g)
	switch {
	case err != nil || len(nodes) == 0:
		return iot.Node{}, err
	case len(nodes) > 1:
		return iot.Node{}, stanza.BadRequest.With("more than one node")
	}
	return nodes[0], nil
}

func operationNamed(local string, names []string) (Operation, bool) {
	for op, name := range names {
		if name == local {
			return Operation(op), true
		}
	}
	return 0, false
}
