package registry

import (
	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Found is a page of things, the answer to a search or to an owner's request for the own things. XEP-0347#search
type Found struct {
	Things []Listed
	More   bool // there are things behind these
}

// Listed is a thing in a Found. The first document lists its owner too; this registry does not tell, as Discovery.md has it.
type Listed struct {
	Thing iot.Thing
	Tags  Tags
}

// ParseFound reads a <found/>. Tags that break the rules are left out rather than the thing: they come from another
// registry, which may allow more. The error is BadRequest or JIDMalformed.
func ParseFound(el *xmlstream.Element) (Found, error) {
	g, err := expect(el, "found")
	if err != nil {
		return Found{}, err
	}
	var f Found
	if f.More, err = iot.BoolAttr(el, "more", false); err != nil {
		return Found{}, err
	}
	for c := range el.ChildrenNamed(el.Space(), "thing") {
		t, err := iot.ParseThing(c, g)
		if err != nil {
			return Found{}, err
		}
		f.Things = append(f.Things, Listed{t, readableTags(c)})
	}
	return f, nil
}

func readableTags(el *xmlstream.Element) Tags {
	var b builder
	for c := range el.Children() {
		if t, ok, err := parseTag(c, el.Space()); ok && err == nil {
			_ = b.add(t) // one that breaks the rules is not added
		}
	}
	return b.tags
}

// Element returns the answer in a generation. It never holds KEY. XEP-0347#search
func (f Found) Element(g iot.Generation) *xmlstream.Element {
	g, ns := Space.For(g)
	parts := []xmlstream.Part{iot.Bool("more", f.More)}
	for _, l := range f.Things {
		parts = append(parts, xmlstream.New(ns, "thing", append(l.Thing.Parts(g), l.Tags.Without(KeyTag).parts(ns)...)...))
	}
	return xmlstream.New(ns, "found", parts...)
}
