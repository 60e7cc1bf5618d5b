package provisioning

import (
	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// IsFriend asks whether the sender may let Remote subscribe to its presence. XEP-0324#friendshiprequestaccepted
type IsFriend struct{ Remote jid.JID }

// IsFriendResponse answers IsFriend, with the same Remote. XEP-0324#friendshiprequestaccepted
type IsFriendResponse struct {
	Remote  jid.JID
	Allowed bool
	// SecondaryTrust lets the thing trust other services too; the first generation only can say it.
	// XEP-0324#delegatingsecondarytrust
	SecondaryTrust bool
}

// Friend advises a thing to subscribe to JID, in a message. XEP-0324#recommendingfriendships
type Friend struct{ JID jid.JID }

// Unfriend advises a thing to be seen by JID no longer, in a message. XEP-0324#unfriendingexistingfriends
type Unfriend struct{ JID jid.JID }

// ParseIsFriend reads an <isFriend/> of a thing. The error is BadRequest or JIDMalformed.
func ParseIsFriend(el *xmlstream.Element) (IsFriend, error) {
	j, err := parseAddress(el, "isFriend")
	return IsFriend{j}, err
}

// Element returns the request in a generation.
func (f IsFriend) Element(g iot.Generation) *xmlstream.Element {
	return addressElement("isFriend", f.Remote, g)
}

// ParseIsFriendResponse reads an <isFriendResponse/>. The error is BadRequest or JIDMalformed.
func ParseIsFriendResponse(el *xmlstream.Element) (IsFriendResponse, error) {
	j, err := parseAddress(el, "isFriendResponse")
	if err != nil {
		return IsFriendResponse{}, err
	}
	r := IsFriendResponse{Remote: j}
	if r.Allowed, err = iot.RequiredBoolAttr(el, "result"); err != nil {
		return IsFriendResponse{}, err
	}
	if el.Space() == DeviceSpace.NS(iot.XSF) {
		r.SecondaryTrust, err = iot.BoolAttr(el, "secondaryTrustAllowed", false)
	}
	return r, err
}

// Element returns the answer in a generation.
func (r IsFriendResponse) Element(g iot.Generation) *xmlstream.Element {
	el := addressElement("isFriendResponse", r.Remote, g).With(iot.Bool("result", r.Allowed))
	if g == iot.XSF && r.SecondaryTrust {
		el = el.With(iot.Bool("secondaryTrustAllowed", true))
	}
	return el
}

// ParseFriend reads a <friend/>. The error is BadRequest or JIDMalformed.
func ParseFriend(el *xmlstream.Element) (Friend, error) {
	j, err := parseAddress(el, "friend")
	return Friend{j}, err
}

// Element returns the advice in a generation.
func (f Friend) Element(g iot.Generation) *xmlstream.Element {
	return addressElement("friend", f.JID, g)
}

// ParseUnfriend reads an <unfriend/>. The error is BadRequest or JIDMalformed.
func ParseUnfriend(el *xmlstream.Element) (Unfriend, error) {
	j, err := parseAddress(el, "unfriend")
	return Unfriend{j}, err
}

// Element returns the advice in a generation.
func (u Unfriend) Element(g iot.Generation) *xmlstream.Element {
	return addressElement("unfriend", u.JID, g)
}

func parseAddress(el *xmlstream.Element, local string) (jid.JID, error) {
	if _, err := expect(el, DeviceSpace, local); err != nil {
		return jid.JID{}, err
	}
	return iot.AddressAttr(el, "jid")
}

func addressElement(local string, j jid.JID, g iot.Generation) *xmlstream.Element {
	return xmlstream.New(DeviceSpace.NS(g), local, xmlstream.A("jid", j.String()))
}
