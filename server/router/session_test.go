package router_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server/session"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

func TestTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		w := newWorld(t, &module.Hooks{
			Bound: func(s module.Session) { seen = append(seen, "bound "+s.JID().Resource()) },
			Ended: func(s module.Session) { seen = append(seen, "ended "+s.JID().Resource()) },
		})
		juliet := jid.MustParse("juliet@example.com")
		a, _ := w.bind("juliet@example.com/a")
		b, _ := w.bind("juliet@example.com/b")
		w.bind("romeo@example.com/r")
		all := w.Of(juliet)
		if len(all) != 2 || w.Get(a.JID()) != module.Session(a) || w.Get(jid.MustParse("juliet@example.com/c")) != nil || w.Get(juliet) != nil {
			t.Errorf("juliet has %v", all)
		}
		n := 0
		w.Sessions(func(*session.Session) bool { n++; return n < 2 })
		if n != 2 {
			t.Errorf("asked about %d sessions", n)
		}
		full := session.New(jid.MustParse("juliet@example.com/c"), &wire{w: w}, time.Now(), sessionSettings, w.hooks)
		if w.Bind(w.domain, full, 2) || w.Get(full.JID()) != nil {
			t.Error("one session too many")
		}
		a.Close(nil)
		if !w.Bind(w.domain, full, 2) {
			t.Error("there is room again")
		}
		b.Close(nil)
		full.Close(nil)
		if len(all) != 2 || all[0] == nil || all[1] == nil {
			t.Error("a list that was handed out has changed")
		}
		if len(w.Of(juliet)) != 0 {
			t.Errorf("left: %v", w.Of(juliet))
		}
		want := []string{"bound a", "bound b", "bound r", "ended a", "bound c", "ended b", "ended c"}
		if !slices.Equal(seen, want) {
			t.Errorf("%q, want %q", seen, want)
		}
	})
}

// The features are told when messages can reach a session that could not before, and when it becomes available, and not each time
// that it says something of itself.
func TestOnline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		w := newWorld(t, &module.Hooks{Online: func(_ context.Context, s module.Session, first bool) {
			seen = append(seen, fmt.Sprint(s.JID().Resource(), " ", first))
		}})
		a, _ := w.bind("juliet@example.com/a")
		b, _ := w.bind("juliet@example.com/b")
		say := func(s *session.Session, typ stanza.Type, priority string) {
			p := stanza.NewPresence(jid.JID{}, typ, xmlstream.New(stanza.Client, "priority", xmlstream.Text(priority)))
			w.FromClient(context.Background(), w.domain, s, p.Addressed(s.JID(), jid.JID{}))
		}
		for _, step := range []struct {
			s        *session.Session
			typ      stanza.Type
			priority string
			want     string
		}{
			{a, stanza.Available, "-1", "a true"},
			{a, stanza.Available, "-2", ""},
			{a, stanza.Available, "0", "a true"},
			{a, stanza.Available, "5", ""},
			{b, stanza.Available, "0", "b false"},
			{a, stanza.Available, "-1", ""},
			{a, stanza.Available, "1", "a false"},
			{b, stanza.Unavailable, "0", ""},
			{a, stanza.Unavailable, "0", ""},
			{b, stanza.Available, "0", "b true"},
		} {
			seen = nil
			say(step.s, step.typ, step.priority)
			if got := strings.Join(seen, "; "); got != step.want {
				t.Errorf("%s %s %s: %q, want %q", step.s.JID().Resource(), step.typ, step.priority, got, step.want)
			}
		}
		w.settle()
		b.Close(nil)
		a.Close(nil) // not available: nobody has to be told
		if got := w.settle(); !slices.Equal(got, []string{"gone: presence unavailable b"}) {
			t.Errorf("%q", got)
		}
	})
}

// What a session could not hand over finds another way. XEP-0198#acking
func TestUndelivered(t *testing.T) {
	for name, c := range map[string]struct {
		other bool // session of the account
		want  []string
	}{
		"to the other session": {true, []string{
			"b: message chat 1", "b: message normal 3", "gone: presence unavailable a", "remote romeo: iq error 4 service-unavailable",
		}},
		"stored": {false, []string{
			"gone: presence unavailable a", "offline juliet: message chat 1", "offline juliet: message normal 3",
			"remote romeo: iq error 4 service-unavailable",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				s, wire := w.bind("juliet@example.com/a")
				w.FromClient(context.Background(), w.domain, s, stanza.NewPresence(jid.JID{}, stanza.Available).Addressed(s.JID(), jid.JID{}))
				fail := wire.blocked()
				w.arrive("<presence from='romeo@example.net/x' to='juliet@example.com/a' id='0'/>") // is being written
				synctest.Wait()
				w.arrive("<message from='romeo@example.net/x' to='juliet@example.com' id='1' type='chat'><body>Hi</body></message>")
				copied := w.parse("<message from='juliet@example.com' to='juliet@example.com/a' id='2' type='chat'><body>a copy</body></message>")
				s.Send(copied) // b has its own
				w.arrive("<message from='romeo@example.net/x' to='juliet@example.com/a' id='3'><body>Hi</body></message>")
				w.arrive("<iq from='romeo@example.net/x' to='juliet@example.com/a' type='get' id='4'><x xmlns='urn:x'/></iq>")
				w.arrive("<iq from='romeo@example.net/x' to='juliet@example.com/a' type='result' id='5'/>")
				w.arrive("<message from='romeo@example.net/x' to='juliet@example.com/a' type='error' id='6'/>")
				if c.other {
					w.online("juliet@example.com/b", 0)
				}
				w.settle()
				fail()
				got := w.settle()
				slices.Sort(got)
				if !slices.Equal(got, c.want) {
					t.Errorf("%q\nwant\n%q", got, c.want)
				}
			})
		})
	}
}

// EndSessions returns when all that sessions have left is taken care of, of those too that ended a moment before.
func TestEndSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stored atomic.Int32
		w := newWorld(t)
		w.hooks.Undelivered = func(_ *session.Session, sts []*stanza.Stanza) {
			time.Sleep(time.Second) // a slow disk
			stored.Add(int32(len(sts)))
		}
		for i := range 200 {
			s, wire := w.bind(fmt.Sprintf("juliet@example.com/%d", i))
			s.Keep(10, time.Minute, xmlstream.New("urn:xmpp:sm:3", "enabled"))
			synctest.Wait()
			s.Detach(wire)
			s.Send(w.parse("<message from='romeo@example.net/x' to='juliet@example.com' id='1' type='chat'/>"))
			if i%50 == 0 {
				go s.Close(nil) // as its timer does
			}
		}
		begun := time.Now()
		w.EndSessions()
		if n := stored.Load(); n != 200 {
			t.Errorf("%d of 200 stored", n)
		}
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("took %v: one after the other", took)
		}
		w.Sessions(func(*session.Session) bool { t.Error("a session is left"); return true })
	})
}
