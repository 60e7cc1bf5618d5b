package eventlog

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/module/rate"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xep/internal/hourly"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

//go:embed migrations/*.sql
var files embed.FS

// label is the service that the log is at: the one that things look for the registry at.
const label = "discovery"

// settings are what an operator may say about the feature.
type settings struct {
	Events int           `toml:"events" doc:"Newest events that are kept of one account."`
	Minute int           `toml:"events_per_minute" doc:"Events that one account may log in a minute. 0 for no limit."`
	Bytes  int           `toml:"bytes" doc:"Largest event, in bytes of XML. At most 65536."`
	Tags   int           `toml:"tags" doc:"Most tags of an event."`
	Keep   time.Duration `toml:"keep" doc:"How long an event is kept. 0 for as long as there are no newer ones."`
}

// Module returns the feature.
func Module() module.Def {
	config := &settings{Events: 1000, Minute: 120, Bytes: 8 << 10, Tags: 64, Keep: 30 * 24 * time.Hour}
	root, _ := fs.Sub(files, "migrations") // the folder is embedded
	return module.Def{
		Name:       "eventlog",
		Title:      "Keeps the events that things log",
		Specs:      []module.Spec{{ID: "XEP-0337", Version: "0.3", Missing: "publishing, languages"}},
		Config:     config,
		Migrations: root,
		Init: func(h *module.Host) (*module.Hooks, error) {
			if config.Bytes > maxAnswer {
				return nil, fmt.Errorf("eventlog: bytes is %d, and no event above %d can be shown", config.Bytes, maxAnswer)
			}
			s := &service{host: h, config: config, rate: rate.New[jid.JID](config.Minute, time.Minute)}
			return s.hooks(), nil
		},
	}
}

type service struct {
	host   *module.Host
	config *settings
	rate   *rate.Limit[jid.JID]
}

func (s *service) hooks() *module.Hooks {
	return &module.Hooks{
		Messages: []module.Message{{Name: xmlstream.Name{Space: NS, Local: "log"}, On: label, Handle: s.log}},
		Services: []module.Service{{
			Label:    label,
			Identity: disco.Identity{Category: "component", Type: "generic", Name: "Thing Registry"},
		}},
		Announce: []module.Announcement{{On: label, Features: []string{NS}}},
		Commands: []module.Command{s.command()},
		Removed:  forget,
		Run:      s.run,
	}
}

// log takes the events of a message, all or none. XEP-0337#multipleevents
func (s *service) log(ctx context.Context, st *stanza.Stanza) error {
	sender := st.From.Bare().Clone()
	if !s.own(sender) {
		return stanza.Forbidden.With("the log is for accounts of this server")
	}
	type kept struct {
		Event
		text string
	}
	var all []kept
	now := s.host.Now()
	for c := range st.Content.Children() {
		if c.Name != (xmlstream.Name{Space: NS, Local: "log"}) {
			continue
		}
		e, err := parse(st.Content.Element(c), s.config.Tags)
		if err != nil {
			return err
		}
		text := e.element().String()
		switch {
		case len(text) > s.config.Bytes:
			return stanza.ResourceConstraint.With("an event of more than %d bytes", s.config.Bytes)
		case !s.rate.Take(sender, now):
			return stanza.ResourceConstraint.With("more than %d events in a minute", s.config.Minute)
		}
		all = append(all, kept{e, text})
	}
	return s.host.DB.Update(ctx, func(tx *store.Tx) error {
		for _, k := range all {
			if err := insert(tx, sender, now, k.Event, k.text); err != nil {
				return err
			}
		}
		return trim(tx, sender, s.config.Events)
	})
}

// own reports whether the address is of an account here.
func (s *service) own(j jid.JID) bool { return j.Local() != "" && j.DomainJID() == s.host.Domain }

// run removes what has been kept for too long.
func (s *service) run(ctx context.Context) error {
	if s.config.Keep == 0 {
		return nil
	}
	return hourly.Run(ctx, s.host.Log, s.expire)
}

func (s *service) expire(ctx context.Context) error {
	const chunk = 500
	for {
		var n int64
		err := s.host.DB.Update(ctx, func(tx *store.Tx) (err error) {
			n, err = expire(tx, s.host.Now().Add(-s.config.Keep), chunk)
			return err
		})
		if err != nil || n < chunk {
			return err
		}
	}
}
