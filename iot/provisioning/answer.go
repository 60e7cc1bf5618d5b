package provisioning

import (
	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Answer is an owner's answer to a Question: a rule. Provisioning.md
type Answer struct {
	Op     Operation
	Thing  iot.Thing // clients leave the node out where they deny, and it must be found by Key
	Remote jid.JID   // bare: who the question was about
	Key    string    // of the question
	Allow  bool
	Origin Origin // whom the rule is for
	Scope  Scope  // what an Allow allows; not to Befriend
}

// ruleElements are the answers' names.
var ruleElements = [...]string{Befriend: "isFriendRule", Read: "canReadRule", Control: "canControlRule"}

// ParseAnswer reads an <isFriendRule/>, <canReadRule/> or <canControlRule/>. The error is BadRequest or JIDMalformed.
func ParseAnswer(el *xmlstream.Element) (Answer, error) {
	op, ok := operationNamed(el.Local(), ruleElements[:])
	if !ok {
		return Answer{}, stanza.BadRequest.With("no rule <%s/>", el.Local())
	}
	g, err := expect(el, OwnerSpace, el.Local())
	if err != nil {
		return Answer{}, err
	}
	var q Question
	if err := q.parseHead(el); err != nil {
		return Answer{}, err
	}
	a := Answer{Op: op, Thing: q.Thing, Remote: q.Remote, Key: q.Key}
	if a.Allow, err = iot.RequiredBoolAttr(el, "result"); err != nil {
		return Answer{}, err
	}
	if op == Befriend {
		a.Origin, err = parseRange(el, a.Remote)
		return a, err
	}
	if a.Thing.Node, err = parseOneNode(el, g); err != nil {
		return Answer{}, err
	}
	if a.Origin, err = parseOrigin(el, a.Remote); err != nil {
		return Answer{}, err
	}
	a.Scope, err = parsePartial(el, g, op, a.Allow)
	return a, err
}

// parsePartial reads what an answer that allows is limited to. A limit that names nothing would allow nothing, which is not
// what allowing means.
func parsePartial(el *xmlstream.Element, g iot.Generation, op Operation, allow bool) (Scope, error) {
	partial := el.Child(el.Space(), "partial")
	if partial == nil || !allow {
		return Scope{}, nil
	}
	s, err := parseScope(partial, g, op)
	if err == nil && s.Categories == 0 && len(s.Names) == 0 {
		err = stanza.BadRequest.With("<partial/> names nothing")
	}
	return s, err
}

// Element returns the answer in a generation; the first has none and gives IEEE.
func (a Answer) Element(g iot.Generation) *xmlstream.Element {
	g, ns := OwnerSpace.For(g)
	parts := append(Question{Thing: a.Thing, Remote: a.Remote, Key: a.Key}.headParts(), iot.Bool("result", a.Allow))
	if a.Op == Befriend {
		return xmlstream.New(ns, ruleElements[a.Op], append(parts, xmlstream.A("range", a.Origin.rangeName()))...)
	}
	if !a.Thing.Node.IsZero() {
		parts = append(parts, a.Thing.Node.Element(ns, g))
	}
	if a.Allow && (a.Scope.Categories != 0 || len(a.Scope.Names) > 0) {
		parts = append(parts, xmlstream.New(ns, "partial", scopeParts(ns, g, a.Op, a.Scope)...))
	}
	return xmlstream.New(ns, ruleElements[a.Op], append(parts, a.Origin.element(ns))...)
}
