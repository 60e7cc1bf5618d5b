// Package disco implements service discovery, XEP-0030 (2.5), with the extensions of XEP-0128 (1.0.1), and its hashes in
// presence: entity capabilities of XEP-0115 (1.6) and of XEP-0390 (0.3).
//
// Info and Items are what an entity says of itself: parse and build them. GetInfo, GetItems and Find ask. Caps and HashSet
// are the two kinds of hashes.
//
// Missing: caches of capabilities, which belong to whoever sees presence; the legacy format of XEP-0115 before 1.4; in
// XEP-0390 an xml:lang that is inherited from above the query.
package disco

import (
	"errors"
	"slices"

	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Namespaces. Each is also the feature of who supports it.
const (
	NSInfo  = "http://jabber.org/protocol/disco#info"
	NSItems = "http://jabber.org/protocol/disco#items"
)

// Bounds of what ParseInfo and ParseItems take.
const (
	MaxIdentities = 128
	MaxFeatures   = 2048
	MaxForms      = 32
	MaxItems      = 4096
)

// ErrIllFormed is the error of information that nobody may rely on, because it could mean two things.
var ErrIllFormed = errors.New("disco: ill-formed information")

// Identity is what an entity is (XEP-0030#info-basic).
type Identity struct {
	Category string // "client", "component", …
	Type     string // within the category: "pc", "generic", …
	Lang     string // xml:lang of Name; may be empty
	Name     string // for people; may be empty
}

// Info is what an entity is and can do. The zero Info is that of nothing.
type Info struct {
	Node       string // of the entity; empty for itself
	Lang       string // xml:lang of the names that have none of their own; may be empty
	Identities []Identity
	Features   []string
	Forms      []*form.Form // more about it, by FORM_TYPE (XEP-0128)

	foreign bool // it held elements that are not understood
}

// Has reports whether one of the features is there. NSInfo always is, as who answers supports it (XEP-0030#info-basic).
// Nothing is there in a nil *Info.
func (i *Info) Has(features ...string) bool {
	return i != nil && slices.ContainsFunc(features, func(f string) bool {
		return f == NSInfo || slices.Contains(i.Features, f)
	})
}

// Is reports whether one of the identities has this category and type; an empty type is any.
func (i *Info) Is(category, typ string) bool {
	return slices.ContainsFunc(i.Identities, func(id Identity) bool {
		return id.Category == category && (typ == "" || id.Type == typ)
	})
}

// Form returns the form of that FORM_TYPE, or nil.
func (i *Info) Form(formType string) *form.Form {
	for _, f := range i.Forms {
		if f.FormType() == formType {
			return f
		}
	}
	return nil
}

// ParseInfo reads a disco#info query, be it a request or an answer. The error is a stanza.BadRequest, or a
// stanza.ResourceConstraint for more than the bounds of this package.
func ParseInfo(el *xmlstream.Element) (*Info, error) {
	if !el.Is(NSInfo, "query") {
		return nil, stanza.BadRequest.With("no disco#info")
	}
	i := &Info{Node: el.Attr("node"), Lang: langOf(el)}
	for c := range el.Children() {
		switch {
		case c.Is(NSInfo, "identity"):
			i.Identities = append(i.Identities, Identity{c.Attr("category"), c.Attr("type"), langOf(c), c.Attr("name")})
		case c.Is(NSInfo, "feature"):
			i.Features = append(i.Features, c.Attr("var"))
		case c.Is(form.NS, "x"):
			f, err := form.Parse(c)
			if err != nil {
				return nil, err
			}
			i.Forms = append(i.Forms, f)
		default:
			i.foreign = true
		}
		if len(i.Identities) > MaxIdentities || len(i.Features) > MaxFeatures || len(i.Forms) > MaxForms {
			return nil, stanza.ResourceConstraint.With("too much disco#info")
		}
	}
	return i, nil
}

// Element returns the information as it travels.
func (i *Info) Element() *xmlstream.Element {
	var parts []xmlstream.Part
	parts = appendLang(parts, i.Lang)
	parts = appendAttr(parts, "node", i.Node)
	for _, id := range i.Identities {
		parts = append(parts, id.element())
	}
	for _, f := range i.Features {
		parts = append(parts, xmlstream.New(NSInfo, "feature", xmlstream.A("var", f)))
	}
	for _, f := range i.Forms {
		parts = append(parts, f.Element())
	}
	return xmlstream.New(NSInfo, "query", parts...)
}

func (id Identity) element() *xmlstream.Element {
	parts := []xmlstream.Part{xmlstream.A("category", id.Category), xmlstream.A("type", id.Type)}
	parts = appendAttr(parts, "name", id.Name)
	return xmlstream.New(NSInfo, "identity", appendLang(parts, id.Lang)...)
}

func langOf(el *xmlstream.Element) string {
	lang, _ := el.LookupAttr(xmlstream.SpaceXML, "lang")
	return lang
}

func appendLang(parts []xmlstream.Part, lang string) []xmlstream.Part {
	if lang == "" {
		return parts
	}
	return append(parts, xmlstream.Attr{Name: xmlstream.Name{Space: xmlstream.SpaceXML, Local: "lang"}, Value: lang})
}

// appendAttr appends an attribute, unless its value is empty.
func appendAttr(parts []xmlstream.Part, local, value string) []xmlstream.Part {
	if value == "" {
		return parts
	}
	return append(parts, xmlstream.A(local, value))
}
