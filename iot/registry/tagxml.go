package registry

import (
	"strings"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// parts returns the tags as children.
func (ts Tags) parts(space string) []xmlstream.Part {
	var parts []xmlstream.Part
	for _, e := range ts.list {
		local := "str"
		if e.Numeric {
			local = "num"
		}
		parts = append(parts, xmlstream.New(space, local, xmlstream.A("name", e.Name), xmlstream.A("value", e.Text)))
	}
	return parts
}

// parseTag reads a child that is a tag; false for one that is none.
func parseTag(el *xmlstream.Element, space string) (Tag, bool, error) {
	numeric := el.Is(space, "num")
	if !numeric && !el.Is(space, "str") {
		return Tag{}, false, nil
	}
	value, ok := el.LookupAttr("", "value")
	if !ok || numeric && strings.TrimSpace(value) == "" {
		return Tag{}, true, stanza.BadRequest.With("a tag has no value")
	}
	return Tag{Name: el.Attr("name"), Text: value, Numeric: numeric}, true, nil
}

// parseTags reads the children that are tags. R is left out: some clients copy it from a URI into the claim.
func parseTags(el *xmlstream.Element) (Tags, error) {
	var b builder
	for c := range el.Children() {
		t, ok, err := parseTag(c, el.Space())
		if err == nil && ok && !isRegistry(t) {
			err = b.add(t)
		}
		if err != nil {
			return Tags{}, err
		}
	}
	return b.tags, nil
}

// isRegistry reports whether the tag is R.
func isRegistry(t Tag) bool { return !t.Numeric && strings.EqualFold(t.Name, RegistryTag) }
