package roster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/store/sqlite"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// world is a broker for example.com with nothing but this feature, on a real store. Versions of rosters count from 1.
type world struct {
	t        testing.TB
	ctx      context.Context
	service  *service
	hooks    *module.Hooks
	host     *module.Host
	db       store.DB
	settings *Settings

	mu       sync.Mutex
	accounts map[jid.JID]bool
	hidden   map[[2]jid.JID]bool // account and party
	bound    map[jid.JID][]*client
	left     []*stanza.Stanza // to other servers
}

var example = jid.MustParse("example.com")

func newWorld(t testing.TB, accounts ...string) *world {
	t.Helper()
	db, err := sqlite.OpenEphemeral(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	def := Module()
	if err := db.Migrate(t.Context(), store.Migrations{Name: def.Name, FS: def.Migrations}); err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, ctx: t.Context(), db: db, settings: def.Config.(*Settings),
		accounts: map[jid.JID]bool{}, bound: map[jid.JID][]*client{},
	}
	for _, a := range accounts {
		w.accounts[jid.MustParse(a)] = true
	}
	w.start()
	return w
}

// start makes the feature anew on the same store, as after a restart of the broker.
func (w *world) start() {
	w.host = &module.Host{
		Domain: example, Log: slog.New(slog.DiscardHandler), DB: w.db,
		Now:     func() time.Time { return time.UnixMicro(0) },
		Network: w, Sessions: w, Accounts: fakeAccounts{w: w}, Directory: fakeDirectory{},
		Hides: func(_ context.Context, account, party jid.JID) bool { return w.hidden[[2]jid.JID{account, party}] },
	}
	w.service = newService(w.host, w.settings)
	w.hooks = w.service.hooks()
}

type fakeAccounts struct {
	module.Accounts
	w *world
}

func (f fakeAccounts) Exists(_ context.Context, bare jid.JID) bool {
	f.w.mu.Lock()
	defer f.w.mu.Unlock()
	return f.w.accounts[bare]
}

type fakeDirectory struct{ module.Directory }

func (fakeDirectory) Items() []disco.Item {
	return []disco.Item{{JID: jid.MustParse("discovery.example.com")}}
}

// Of implements module.Sessions.
func (w *world) Of(bare jid.JID) []module.Session {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]module.Session, 0, 2)
	for _, c := range w.bound[bare] {
		all = append(all, c)
	}
	return all
}

// Get implements module.Sessions.
func (w *world) Get(full jid.JID) module.Session {
	for _, x := range w.Of(full.Bare()) {
		if x.JID() == full {
			return x
		}
	}
	return nil
}

// Request implements module.Network.
func (w *world) Request(context.Context, *stanza.IQ) (*xmlstream.Element, error) {
	return nil, errors.New("the roster asks nobody")
}

// Send implements module.Network, with the rules of RFC 6121 §8.5 for presence.
func (w *world) Send(ctx context.Context, st *stanza.Stanza) {
	switch {
	case st.To.DomainJID() != example && st.To.DomainJID().String() != "discovery.example.com":
		w.mu.Lock()
		w.left = append(w.left, st)
		w.mu.Unlock()
	case st.To.IsFull() && st.Type != stanza.Probe:
		if x := w.Get(st.To); x != nil {
			x.Send(st)
		}
	default:
		if err := w.hooks.Presence.In(ctx, st.Addressed(st.From, st.To.Bare())); err != nil {
			w.bounce(ctx, st, err)
		}
	}
}

func (w *world) bounce(ctx context.Context, st *stanza.Stanza, err error) {
	if b := st.Bounce(err); b != nil {
		w.Send(ctx, b)
	}
}

// arrives brings stanzas from another server.
func (w *world) arrives(stanzas ...string) {
	w.t.Helper()
	for _, text := range stanzas {
		w.Send(w.ctx, parse(w.t, text))
	}
}

// leaves checks what went to other servers since the last time.
func (w *world) leaves(want ...string) {
	w.t.Helper()
	compare(w.t, "other servers receive", w.drop(), want)
}

func (w *world) drop() []*stanza.Stanza {
	w.mu.Lock()
	defer w.mu.Unlock()
	got := w.left
	w.left = nil
	return got
}

// removes deletes an account. What follows in the background has happened when it returns.
func (w *world) removes(account string) {
	w.t.Helper()
	owner := jid.MustParse(account)
	if err := w.db.Update(w.ctx, func(tx *store.Tx) error { return w.hooks.Removed(tx, owner) }); err != nil {
		w.t.Error(err)
	}
	for _, r := range w.service.removals.take() {
		w.service.farewell(w.ctx, r)
	}
}

