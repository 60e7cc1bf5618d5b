package main

import (
	"context"
	"errors"
	"time"

	"github.com/comity-iot/comity/iot/control"
	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/xep/roster"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// lookWait is how long friends at other servers have to show themselves.
const lookWait = 3 * time.Second

// errLooked ends the wait for them.
var errLooked = errors.New("looked long enough")

// look returns the user's friends, and those who ask to be, with what they show of themselves.
func (u *user) look(ctx context.Context) ([]friendLine, error) {
	contacts, err := u.appear(ctx)
	if err != nil {
		return nil, err
	}
	l := lookout{user: u, lines: map[jid.JID]*friendLine{}, open: map[jid.JID]bool{}, known: map[string]*disco.Info{}}
	for _, i := range contacts {
		l.lines[i.JID] = &friendLine{JID: i.JID.String(), Name: i.Name, Presence: "unknown", Sees: string(i.Subscription), Asked: i.Ask}
		if i.Subscription == roster.To || i.Subscription == roster.Both {
			l.open[i.JID] = true
			if err := u.probe(ctx, i.JID); err != nil {
				return nil, err
			}
		}
	}
	if err := l.watch(ctx); err != nil {
		return nil, err
	}
	all := make([]friendLine, 0, len(l.lines))
	for _, line := range l.lines {
		all = append(all, *line)
	}
	return all, nil
}

// lookout gathers what friends show.
type lookout struct {
	*user
	lines map[jid.JID]*friendLine
	open  map[jid.JID]bool       // who has not shown itself yet
	known map[string]*disco.Info // by the hash in the presence
}

// watch takes news until everybody has been heard, or it has taken too long. What came beside is looked at too.
func (l *lookout) watch(ctx context.Context) error {
	waiting, cancel := context.WithTimeoutCause(ctx, lookWait, errLooked)
	defer cancel()
	// All presence that the server knows was sent when this is answered.
	if _, err := disco.GetInfo(ctx, l, l.JID().DomainJID(), ""); err != nil {
		return err
	}
	for len(l.open) > 0 || !l.news.empty() {
		n, err := l.news.next(waiting)
		if errors.Is(err, errLooked) {
			return nil
		}
		if err != nil {
			return err
		}
		if n.presence != nil {
			l.see(ctx, n.presence)
		}
	}
	return nil
}

// see takes one presence into the list.
func (l *lookout) see(ctx context.Context, p *stanza.Stanza) {
	who := p.From.Bare()
	line := l.lines[who]
	switch {
	case who == l.self():
	case p.Type == stanza.Subscribe:
		if line == nil {
			line = &friendLine{JID: who.String(), Presence: "unknown", Sees: string(roster.None)}
			l.lines[who] = line
		}
		line.Asks = true
	case line == nil || !l.open[who] && line.Presence == "unknown":
	case p.Type == stanza.Available:
		delete(l.open, who)
		line.Presence = "online"
		if show := p.Child(stanza.Client, "show").Text(); show == "away" || show == "xa" || show == "dnd" {
			line.Presence = "away"
		}
		if info := l.ask(ctx, p); info != nil && !line.Device {
			line.Device, line.What = describe(info)
		}
	case p.Type == stanza.Unavailable && line.Presence == "unknown":
		delete(l.open, who)
		line.Presence = "offline"
	case p.Type == stanza.ErrorType:
		delete(l.open, who)
	}
}

// ask returns what who sent a presence is and can do, asking only one of all who say that they are alike. XEP-0115#usecases
func (l *lookout) ask(ctx context.Context, p *stanza.Stanza) *disco.Info {
	ctx, cancel := context.WithTimeout(ctx, lookWait)
	defer cancel()
	caps, ok := disco.ParseCaps(p.Child(disco.NSCaps, "c"))
	if !ok {
		info, err := disco.GetInfo(ctx, l, p.From, "")
		if err != nil {
			return nil
		}
		return info
	}
	if info := l.known[caps.Ver]; info != nil {
		return info
	}
	info, err := disco.GetInfo(ctx, l, p.From, caps.InfoNode())
	if err != nil {
		return nil
	}
	if caps.Verify(info) == nil {
		l.known[caps.Ver] = info
	}
	return info
}

// describe says what an entity is, and whether that is a device.
func describe(info *disco.Info) (device bool, what string) {
	name := ""
	for _, id := range info.Identities {
		if id.Name != "" && name == "" {
			name = id.Name
		}
		if what == "" {
			what = id.Category + "/" + id.Type
		}
	}
	read, command := info.Has(namespaces(sensordata.Family)...), info.Has(namespaces(control.Family)...)
	switch {
	case read && command:
		what = "a device that can be read and commanded"
	case read:
		what = "a device that can be read"
	case command:
		what = "a device that can be commanded"
	}
	if name != "" {
		what = name + ", " + what
	}
	return read || command, what
}
