package iot

import (
	"strings"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// MaxTokens is how many tokens of all kinds one request may carry [ours].
const MaxTokens = 64

// Tokens are those by which a request names the service, the device and the user behind it. There may be several of each
// kind, one from each provisioning server. XEP-0324#multipletokens
type Tokens struct{ Service, Device, User []string }

// tokenNames are the attributes for services, devices and users.
func (g Generation) tokenNames() (service, device, user string) {
	if g == XSF {
		return "serviceToken", "deviceToken", "userToken"
	}
	return "st", "dt", "ut"
}

// ParseTokens reads the tokens that an element's attributes hold, which may be none. The error is BadRequest.
func ParseTokens(el *xmlstream.Element, g Generation) (Tokens, error) {
	service, device, user := g.tokenNames()
	t := Tokens{strings.Fields(el.Attr(service)), strings.Fields(el.Attr(device)), strings.Fields(el.Attr(user))}
	if len(t.Service)+len(t.Device)+len(t.User) > MaxTokens {
		return Tokens{}, stanza.BadRequest.With("more than %d tokens", MaxTokens)
	}
	return t, nil
}

// Parts returns the attributes that hold the tokens.
func (t Tokens) Parts(g Generation) []xmlstream.Part {
	service, device, user := g.tokenNames()
	var parts []xmlstream.Part
	for _, a := range [...]struct {
		name   string
		tokens []string
	}{{service, t.Service}, {device, t.Device}, {user, t.User}} {
		if len(a.tokens) > 0 {
			parts = append(parts, xmlstream.A(a.name, strings.Join(a.tokens, " ")))
		}
	}
	return parts
}