// client is a session of an account and the client that it belongs to.
type client struct {
	module.Session
	w    *world
	full jid.JID

	mu       sync.Mutex
	presence *stanza.Stanza
	got      []*stanza.Stanza
	onSend   func(*stanza.Stanza) // in the place of got
}

// connects binds a resource.
func (w *world) connects(full string) *client {
	c := &client{w: w, full: jid.MustParse(full)}
	w.mu.Lock()
	w.bound[c.full.Bare()] = append(w.bound[c.full.Bare()], c)
	w.mu.Unlock()
	w.hooks.Bound(c)
	return c
}

// logsIn binds a resource, asks for the roster and becomes available, and drops what comes.
func (w *world) logsIn(full string) *client {
	w.t.Helper()
	c := w.connects(full)
	c.sends(`<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>`, `<presence/>`)
	c.drop()
	return c
}

// disconnects ends the session without a word.
func (c *client) disconnects() {
	w := c.w
	w.mu.Lock()
	w.bound[c.full.Bare()] = slices.DeleteFunc(slices.Clone(w.bound[c.full.Bare()]), func(x *client) bool { return x == c })
	w.mu.Unlock()
	if c.Presence() != nil {
		w.hooks.Presence.Gone(w.ctx, c)
	}
	w.hooks.Ended(c)
	c.SetPresence(nil)
}

func (c *client) JID() jid.JID { return c.full }

func (c *client) Presence() *stanza.Stanza {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.presence
}

func (c *client) SetPresence(p *stanza.Stanza) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.presence = p
}

func (c *client) Send(st *stanza.Stanza) {
	if st = c.w.hooks.Deliver(c, st); st == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.onSend != nil {
		c.onSend(st)
		return
	}
	c.got = append(c.got, st)
}

// sends hands stanzas of the client to the feature.
func (c *client) sends(stanzas ...string) {
	c.w.t.Helper()
	for _, text := range stanzas {
		c.send(parse(c.w.t, text))
	}
}

func (c *client) send(st *stanza.Stanza) {
	w := c.w
	st.From = c.full
	if st.Kind == stanza.Presence {
		if err := w.hooks.Presence.Out(w.ctx, c, st); err != nil {
			if st.To.IsZero() {
				st = st.Addressed(st.From, st.From.Bare())
			}
			w.bounce(w.ctx, st, err)
		}
		return
	}
	st = st.Addressed(c.full, c.full.Bare())
	iq, err := st.IQ()
	if err != nil {
		w.t.Error(err)
		return
	}
	payload, err := w.hooks.IQ[0].Handle(w.ctx, iq)
	if err != nil {
		c.Send(st.Bounce(err))
		return
	}
	c.Send(st.Reply(payload))
}

// receives checks what came to the client since the last time.
func (c *client) receives(want ...string) {
	c.w.t.Helper()
	compare(c.w.t, c.full.String()+" receives", c.drop(), want)
}

func (c *client) drop() []*stanza.Stanza {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := c.got
	c.got = nil
	return got
}

// push is a roster push to the client, of one item in a new version.
func (c *client) push(version int, item string) string {
	return fmt.Sprintf(`<iq type='set' id='%d' from='%s' to='%s'><query xmlns='jabber:iq:roster' ver='%d'>%s</query></iq>`,
		version, c.full.Bare(), c.full, version, item)
}

// result is an answer of the client's account.
func (c *client) result(id, payload string) string {
	return fmt.Sprintf(`<iq type='result' id='%s' from='%s' to='%s'>%s</iq>`, id, c.full.Bare(), c.full, payload)
}

func (c *client) failure(id, kind, condition, text string) string {
	if text != "" {
		text = `<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>` + text + `</text>`
	}
	return fmt.Sprintf(`<iq type='error' id='%s' from='%s' to='%s'><error type='%s'>`+
		`<%s xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>%s</error></iq>`, id, c.full.Bare(), c.full, kind, condition, text)
}

func parse(t testing.TB, text string) *stanza.Stanza {
	t.Helper()
	el, err := xmlstream.ParseIn(stanza.Client, []byte(text), xmlstream.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	st, err := stanza.FromElement(el)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return st
}

func compare(t testing.TB, who string, got []*stanza.Stanza, want []string) {
	t.Helper()
	var have, expected []string
	for _, st := range got {
		have = append(have, st.String())
	}
	for _, text := range want {
		expected = append(expected, parse(t, text).String())
	}
	if !slices.Equal(have, expected) {
		t.Errorf("%s:\n\t%s\nwant:\n\t%s", who, strings.Join(have, "\n\t"), strings.Join(expected, "\n\t"))
	}
}
