package offline

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"sync"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xep/delay"
	"github.com/comity-iot/comity/xep/internal/hourly"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

//go:embed migrations/*.sql
var files embed.FS

// settings are what an operator may say about the feature.
type settings struct {
	Messages int           `toml:"messages" doc:"Messages that are kept for one account. Less than a session's queue may hold."`
	Bytes    int           `toml:"bytes" doc:"Bytes that are kept for one account. Less than a session's queue may hold."`
	Keep     time.Duration `toml:"keep" doc:"How long a message is kept. 0 for ever."`
}

// Module returns the feature.
func Module() module.Def {
	config := &settings{Messages: 1000, Bytes: 2 << 20, Keep: 90 * 24 * time.Hour}
	root, _ := fs.Sub(files, "migrations") // the folder is embedded
	return module.Def{
		Name:  "offline",
		Title: "Keeps messages for accounts that are not online",
		Specs: []module.Spec{
			{ID: "XEP-0160", Version: "1.0.1"},
			{ID: "XEP-0203", Version: "2.0"},
			{ID: "XEP-0334", Version: "1.0.0", Missing: "no-copy and no-permanent-store, which are for carbons and archives"},
		},
		Config:     config,
		Migrations: root,
		Init: func(h *module.Host) (*module.Hooks, error) {
			s := &service{host: h, config: config, rounds: map[jid.JID]*round{}}
			return &module.Hooks{
				Announce:    []module.Announcement{{On: module.Domain, Features: []string{Feature}}},
				Incoming:    s.incoming,
				Undelivered: s.undelivered,
				Online:      s.online,
				Removed:     forget,
				Run:         s.run,
			}, nil
		},
	}
}

type service struct {
	host   *module.Host
	config *settings

	mu     sync.Mutex
	rounds map[jid.JID]*round // by account
}

// incoming refuses a note in the domain's own name: only what comes back from a session has one. XEP-0203#security
func (s *service) incoming(_ context.Context, _ jid.JID, st *stanza.Stanza) error {
	if st.Kind != stanza.Message {
		return nil
	}
	if _, forged := delay.By(st, s.host.Domain); forged {
		return stanza.NotAcceptable.With("only this server says what it has delayed")
	}
	return nil
}

// undelivered keeps a message. It returns once the message is on the disk. XEP-0160#flow
func (s *service) undelivered(ctx context.Context, account jid.JID, st *stanza.Stanza) (bool, error) {
	if !storable(st) {
		return false, nil
	}
	note, returned := delay.By(st, s.host.Domain)
	if !returned {
		note = delay.Note{From: s.host.Domain, At: s.host.Now(), Reason: "Offline storage"}
		st = delay.Stamp(st, note)
	}
	text, full := st.String(), false
	err := s.host.DB.Update(ctx, func(tx *store.Tx) error {
		messages, bytes, err := used(tx, account)
		// What comes back from a session was counted when it came first.
		full = !returned && (messages >= s.config.Messages || bytes+len(text) > s.config.Bytes)
		if err != nil || full {
			return err
		}
		return insert(tx, account, note.At, text)
	})
	switch {
	case errors.Is(err, store.ErrFull):
		return false, stanza.ResourceConstraint.Wrap(err)
	case err != nil || full: // XEP-0160#flow 3: a full queue is as none
		return false, err
	}
	if to := s.reach(account); to != nil {
		s.hand(ctx, to) // who came online meanwhile
	}
	return true, nil
}

// online hands over to a session that has become available. XEP-0160#flow 5
func (s *service) online(ctx context.Context, to module.Session, _ bool) {
	if to.Priority() >= 0 {
		s.hand(ctx, to)
	}
}

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
			n, err = expire(tx, s.horizon(), chunk)
			return err
		})
		if err != nil || n < chunk {
			return err
		}
	}
}

// horizon is the time before which nothing is kept.
func (s *service) horizon() time.Time {
	if s.config.Keep == 0 {
		return time.Time{}
	}
	return s.host.Now().Add(-s.config.Keep)
}
