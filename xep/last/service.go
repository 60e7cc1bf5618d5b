package last

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

//go:embed migrations/*.sql
var files embed.FS

// maxStatus bounds the words that are remembered, in bytes.
const maxStatus = 1024

// Module returns the feature.
func Module() module.Def {
	root, _ := fs.Sub(files, "migrations") // the folder is embedded
	return module.Def{
		Name:       "last",
		Title:      "Tells when somebody was last online, to those who may know, and how long the broker has been running",
		Specs:      []module.Spec{{ID: "XEP-0012", Version: "2.0"}},
		Migrations: root,
		Init: func(h *module.Host) (*module.Hooks, error) {
			s := &service{host: h, began: h.Now(), farewells: map[jid.JID]string{}}
			return s.hooks(), nil
		},
	}
}

type service struct {
	host  *module.Host
	began time.Time

	mu        sync.Mutex
	farewells map[jid.JID]string // of sessions that are no longer available but not gone yet
}

func (s *service) hooks() *module.Hooks {
	h := &module.Hooks{
		IQ: []module.IQ{{
			Name:   xmlstream.Name{Space: NS, Local: "query"},
			On:     []module.Place{module.Domain, module.Account, module.Services},
			Handle: s.handle,
		}},
		Outgoing: s.outgoing,
		Incoming: s.incoming,
		Ended:    s.ended,
		Removed:  forget,
	}
	for _, at := range h.IQ[0].On {
		h.Announce = append(h.Announce, module.Announcement{On: at, Features: []string{NS}})
	}
	return h
}

func (s *service) handle(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	if iq.Type != stanza.Get {
		return nil, stanza.BadRequest
	}
	if s.host.PlaceOf(iq.To) != module.Account { // XEP-0012#server
		return Activity{For: s.host.Now().Sub(s.began)}.element(), nil
	}
	owner := iq.To.Bare()
	if !s.host.Roster.Sees(ctx, iq.From.Bare(), owner) {
		return nil, stanza.Forbidden // XEP-0012#offline
	}
	if len(s.host.Sessions.Of(owner)) > 0 {
		return Activity{}.element(), nil
	}
	var at time.Time
	var status string
	err := s.host.DB.View(ctx, func(tx *store.Tx) (err error) {
		at, status, err = get(tx, owner)
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound): // it was never online
		return nil, stanza.ItemNotFound
	case err != nil:
		return nil, err
	}
	return Activity{For: s.host.Now().Sub(at), Status: status}.element(), nil
}

// incoming keeps questions from a client whose owner does not show his presence to who asks. XEP-0012#online
func (s *service) incoming(ctx context.Context, account jid.JID, st *stanza.Stanza) error {
	if st.Kind == stanza.IQKind && st.Type == stanza.Get && st.To.IsFull() && st.Content.Has(NS, "query") &&
		!s.host.Roster.Sees(ctx, st.From.Bare(), account) {
		return stanza.Forbidden
	}
	return nil
}

// outgoing notes with which words a session goes.
func (s *service) outgoing(_ context.Context, from module.Session, st *stanza.Stanza) error {
	if st.Kind != stanza.Presence || !st.To.IsZero() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch st.Type {
	case stanza.Available:
		delete(s.farewells, from.JID())
	case stanza.Unavailable:
		delete(s.farewells, from.JID())
		if words := st.Child(stanza.Client, "status").Text(); words != "" {
			s.farewells[from.JID()] = cut(words)
		}
	}
	return nil
}

// cut shortens words to what is remembered, in memory of their own.
func cut(words string) string {
	words = words[:min(len(words), maxStatus)]
	return strings.Clone(strings.ToValidUTF8(words, ""))
}

// ended writes down that an account was left, with its last session.
func (s *service) ended(gone module.Session) {
	s.mu.Lock()
	status := s.farewells[gone.JID()]
	delete(s.farewells, gone.JID())
	s.mu.Unlock()
	ctx, account := context.Background(), gone.JID().Bare()
	if len(s.host.Sessions.Of(account)) > 0 || !s.host.Accounts.Exists(ctx, account) {
		return
	}
	now := s.host.Now()
	err := s.host.DB.Update(ctx, func(tx *store.Tx) error { return put(tx, account, now, status) })
	if err != nil && !errors.Is(err, store.ErrFull) { // of that the store tells the log
		s.host.Log.Warn("last activity not noted", "account", account, "err", err)
	}
}
