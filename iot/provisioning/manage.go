package provisioning

import (
	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// ClearCaches is an owner's request to tell things to forget the answers that they remember. Provisioning.md "Refreshing
// rules in device"
type ClearCaches struct {
	Thing iot.Thing // a zero JID for all that the owner has
}

// DeleteRules is an owner's request to delete all rules about things. Provisioning.md "Deleting rules for device"
type DeleteRules struct {
	Thing iot.Thing // a zero JID for all that the owner has
}

// GetDevices is an owner's request for a list of the own things, public or not. The answer is a registry.Found.
// Provisioning.md "Getting list of devices"
type GetDevices struct{ iot.Page }

// ParseClearCaches reads a <clearCache/> of an owner. The error is BadRequest or JIDMalformed.
func ParseClearCaches(el *xmlstream.Element) (ClearCaches, error) {
	t, err := parseOptionalThing(el, "clearCache")
	return ClearCaches{t}, err
}

// Element returns the request in a generation; the first has none and gives IEEE.
func (c ClearCaches) Element(g iot.Generation) *xmlstream.Element {
	return optionalThingElement("clearCache", c.Thing, g)
}

// ParseDeleteRules reads a <deleteRules/>. The error is BadRequest or JIDMalformed.
func ParseDeleteRules(el *xmlstream.Element) (DeleteRules, error) {
	t, err := parseOptionalThing(el, "deleteRules")
	return DeleteRules{t}, err
}

// Element returns the request in a generation; the first has none and gives IEEE.
func (d DeleteRules) Element(g iot.Generation) *xmlstream.Element {
	return optionalThingElement("deleteRules", d.Thing, g)
}

// ParseGetDevices reads a <getDevices/>. The error is BadRequest.
func ParseGetDevices(el *xmlstream.Element) (GetDevices, error) {
	if _, err := expect(el, OwnerSpace, "getDevices"); err != nil {
		return GetDevices{}, err
	}
	p, err := iot.ParsePage(el)
	return GetDevices{p}, err
}

// Element returns the request in a generation; the first has none and gives IEEE.
func (d GetDevices) Element(g iot.Generation) *xmlstream.Element {
	return xmlstream.New(OwnerSpace.NS(g), "getDevices", d.Page.Parts()...)
}

// parseOptionalThing reads a thing whose address may be left out, but not where a node is named: the request would reach
// further than was meant.
func parseOptionalThing(el *xmlstream.Element, local string) (iot.Thing, error) {
	g, err := expect(el, OwnerSpace, local)
	if err != nil {
		return iot.Thing{}, err
	}
	n, err := iot.ParseNode(el, g)
	if err == nil && el.Attr("jid") == "" && n.IsZero() {
		return iot.Thing{}, nil
	}
	return iot.ParseThing(el, g)
}

func optionalThingElement(local string, t iot.Thing, g iot.Generation) *xmlstream.Element {
	g, ns := OwnerSpace.For(g)
	if t.JID.IsZero() {
		return xmlstream.New(ns, local)
	}
	return xmlstream.New(ns, local, t.Parts(g)...)
}
