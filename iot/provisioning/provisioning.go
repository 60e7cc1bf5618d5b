// Package provisioning implements XEP-0324: Internet of Things - Provisioning (version 0.5.1, retracted) as far as
// friendships, readings and control go, and its successors, the Neuro-Foundation's DecisionSupport.md for things and
// Provisioning.md for owners, in four namespace generations.
//
// A thing that does not know whether someone may befriend, read or control it asks its provisioning service, and remembers
// the answer until it is told to forget. The service answers from the owner's rules; where there is none it says no and asks
// the owner. Decide is how rules become an answer: it is pure, so that what it will say can be asked in advance.
//
// This is the protocol as types, the calls of things and owners, and the decision. Not here: tokens and their challenges, and
// the services and user privileges of XEP-0324, which nobody implements.
package provisioning

import (
	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// The protocol's namespaces. Owners have none in the first generation; such an owner is asked by other means.
var (
	DeviceSpace = iot.NewFamily("urn:xmpp:iot:provisioning", "prov:d:1.0")
	OwnerSpace  = iot.NewFamily("", "prov:o:1.0")
)

// Limits of what a peer may say at once [ours]; more is a BadRequest.
const (
	MaxNames = 1024 // fields or parameters in one request
	MaxName  = 1023 // bytes of the name of one, and of the key of a question
)

// Operation is what someone wants with a thing.
type Operation uint8

const (
	Befriend Operation = iota // to subscribe to its presence
	Read                      // to read or subscribe to its data
	Control                   // to set its parameters
)

// elements are the requests' names: a thing's to the service, and the service's to the owner.
var elements = [...]string{Befriend: "isFriend", Read: "canRead", Control: "canControl"}

// String returns the verb.
func (op Operation) String() string {
	switch op {
	case Befriend:
		return "befriend"
	case Read:
		return "read"
	case Control:
		return "control"
	}
	return "?"
}

// Scope is how much may be read or controlled. The zero value is everything.
type Scope struct {
	Categories iot.Categories // of data; 0 for all. Without meaning for Control
	Names      []string       // of fields or parameters; none for all
}

// expect returns the generation of an element that must have that name in a family.
func expect(el *xmlstream.Element, f iot.Family, local string) (iot.Generation, error) {
	g, ok := f.Of(el.Space())
	if !ok || el.Local() != local {
		return 0, stanza.BadRequest.With("not a <%s/> of a provisioning service", local)
	}
	return g, nil
}

// nameList collects names, each once.
type nameList struct {
	names []string
	seen  map[string]bool
}

// add takes the names from children, which hold them in an attribute, and reports whether there were any.
func (l *nameList) add(el *xmlstream.Element, local, attr string) (bool, error) {
	found := false
	for c := range el.ChildrenNamed(el.Space(), local) {
		found = true
		name, err := iot.Attr(c, attr)
		if err != nil {
			return false, err
		}
		if l.seen[name] {
			continue
		}
		if len(name) > MaxName || len(l.names) == MaxNames {
			return false, stanza.BadRequest.With("more than %d names, or one longer than %d bytes", MaxNames, MaxName)
		}
		if l.seen == nil {
			l.seen = make(map[string]bool)
		}
		l.seen[name] = true
		l.names = append(l.names, name)
	}
	return found, nil
}

// nameParts returns names as children.
func nameParts(space, local, attr string, names []string) []xmlstream.Part {
	var parts []xmlstream.Part
	for _, n := range names {
		parts = append(parts, xmlstream.New(space, local, xmlstream.A(attr, n)))
	}
	return parts
}

func nodeParts(space string, g iot.Generation, nodes []iot.Node) []xmlstream.Part {
	var parts []xmlstream.Part
	for _, n := range nodes {
		parts = append(parts, n.Element(space, g))
	}
	return parts
}

// fieldNames returns the child and its attribute that name a field.
func fieldNames(g iot.Generation) (local, attr string) {
	if g == iot.XSF {
		return "field", "name"
	}
	return "f", "n"
}

func parseFields(el *xmlstream.Element, g iot.Generation) ([]string, error) {
	var l nameList
	local, attr := fieldNames(g)
	_, err := l.add(el, local, attr)
	return l.names, err
}

func fieldParts(space string, g iot.Generation, names []string) []xmlstream.Part {
	local, attr := fieldNames(g)
	return nameParts(space, local, attr, names)
}
