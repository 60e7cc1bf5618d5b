package ping

import (
	"context"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Module returns the feature.
func Module() module.Def {
	return module.Def{
		Name:  "ping",
		Title: "Answers pings",
		Specs: []module.Spec{{ID: "XEP-0199", Version: "2.0.1"}},
		Init:  func(*module.Host) (*module.Hooks, error) { return hooks(), nil },
	}
}

func hooks() *module.Hooks {
	h := &module.Hooks{IQ: []module.IQ{{
		Name:   xmlstream.Name{Space: NS, Local: "ping"},
		On:     []module.Place{module.Domain, module.Own, module.Services},
		Handle: answer,
	}}}
	for _, at := range h.IQ[0].On {
		h.Announce = append(h.Announce, module.Announcement{On: at, Features: []string{NS}})
	}
	return h
}

// answer returns an empty result. XEP-0199#c2s
func answer(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	if iq.Type != stanza.Get {
		return nil, stanza.BadRequest // XEP-0199#protocol
	}
	return nil, nil
}
