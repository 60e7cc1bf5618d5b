package sm_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server/session"
	"github.com/comity-iot/comity/xep/sm"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// world is the feature with real sessions, whose connections are in memory. It belongs in a synctest bubble.
type world struct {
	t     *testing.T
	hooks *module.Hooks

	mu          sync.Mutex
	undelivered []string
}

func newWorld(t *testing.T, set func(*sm.Settings)) *world {
	def := sm.Module()
	if set != nil {
		set(def.Config.(*sm.Settings))
	}
	hooks, err := def.Init(&module.Host{Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, hooks: hooks}
}

// lost returns the ids of what could not be delivered.
func (w *world) lost() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.undelivered)
}

// link is a client's stream: what it was sent is kept as XML.
type link struct {
	module.Stream
	w       *world
	account jid.JID
	session *session.Session // nil before there is one

	mu     sync.Mutex
	sent   []string
	closed bool
}

func (w *world) link(account string) *link {
	return &link{w: w, account: jid.MustParse(account)}
}

// bind gives the stream a session.
func (st *link) bind() *link {
	w := st.w
	full := jid.MustParse(st.account.String() + "/balcony")
	settings := &session.Settings{Queue: 100, QueueBytes: 1 << 20, Write: time.Minute}
	st.session = session.New(full, st, time.Now(), settings, &session.Hooks{
		Writing: []func(module.Session) xmlstream.Appender{w.hooks.Writing},
		Ended:   func(s *session.Session) { w.hooks.Ended(s) },
		Undelivered: func(_ *session.Session, sts []*stanza.Stanza) {
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, s := range sts {
				w.undelivered = append(w.undelivered, s.ID)
			}
		},
	})
	return st
}

func (st *link) Account() jid.JID { return st.account }

func (st *link) Session() module.Session {
	if st.session == nil {
		return nil
	}
	return st.session
}

func (st *link) Send(it xmlstream.Appender) {
	if st.session != nil {
		st.session.Push(it)
		return
	}
	st.Write(it)
}

func (st *link) Resume(s module.Session, h uint32, reply func(uint32) xmlstream.Appender) error {
	sess := s.(*session.Session)
	if err := sess.Resume(st, h, reply); err != nil {
		return err
	}
	st.session = sess
	return nil
}

// Write implements session.Conn.
func (st *link) Write(items ...xmlstream.Appender) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.closed {
		return fmt.Errorf("closed")
	}
	for _, it := range items {
		x := string(it.AppendXML(nil, stanza.Client))
		if s, ok := it.(*stanza.Stanza); ok {
			x = s.ID
		}
		st.sent = append(st.sent, x)
	}
	return nil
}

func (st *link) End() error                       { return nil }
func (st *link) SetWriteDeadline(time.Time) error { return nil }

func (st *link) Close() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.closed = true
	return nil
}

// took returns what the stream was sent since the last call.
func (st *link) took() []string {
	st.mu.Lock()
	defer st.mu.Unlock()
	sent := st.sent
	st.sent = nil
	return sent
}

// says has the client say something about acknowledgements.
func (st *link) says(xml string) error {
	st.w.t.Helper()
	el, err := xmlstream.ParseIn(stanza.Client, []byte(xml), xmlstream.Limits{})
	if err != nil {
		st.w.t.Fatal(err)
	}
	return st.w.hooks.Nonzas[0].Handle(st.w.t.Context(), st, el)
}

// sends has the client send n stanzas, which are handled.
func (st *link) sends(n int) {
	st.w.t.Helper()
	for range n {
		if !st.session.Begin(st) {
			st.w.t.Fatal("not this stream's session")
		}
		st.session.Done()
	}
}

// gets has somebody send the client a message.
func (st *link) gets(id string) {
	m := stanza.NewMessage(st.session.JID(), stanza.Chat)
	m.ID = id
	st.session.Send(m)
}

// want compares what was sent with what should have been. "id" stands for the one that is new each time.
func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	got = slices.Clone(got)
	for i := range got {
		if id := attr(got[i], "id"); id != "" {
			got[i] = strings.ReplaceAll(got[i], "'"+id+"'", "'ID'")
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// attr returns the value of an attribute of what was sent.
func attr(xml, name string) string {
	_, rest, _ := strings.Cut(xml, " "+name+"='")
	value, _, _ := strings.Cut(rest, "'")
	return value
}
