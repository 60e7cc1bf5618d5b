package disco

import (
	"context"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// settings are what an operator may say about the feature.
type settings struct {
	Name string `toml:"name" doc:"Name of the broker, for people."`
}

// Module returns the feature. It belongs first in the list, so that the identity it gives comes first.
func Module() module.Def {
	config := &settings{Name: "Comity"}
	return module.Def{
		Name:  "disco",
		Title: "Tells what the broker, its services and its accounts are and can do",
		Specs: []module.Spec{
			{ID: "XEP-0030", Version: "2.5.0"},
			{ID: "XEP-0115", Version: "1.6.0", Missing: "caps optimisation"},
		},
		Config: config,
		Init: func(h *module.Host) (*module.Hooks, error) {
			s := &service{host: h}
			return s.hooks(config.Name), nil
		},
	}
}

type service struct{ host *module.Host }

func (s *service) hooks(name string) *module.Hooks {
	everywhere := []module.Place{module.Domain, module.Account, module.Services}
	return &module.Hooks{
		IQ: []module.IQ{
			{Name: xmlstream.Name{Space: disco.NSInfo, Local: "query"}, On: everywhere, Handle: s.info},
			{Name: xmlstream.Name{Space: disco.NSItems, Local: "query"}, On: everywhere, Handle: s.items},
		},
		Announce: []module.Announcement{
			identity(module.Domain, disco.Identity{Category: "server", Type: "im", Name: name}),
			// XEP-0030#info-basic: the primary identity of a bare JID
			identity(module.Account, disco.Identity{Category: "account", Type: "registered"}),
			identity(module.Services), // which say themselves what they are
			{On: module.Domain, Features: []string{disco.NSCaps}},
		},
		StreamFeatures: s.streamFeatures,
	}
}

// identity announces what something is, and that it answers disco.
func identity(at module.Place, ids ...disco.Identity) module.Announcement {
	return module.Announcement{
		On:       at,
		Features: []string{disco.NSInfo, disco.NSItems},
		Extra: func(context.Context, jid.JID, jid.JID) disco.Info {
			return disco.Info{Identities: ids}
		},
	}
}

// streamFeatures spares a client that knows this broker the question what it can do. XEP-0115#stream
func (s *service) streamFeatures(st module.Stream) []*xmlstream.Element {
	if st.Account().IsZero() {
		return nil // for those who may ask
	}
	_, caps, err := s.caps(context.Background())
	if err != nil {
		s.host.Log.Error("no capabilities", "err", err)
		return nil
	}
	return []*xmlstream.Element{caps.Element()}
}

// caps returns what the domain tells a stranger, and its hash.
func (s *service) caps(ctx context.Context) (disco.Info, disco.Caps, error) {
	info := s.host.Directory.Info(ctx, module.Domain, s.host.Domain, jid.JID{})
	caps, err := disco.NewCaps(capsNode, &info)
	return info, caps, err
}
