package router_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server/router"
	"github.com/comity-iot/comity/server/session"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// world is a router with one domain, and what reaches whom in it. It belongs in a synctest bubble, where settle knows when all is done.
type world struct {
	*router.Router
	t      *testing.T
	domain *router.Domain
	hooks  *session.Hooks
	stop   context.CancelFunc

	contacts map[string][]module.Contact // by local part of the owner

	mu  sync.Mutex
	log []string // "who kind type id", in the order of arrival
}

func newWorld(t *testing.T, more ...*module.Hooks) *world {
	w := &world{t: t}
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	w.Router = router.New(ctx, slog.New(slog.DiscardHandler), remote{w})
	hooks := append([]*module.Hooks{{
		Presence: presence{world: w},
		Services: []module.Service{{Label: "discovery"}, {Label: "other"}},
		Undelivered: func(_ context.Context, account jid.JID, s *stanza.Stanza) (bool, error) {
			if s.Body() == "" {
				return false, nil
			}
			w.note("offline "+account.Local(), s)
			return true, nil
		},
	}}, more...)
	w.domain = w.Serve(jid.MustParse("example.com"), accounts{}, hooks)
	w.hooks = &session.Hooks{Ended: w.Ended, Undelivered: w.Undelivered}
	t.Cleanup(func() {
		w.EndSessions()
		stop()
		w.Wait()
	})
	return w
}

func (w *world) note(who string, s *stanza.Stanza) {
	line := fmt.Sprintf("%s: %s %s %s", who, s.Kind, s.Type, s.ID)
	if s.Type == stanza.ErrorType {
		line += " " + string(stanza.ParseError(s.Child(stanza.Client, "error")).Condition)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, strings.Join(strings.Fields(line), " "))
}

// settle waits until nothing moves any more and returns what has reached whom since it was called last.
func (w *world) settle() []string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	log := w.log
	w.log = nil
	return log
}

// wire is a session's connection.
type wire struct {
	w    *world
	name string
	mu   sync.Mutex
	hold chan struct{} // nil, or what a write waits for
	cut  bool
}

func (c *wire) Write(items ...xmlstream.Appender) error {
	c.mu.Lock()
	hold := c.hold
	c.mu.Unlock()
	if hold != nil {
		<-hold
	}
	c.mu.Lock()
	cut := c.cut
	c.mu.Unlock()
	if cut {
		return context.Canceled
	}
	for _, it := range items {
		if s, ok := it.(*stanza.Stanza); ok {
			c.w.note(c.name, s)
		}
	}
	return nil
}

func (c *wire) End() error                       { return nil }
func (c *wire) Close() error                     { return nil }
func (c *wire) SetWriteDeadline(time.Time) error { return nil }

// blocked makes writes wait; what it returns lets them fail.
func (c *wire) blocked() (fail func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	hold := make(chan struct{})
	c.hold = hold
	return func() {
		c.mu.Lock()
		c.cut = true
		c.mu.Unlock()
		close(hold)
	}
}

var sessionSettings = &session.Settings{Queue: 1000, QueueBytes: 1 << 20, Write: time.Minute}

// bind makes a session. It is known by its resource.
func (w *world) bind(full string) (*session.Session, *wire) {
	w.t.Helper()
	j := jid.MustParse(full)
	c := &wire{w: w, name: j.Resource()}
	s := session.New(j, c, time.Now(), sessionSettings, w.hooks)
	if !w.Bind(w.domain, s, 1000) {
		w.t.Fatal("not bound")
	}
	return s, c
}

// online makes a session that is available.
func (w *world) online(full string, priority int) *session.Session {
	w.t.Helper()
	s, _ := w.bind(full)
	p := stanza.NewPresence(jid.JID{}, stanza.Available, xmlstream.New(stanza.Client, "priority", xmlstream.Text(fmt.Sprint(priority))))
	w.FromClient(context.Background(), w.domain, s, p.Addressed(s.JID(), jid.JID{}))
	return s
}

// say has a session send a stanza that is written without from.
func (w *world) say(from *session.Session, xml string) {
	w.t.Helper()
	w.FromClient(context.Background(), w.domain, from, w.parse(xml).Addressed(from.JID(), w.parse(xml).To))
}

// arrive has a stanza come from another server.
func (w *world) arrive(xml string) {
	w.t.Helper()
	w.Send(context.Background(), w.parse(xml))
}

func (w *world) parse(xml string) *stanza.Stanza {
	w.t.Helper()
	el, err := xmlstream.ParseIn(stanza.Client, []byte(xml), xmlstream.Limits{})
	if err != nil {
		w.t.Fatal(err)
	}
	s, err := stanza.FromElement(el)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// remote are other servers.
type remote struct{ w *world }

func (r remote) Send(_ context.Context, s *stanza.Stanza) error {
	if s.To.Domain() == "nowhere.example" {
		return stanza.RemoteServerNotFound
	}
	r.w.note("remote "+s.To.Local(), s)
	return nil
}

// accounts has juliet and romeo.
type accounts struct{ module.Accounts }

func (accounts) Exists(_ context.Context, bare jid.JID) bool {
	return slices.Contains([]string{"juliet", "romeo"}, bare.Local())
}

// presence keeps what sessions say of themselves.
type presence struct {
	module.Presence
	*world
}

func (p presence) Out(ctx context.Context, s module.Session, st *stanza.Stanza) error {
	switch {
	case !st.To.IsZero():
		p.Send(ctx, st)
	case st.Type == stanza.Unavailable:
		s.SetPresence(nil)
	default:
		s.SetPresence(st)
	}
	return nil
}

func (p presence) In(_ context.Context, s *stanza.Stanza) error {
	p.note("presence of "+s.To.String(), s)
	return nil
}

func (p presence) Gone(_ context.Context, s module.Session) {
	p.note("gone", &stanza.Stanza{Kind: stanza.Presence, Type: stanza.Unavailable, ID: s.JID().Resource()})
}

func (p presence) Contacts(_ context.Context, owner jid.JID) ([]module.Contact, error) {
	return p.contacts[owner.Local()], nil
}
