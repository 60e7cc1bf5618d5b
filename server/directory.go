package server

import (
	"context"
	"slices"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/jid"
)

// serviceOrder is the order of the domain's items. discovery is last, behind those not named here too: there are things that
// take the last item or none.
var serviceOrder = []string{"upload", "pubsub", "conference", "geo", "market", "legal"}

// lastService ends the domain's items.
const lastService = "discovery"

// directory implements module.Directory for one domain.
type directory struct {
	domain   jid.JID
	services []module.Service
	announce map[module.Place][]module.Announcement
	commands map[module.Place][]module.Command
}

// learn collects what the features say of themselves.
func (d *directory) learn(hooks []*module.Hooks) {
	d.announce = map[module.Place][]module.Announcement{}
	d.commands = map[module.Place][]module.Command{}
	for _, h := range hooks {
		for _, s := range h.Services {
			known := func(o module.Service) bool { return o.Label == s.Label }
			if !slices.ContainsFunc(d.services, known) {
				d.services = append(d.services, s)
			}
		}
		for _, a := range h.Announce {
			d.announce[a.On] = append(d.announce[a.On], a)
		}
		for _, c := range h.Commands {
			d.commands[c.On] = append(d.commands[c.On], c)
		}
	}
	slices.SortStableFunc(d.services, func(a, b module.Service) int { return rank(a.Label) - rank(b.Label) })
}

func rank(label string) int {
	if label == lastService {
		return len(serviceOrder) + 1
	}
	if i := slices.Index(serviceOrder, label); i >= 0 {
		return i
	}
	return len(serviceOrder)
}

// Info implements module.Directory. Of a service it tells what is announced of all of them too.
func (d *directory) Info(ctx context.Context, at module.Place, addr, asker jid.JID) disco.Info {
	var info disco.Info
	announced := d.announce[at]
	for _, s := range d.services {
		if module.Place(s.Label) == at {
			info.Identities = append(info.Identities, s.Identity)
			announced = slices.Concat(announced, d.announce[module.Services])
		}
	}
	for _, a := range announced {
		info.Features = append(info.Features, a.Features...)
		if a.Extra != nil {
			more := a.Extra(ctx, addr, asker)
			info.Identities = append(info.Identities, more.Identities...)
			info.Features = append(info.Features, more.Features...)
			info.Forms = append(info.Forms, more.Forms...)
		}
	}
	slices.Sort(info.Features)
	info.Features = slices.Compact(info.Features)
	return info
}

// Items implements module.Directory.
func (d *directory) Items() []disco.Item {
	items := make([]disco.Item, len(d.services))
	for i, s := range d.services {
		items[i] = disco.Item{JID: jid.MustParse(s.Label + "." + d.domain.String()), Name: s.Identity.Name}
	}
	return items
}

// Commands implements module.Directory.
func (d *directory) Commands(at module.Place) []module.Command { return d.commands[at] }
