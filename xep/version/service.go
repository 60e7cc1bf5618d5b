package version

import (
	"context"
	"runtime/debug"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// settings are what an operator may say about the feature.
type settings struct {
	OS string `toml:"os" doc:"Operating system that the broker tells to anybody who asks. Empty to keep it to itself."`
}

// Module returns the feature.
func Module() module.Def {
	config := &settings{}
	return module.Def{
		Name:   "version",
		Title:  "Tells the broker's name and version",
		Specs:  []module.Spec{{ID: "XEP-0092", Version: "1.1"}},
		Config: config,
		Init: func(*module.Host) (*module.Hooks, error) {
			return hooks(Software{Name: "Comity", Version: built(), OS: config.OS}), nil
		},
	}
}

func hooks(s Software) *module.Hooks {
	h := &module.Hooks{IQ: []module.IQ{{
		Name: xmlstream.Name{Space: NS, Local: "query"},
		On:   []module.Place{module.Domain, module.Services},
		Handle: func(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
			if iq.Type != stanza.Get {
				return nil, stanza.BadRequest
			}
			return s.element(), nil
		},
	}}}
	for _, at := range h.IQ[0].On {
		h.Announce = append(h.Announce, module.Announcement{On: at, Features: []string{NS}})
	}
	return h
}

// built returns the version that the Go toolchain wrote into the program.
func built() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
