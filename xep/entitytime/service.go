package entitytime

import (
	"context"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Module returns the feature.
func Module() module.Def {
	return module.Def{
		Name:  "entitytime",
		Title: "Tells the broker's time",
		Specs: []module.Spec{
			{ID: "XEP-0202", Version: "2.0"},
			{ID: "XEP-0082", Version: "1.1.1", Missing: "the old format without separators, which nothing here uses"},
		},
		Init: func(h *module.Host) (*module.Hooks, error) { return hooks(h), nil },
	}
}

func hooks(host *module.Host) *module.Hooks {
	h := &module.Hooks{IQ: []module.IQ{{
		Name: xmlstream.Name{Space: NS, Local: "time"},
		On:   []module.Place{module.Domain, module.Services},
		Handle: func(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
			if iq.Type != stanza.Get {
				return nil, stanza.BadRequest
			}
			return element(host.Now()), nil
		},
	}}}
	for _, at := range h.IQ[0].On {
		h.Announce = append(h.Announce, module.Announcement{On: at, Features: []string{NS}})
	}
	return h
}
