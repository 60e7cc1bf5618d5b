// Package control implements the setting of control parameters in four namespace generations: XEP-0325 (0.5.1, Control) and
// the Neuro-Foundation's Control Parameters, Simple Actions and Data Form (ctr:1.0).
//
// A Command sets Values, typed or from a data form; a Response says which. A Parameter declares what can be set: from it come
// the control form and the judgement of values. Set, Tell and GetForm are the client's half, Answer and Obey the thing's.
//
// Clients that follow XEP-0325 before its version 0.3, as the plugin of slixmpp 1.8 does, look for a responseCode in the
// <setResponse/>, in errors too; the answers of the first generation have it beside what the document demands. Things made
// with Smack know <bool/> only; see Command.Smack.
//
// Missing: forms that are updated while they are shown (XEP-0336), and forms for several nodes whose parameters differ in more
// than which they have: what is not the same in all is left out.
package control

import (
	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Family has the namespaces, which are the features too.
var Family = iot.NewFamily("urn:xmpp:iot:control", "ctr:1.0")

// Bounds of what this package takes [ours].
const (
	MaxValues = 512  // values in one command
	MaxName   = 1023 // bytes of the name of a parameter
)

// The names of elements that are the same in all generations.
const (
	elemSet     = "set"
	elemGetForm = "getForm"
	elemError   = "paramError"
)

// names are the names that differ between the generations.
type names struct {
	response  string // the element, as the two that follow
	parameter string // in a response
	group     string // in a field of a form
	node      string
	name      string // of a parameter, an attribute, as the one that follows
	value     string
}

var (
	longNames  = names{"setResponse", "parameter", "parameterGroup", "node", "name", "value"}
	shortNames = names{"resp", "p", "pGroup", "nd", "n", "v"}
)

func namesOf(g iot.Generation) *names {
	if g == iot.XSF {
		return &longNames
	}
	return &shortNames
}

// nameOf returns the name that an element's attribute holds. It is empty for one that is too long.
func nameOf(el *xmlstream.Element, attr string) string {
	name := el.Attr(attr)
	if len(name) > MaxName {
		return ""
	}
	return name
}
