package moduletest

import (
	"context"
	"slices"
	"sync"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Network implements module.Network: what features send is kept for the test.
type Network struct {
	// Answer answers what features ask; nil for nobody there. It is set before use.
	Answer func(context.Context, *stanza.IQ) (*xmlstream.Element, error)

	mu   sync.Mutex
	sent []*stanza.Stanza
}

var _ module.Network = (*Network)(nil)

// Sent takes what was sent since the last call.
func (n *Network) Sent() []*stanza.Stanza {
	n.mu.Lock()
	defer n.mu.Unlock()
	sent := n.sent
	n.sent = nil
	return sent
}

// Send implements module.Network.
func (n *Network) Send(_ context.Context, s *stanza.Stanza) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sent = append(n.sent, s)
}

// Request implements module.Network.
func (n *Network) Request(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	if n.Answer == nil {
		return nil, stanza.ServiceUnavailable
	}
	return n.Answer(ctx, iq)
}

// Roster implements module.Roster. Everybody sees himself.
type Roster struct {
	mu       sync.Mutex
	contacts map[jid.JID]map[jid.JID]module.Contact // by owner and contact
}

var _ module.Roster = (*Roster)(nil)

// Put puts a contact into the owner's roster in place of what was there.
func (r *Roster) Put(owner string, c module.Contact) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.contacts == nil {
		r.contacts = map[jid.JID]map[jid.JID]module.Contact{}
	}
	j := jid.MustParse(owner)
	if r.contacts[j] == nil {
		r.contacts[j] = map[jid.JID]module.Contact{}
	}
	r.contacts[j][c.JID] = c
}

// Show lets a party see the owner's presence.
func (r *Roster) Show(owner, party string) {
	r.Put(owner, module.Contact{JID: jid.MustParse(party), From: true})
}

// Contact implements module.Roster.
func (r *Roster) Contact(_ context.Context, owner, contact jid.JID) (module.Contact, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.contacts[owner.Bare()][contact.Bare()]
	c.JID = contact.Bare()
	return c, nil
}

// Contacts implements module.Roster.
func (r *Roster) Contacts(_ context.Context, owner jid.JID) ([]module.Contact, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []module.Contact
	for _, c := range r.contacts[owner.Bare()] {
		all = append(all, c)
	}
	return all, nil
}

// Sees implements module.Roster.
func (r *Roster) Sees(ctx context.Context, party, owner jid.JID) bool {
	c, _ := r.Contact(ctx, owner, party) // never fails
	return party.Bare() == owner.Bare() || c.From
}

// Cancel implements module.Roster.
func (r *Roster) Cancel(ctx context.Context, owner, contact jid.JID) error {
	c, err := r.Contact(ctx, owner, contact)
	c.From = false
	r.Put(owner.Bare().String(), c)
	return err
}

// Outbox implements module.Outbox: what is put is kept for the test, once committed, and counts as acknowledged.
type Outbox struct {
	mu     sync.Mutex
	pushes []module.Push
}

var _ module.Outbox = (*Outbox)(nil)

// Pushes takes what was put since the last call.
func (o *Outbox) Pushes() []module.Push {
	o.mu.Lock()
	defer o.mu.Unlock()
	pushes := o.pushes
	o.pushes = nil
	return pushes
}

// Put implements module.Outbox.
func (o *Outbox) Put(tx *store.Tx, p module.Push) error {
	tx.AfterCommit(func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.pushes = append(o.pushes, p)
	})
	return nil
}

// Wait implements module.Outbox.
func (o *Outbox) Wait(context.Context, jid.JID, jid.JID) bool { return true }

// directory implements module.Directory.
type directory struct {
	domain jid.JID
	hooks  []*module.Hooks
}

// Info implements module.Directory.
func (d *directory) Info(ctx context.Context, at module.Place, addr, asker jid.JID) disco.Info {
	var info disco.Info
	for _, h := range d.hooks {
		for _, s := range h.Services {
			if module.Place(s.Label) == at && !slices.Contains(info.Identities, s.Identity) {
				info.Identities = append(info.Identities, s.Identity)
			}
		}
	}
	service := len(info.Identities) > 0
	for _, h := range d.hooks {
		for _, a := range h.Announce {
			if a.On != at && !(service && a.On == module.Services) {
				continue
			}
			info.Features = append(info.Features, a.Features...)
			if a.Extra != nil {
				more := a.Extra(ctx, addr, asker)
				info.Identities = append(info.Identities, more.Identities...)
				info.Features = append(info.Features, more.Features...)
				info.Forms = append(info.Forms, more.Forms...)
			}
		}
	}
	slices.Sort(info.Features)
	info.Features = slices.Compact(info.Features)
	return info
}

// Items implements module.Directory.
func (d *directory) Items() []disco.Item {
	var items []disco.Item
	for _, h := range d.hooks {
		for _, s := range h.Services {
			item := disco.Item{JID: jid.MustParse(s.Label + "." + d.domain.String()), Name: s.Identity.Name}
			if !slices.Contains(items, item) {
				items = append(items, item)
			}
		}
	}
	return items
}

// Commands implements module.Directory.
func (d *directory) Commands(at module.Place) []module.Command {
	var all []module.Command
	for _, h := range d.hooks {
		for _, c := range h.Commands {
			if c.On == at {
				all = append(all, c)
			}
		}
	}
	return all
}
