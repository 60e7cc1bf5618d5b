package disco

import (
	"context"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// commandItems lists the commands of a place that the sender may run. XEP-0050#retrieve
func (s *service) commandItems(ctx context.Context, at module.Place, iq *stanza.IQ) []disco.Item {
	var items []disco.Item
	for _, c := range s.host.Directory.Commands(at) {
		if allowed(ctx, c, iq.From) {
			items = append(items, disco.Item{JID: iq.To, Node: c.Node, Name: c.Name})
		}
	}
	return items
}

// aboutCommand returns what there is to say of a command's node, or of the list of commands.
func (s *service) aboutCommand(ctx context.Context, at module.Place, asker jid.JID, node string) (*disco.Info, error) {
	commands := s.host.Directory.Commands(at)
	if node == nsCommands && len(commands) > 0 {
		return &disco.Info{
			Identities: []disco.Identity{{Category: "automation", Type: "command-list"}},
			Features:   []string{disco.NSInfo, disco.NSItems},
		}, nil
	}
	for _, c := range commands {
		switch {
		case c.Node != node:
			continue
		case !allowed(ctx, c, asker):
			return nil, stanza.Forbidden // XEP-0050#retrieve
		}
		return &disco.Info{
			Identities: []disco.Identity{{Category: "automation", Type: "command-node", Name: c.Name}},
			Features:   []string{nsCommands, disco.NSInfo, nsForms},
		}, nil
	}
	return nil, stanza.ItemNotFound
}

func allowed(ctx context.Context, c module.Command, asker jid.JID) bool {
	return c.Allowed != nil && c.Allowed(ctx, asker)
}
