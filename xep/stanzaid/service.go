package stanzaid

import (
	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// Module returns the feature.
func Module() module.Def {
	return module.Def{
		Name:  "stanzaid",
		Title: "Takes off ids of messages that are forged in the name of an account or of the domain",
		Specs: []module.Spec{{ID: "XEP-0359", Version: "0.7.0", Missing: "ids of the broker's own, which are for an archive to give"}},
		Init: func(h *module.Host) (*module.Hooks, error) {
			return &module.Hooks{
				// By whom an id is, that address is asked whether it lets nobody else give it. XEP-0359#disco, XEP-0359#security
				Announce: []module.Announcement{{On: module.Domain, Features: []string{NS}}, {On: module.Account, Features: []string{NS}}},
				Relay:    func(account jid.JID, m *stanza.Stanza) *stanza.Stanza { return strip(m, account, h.Domain) },
			}, nil
		},
	}
}
