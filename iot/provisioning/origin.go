package provisioning

import (
	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// OriginKind is by what a rule recognizes requests.
type OriginKind uint8

const (
	FromCaller  OriginKind = iota // who asks
	FromDomain                    // everyone at a domain
	FromService                   // who shows a service's token
	FromDevice                    // who shows a device's token
	FromUser                      // who shows a user's token
	FromAnyone
)

// Origin is whom a rule is for. It is comparable.
type Origin struct {
	Kind  OriginKind
	Value string // a bare JID, a domain or a token; empty for FromAnyone
}

// Origins that Op Befriend knows, by the names of the attribute range.
var rangeNames = [...]string{FromCaller: "Caller", FromDomain: "Domain", FromAnyone: "All"}

// originElements are the children that name the origin.
var originElements = [...]string{"fromJid", "fromDomain", "fromService", "fromDevice", "fromUser", "all"}

// OriginOf returns the origin of that kind for a caller or, of the kinds that are recognized by one, a token.
func OriginOf(kind OriginKind, caller jid.JID, token string) Origin {
	switch kind {
	case FromCaller:
		return Origin{kind, caller.Bare().String()}
	case FromDomain:
		return Origin{kind, caller.Domain()}
	case FromAnyone:
		return Origin{Kind: kind}
	}
	return Origin{kind, token}
}

func (k OriginKind) isToken() bool { return k == FromService || k == FromDevice || k == FromUser }

// parseRange reads the attribute range of an <isFriendRule/>.
func parseRange(el *xmlstream.Element, remote jid.JID) (Origin, error) {
	v := el.Attr("range")
	if v == "" {
		return OriginOf(FromCaller, remote, ""), nil
	}
	for kind, name := range rangeNames {
		if name == v {
			return OriginOf(OriginKind(kind), remote, ""), nil
		}
	}
	return Origin{}, stanza.BadRequest.With("the attribute range is none of Caller, Domain and All")
}

// rangeName returns the attribute's value; for a token, which friendships do not have, the narrowest.
func (o Origin) rangeName() string {
	if o.Kind.isToken() || int(o.Kind) >= len(rangeNames) {
		return rangeNames[FromCaller]
	}
	return rangeNames[o.Kind]
}

// parseOrigin reads the child that names the origin, of which there must be exactly one.
func parseOrigin(el *xmlstream.Element, remote jid.JID) (Origin, error) {
	var origin Origin
	found := false
	for c := range el.Children() {
		kind, ok := originNamed(c, el.Space())
		if !ok {
			continue
		}
		if found {
			return Origin{}, stanza.BadRequest.With("more than one origin")
		}
		found = true
		var token string
		if kind.isToken() {
			var err error
			if token, err = iot.Attr(c, "token"); err != nil {
				return Origin{}, err
			}
		}
		origin = OriginOf(kind, remote, token)
	}
	if !found {
		return Origin{}, stanza.BadRequest.With("<%s/> names no origin", el.Local())
	}
	return origin, nil
}

func originNamed(el *xmlstream.Element, space string) (OriginKind, bool) {
	for kind, name := range originElements {
		if el.Is(space, name) {
			return OriginKind(kind), true
		}
	}
	return 0, false
}

func (o Origin) element(ns string) *xmlstream.Element {
	el := xmlstream.New(ns, originElements[o.Kind])
	if o.Kind.isToken() {
		el = el.With(xmlstream.A("token", o.Value))
	}
	return el
}

// String returns the origin for people to read, as in "everyone at example.org".
func (o Origin) String() string {
	switch o.Kind {
	case FromCaller:
		return o.Value
	case FromDomain:
		return "everyone at " + o.Value
	case FromService:
		return "who shows the service token " + o.Value
	case FromDevice:
		return "who shows the device token " + o.Value
	case FromUser:
		return "who shows the user token " + o.Value
	}
	return "everyone"
}
