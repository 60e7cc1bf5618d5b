package thing

import (
	"context"
	"sync"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xep/roster"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// maxSeen bounds the addresses whose presence is remembered.
const maxSeen = 1024

// Friend is somebody who may see the thing.
type Friend struct {
	JID    jid.JID // bare
	Online bool    // as far as the thing may see that
}

// contacts is the thing's roster, as the broker has it.
type contacts struct {
	mu     sync.Mutex
	list   map[jid.JID]roster.Subscription
	filled bool             // the roster has come
	seen   map[jid.JID]bool // full addresses that are available
}

// begin forgets what was in another session.
func (c *contacts) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list, c.seen, c.filled = map[jid.JID]roster.Subscription{}, map[jid.JID]bool{}, false
}

// fill takes the roster. Pushes are newer, even one that has overtaken it on the way here.
func (c *contacts) fill(items []roster.Item) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range items {
		if _, newer := c.list[i.JID]; !newer {
			c.list[i.JID.Clone()] = i.Subscription
		}
	}
	c.filled = true
}

// changed takes a push.
func (c *contacts) changed(p roster.Push) { c.put(p.Item.JID, p.Item.Subscription) }

func (c *contacts) put(who jid.JID, s roster.Subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s == roster.Remove && c.filled {
		delete(c.list, who)
		return
	}
	c.list[who.Clone()] = s
}

// isFriend reports whether somebody, a bare address, may see the thing.
func (c *contacts) isFriend(who jid.JID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.list[who] == roster.From || c.list[who] == roster.Both
}

// sees reports whether the thing may see somebody.
func (c *contacts) sees(who jid.JID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.list[who] == roster.To || c.list[who] == roster.Both
}

// presence notes who comes and goes.
func (c *contacts) presence(full jid.JID, available bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !available {
		delete(c.seen, full)
	} else if len(c.seen) < maxSeen {
		c.seen[full.Clone()] = true
	}
}

func (c *contacts) all() []jid.JID {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []jid.JID
	for who := range c.list {
		list = append(list, who)
	}
	return list
}

func (c *contacts) friends() []Friend {
	c.mu.Lock()
	defer c.mu.Unlock()
	here := map[jid.JID]bool{}
	for full := range c.seen {
		here[full.Bare()] = true
	}
	var list []Friend
	for who, s := range c.list {
		if s == roster.From || s == roster.Both {
			list = append(list, Friend{who, here[who]})
		}
	}
	return list
}

// meet gets the roster. Without it nobody is known to be a friend.
func (o *online) meet(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	list := roster.Client{Requester: o.session}
	got, err := list.Get(ctx, "")
	switch {
	case err != nil:
		o.log.Warn("no roster", "err", err)
	case got != nil:
		o.contacts.fill(got.Items)
	}
}

// subscribe answers who wants to see the thing. A friend that could not be let in today may ask again tomorrow.
// XEP-0324#friendshiprequestaccepted
func (o *online) subscribe(ctx context.Context, who jid.JID) {
	owner := o.isOwner(who)
	if !owner && !o.isService(who) {
		if _, ok := o.decide(ctx, Question{Op: Befriend, From: who}, iot.Tokens{}); !ok {
			o.send(ctx, roster.Refuse(who))
			return
		}
	}
	o.send(ctx, roster.Approve(who))
	if owner && !o.contacts.sees(who) {
		o.send(ctx, roster.Subscribe(who))
	}
}

// befriend asks to see somebody, and lets them see the thing, even if they ask for that only later. RFC 6121 §3.4
func (o *online) befriend(ctx context.Context, who jid.JID) {
	if !o.contacts.isFriend(who) {
		o.send(ctx, roster.Approve(who))
	}
	if !o.contacts.sees(who) {
		o.send(ctx, roster.Subscribe(who))
	}
}

// unfriend ends both.
func (o *online) unfriend(ctx context.Context, who jid.JID) {
	o.contacts.put(who, roster.None) // now, whenever the broker gets to it
	o.send(ctx, roster.Refuse(who))
	o.send(ctx, roster.Unsubscribe(who))
}

// isOwner reports whether somebody, a bare address, owns the thing, or is it.
func (o *online) isOwner(who jid.JID) bool {
	return !who.IsZero() && (who == o.state.view().Owner || who == o.session.JID().Bare())
}

// isService reports whether somebody is a service that the thing relies on.
func (o *online) isService(who jid.JID) bool {
	k := o.state.view()
	return !who.IsZero() && (who == k.Registry.JID || who == k.Decisions.JID)
}

// mayAsk reports whether somebody may ask the thing for anything. Others are not told what it is.
func (o *online) mayAsk(from jid.JID) bool {
	who := from.Bare()
	return o.isOwner(who) || o.contacts.isFriend(who)
}

// mayKnow reports whether somebody may know that the thing is there, and what it is.
func (o *online) mayKnow(from jid.JID) bool {
	return o.mayAsk(from) || o.isService(from) || from == o.session.JID().DomainJID()
}

// heard handles presence.
func (o *online) heard(p *stanza.Stanza) {
	if p.From.IsFull() {
		o.contacts.presence(p.From, p.Type == stanza.Available)
	}
}
