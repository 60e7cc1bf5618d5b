// Package version implements Software Version, XEP-0092 (1.1): the name and version of what runs at an address.
//
// The broker answers at its domain and at each service. It keeps its operating system to itself unless the operator says otherwise.
package version

import (
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// NS is the namespace, and the disco feature of who answers.
const NS = "jabber:iq:version"

// Software is what runs at an address.
type Software struct {
	Name    string
	Version string
	OS      string // operating system; may be empty
}

// parse reads the answer. The error is a stanza.BadRequest.
func parse(el *xmlstream.Element) (Software, error) {
	if !el.Is(NS, "query") {
		return Software{}, stanza.BadRequest.With("no software version")
	}
	return Software{
		Name:    el.ChildText(NS, "name"),
		Version: el.ChildText(NS, "version"),
		OS:      el.ChildText(NS, "os"),
	}, nil
}

func (s Software) element() *xmlstream.Element {
	el := xmlstream.New(NS, "query",
		xmlstream.New(NS, "name", xmlstream.Text(s.Name)),
		xmlstream.New(NS, "version", xmlstream.Text(s.Version)))
	if s.OS != "" {
		el = el.With(xmlstream.New(NS, "os", xmlstream.Text(s.OS)))
	}
	return el
}
