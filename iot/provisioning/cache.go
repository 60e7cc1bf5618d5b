package provisioning

import (
	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// ClearCache tells a thing to forget all answers that it remembers. XEP-0324#clearcache
type ClearCache struct {
	Node iot.Node // behind a concentrator; zero for all. The first generation's schema has none
}

// ParseClearCache reads a <clearCache/> for a thing. The error is BadRequest.
func ParseClearCache(el *xmlstream.Element) (ClearCache, error) {
	g, err := expect(el, DeviceSpace, "clearCache")
	if err != nil {
		return ClearCache{}, err
	}
	n, err := iot.ParseNode(el, g)
	return ClearCache{n}, err
}

// Element returns the push in a generation.
func (c ClearCache) Element(g iot.Generation) *xmlstream.Element {
	g, ns := DeviceSpace.For(g)
	return xmlstream.New(ns, "clearCache", c.Node.Parts(g)...)
}

// ClearCacheAck returns a thing's answer to a <clearCache/> of generation g: an element in the first, nothing later.
func ClearCacheAck(g iot.Generation) *xmlstream.Element {
	if g != iot.XSF {
		return nil
	}
	return xmlstream.New(DeviceSpace.NS(g), "clearCacheResponse")
}

// CheckClearCacheAck reads the payload of a thing's answer, nil or the element of the first generation: both are there in
// every generation. Anything else is a BadRequest.
func CheckClearCacheAck(el *xmlstream.Element) error {
	if el == nil {
		return nil
	}
	if _, ok := DeviceSpace.Of(el.Space()); ok && el.Local() == "clearCacheResponse" {
		return nil
	}
	return stanza.BadRequest.With("no acknowledgement of clearCache")
}
