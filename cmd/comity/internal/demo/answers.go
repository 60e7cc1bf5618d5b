package demo

import (
	"slices"
	"strings"

	"github.com/comity-iot/comity/iot/control"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// answers is for results.
func (in *interpreter) answers(s, request *stanza.Stanza) string {
	iq, err := s.IQ()
	if err != nil {
		return ""
	}
	el := iq.Payload
	if el == nil {
		return acknowledges(request)
	}
	if items, err := disco.ParseItems(el); err == nil {
		var all []string
		for _, i := range items.Items {
			all = append(all, i.JID.String())
		}
		return strings.Join(all, ", ")
	}
	if r, err := registry.ParseClaimResult(el); err == nil {
		if request.Content.Len() > 0 && request.Content.At(0).Name.Local == "mine" {
			return "yes, you own " + in.name(r.Thing.JID) + " now"
		}
		return in.name(r.Thing.JID) + " owns you already"
	}
	if f, err := registry.ParseFound(el); err == nil {
		var all []string
		for _, t := range f.Things {
			all = append(all, in.name(t.Thing.JID))
		}
		return names(all, "none")
	}
	if text := in.decided(el, request); text != "" {
		return text
	}
	if has(el, sensordata.Family) {
		return saysData(el)
	}
	if r, err := control.ParseResponse(el); err == nil {
		return "done: " + names(r.Parameters, "all of it")
	}
	return "done"
}

// acknowledges is for results that hold nothing.
func acknowledges(request *stanza.Stanza) string {
	switch request.Content.At(0).Name.Local {
	case "register":
		return "you are registered, until an owner claims you"
	case "clearCache":
		return "forgotten"
	case "isFriendRule", "canReadRule", "canControlRule":
		return "noted, from now on it is a rule"
	case "claimed":
		return "so I have an owner"
	}
	return "done"
}

// decided is for the answers of decision support, with the reason where it was heard.
func (in *interpreter) decided(el *xmlstream.Element, request *stanza.Stanza) string {
	question := child(request, provisioning.DeviceSpace)
	if r, err := provisioning.ParseIsFriendResponse(el); err == nil {
		return yes(r.Allowed, nil, nil) + in.because(request, r.Remote, provisioning.Befriend)
	}
	if r, err := provisioning.ParseCanReadResponse(el); err == nil {
		q, _ := provisioning.ParseCanRead(question)
		return yes(r.Allowed, r.Fields, q.Fields) + in.because(request, r.Remote, provisioning.Read)
	}
	if r, err := provisioning.ParseCanControlResponse(el); err == nil {
		q, _ := provisioning.ParseCanControl(question)
		return yes(r.Allowed, r.Parameters, q.Parameters) + in.because(request, r.Remote, provisioning.Control)
	}
	return ""
}

func yes(allowed bool, scope, asked []string) string {
	switch {
	case !allowed:
		return "no"
	case len(scope) == 0 || slices.Equal(scope, asked):
		return "yes"
	}
	return "yes, but only " + names(scope, "")
}

// because is the end of the broker's answer to a thing.
func (in *interpreter) because(request *stanza.Stanza, caller jid.JID, op provisioning.Operation) string {
	key := asked{request.From.Bare(), caller.Bare(), op}
	why := in.why[key]
	delete(in.why, key)
	if why == "" {
		return ""
	}
	return ": " + why
}
