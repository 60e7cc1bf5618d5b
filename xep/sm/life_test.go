package sm_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xep/sm"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
)

const (
	juliet = "juliet@example.com"
	ns     = " xmlns='urn:xmpp:sm:3'"
	nsErr  = " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'"
	ask    = "<r" + ns + "/>"
)

func failed(condition, attrs string) string {
	return "<failed" + ns + attrs + "><" + condition + nsErr + "/></failed>"
}

// enable has a new session with stream management, and returns the id to resume it with.
func (w *world) enable(account string) (*link, string) {
	w.t.Helper()
	st := w.link(account).bind()
	if err := st.says("<enable" + ns + " resume='true'/>"); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
	sent := st.took()
	if len(sent) != 1 || attr(sent[0], "id") == "" {
		w.t.Fatalf("not enabled: %q", sent)
	}
	return st, attr(sent[0], "id")
}

// XEP-0198#feature: where there is something to manage.
func TestFeature(t *testing.T) {
	w := newWorld(t, nil)
	if got := w.hooks.StreamFeatures(&early{}); len(got) > 0 {
		t.Errorf("offered before the login: %v", got)
	}
	if got := w.hooks.StreamFeatures(w.link(juliet)); len(got) != 1 || !got[0].Is(sm.NS, "sm") {
		t.Errorf("offered: %v", got)
	}
}

// early is a stream before its login.
type early struct{ module.Stream }

func (*early) Account() jid.JID { return jid.JID{} }

// XEP-0198#enable
func TestEnable(t *testing.T) {
	for _, c := range []struct {
		resume time.Duration
		attrs  string
		want   string
	}{
		{10 * time.Minute, "", ""},
		{10 * time.Minute, " resume='false'", ""},
		{10 * time.Minute, " resume='0' max='60'", ""},
		{10 * time.Minute, " resume='true'", " id='ID' resume='true' max='600'"},
		{10 * time.Minute, " resume='1'", " id='ID' resume='true' max='600'"},
		{10 * time.Minute, " resume='true' max='60'", " id='ID' resume='true' max='60'"},
		{10 * time.Minute, " resume='true' max='6000'", " id='ID' resume='true' max='600'"},
		{10 * time.Minute, " resume='true' max='0'", ""}, // so it is not to be resumed
		{10 * time.Minute, " resume='true' max='-1'", " id='ID' resume='true' max='600'"},
		{10 * time.Minute, " resume='true' max='soon'", " id='ID' resume='true' max='600'"},
		{10 * time.Minute, " resume='true' max='99999999999999'", " id='ID' resume='true' max='600'"},
		{10 * time.Minute, " resume='true' max='9223372036854775807'", " id='ID' resume='true' max='600'"},
		{1500 * time.Millisecond, " resume='true'", " id='ID' resume='true' max='1'"},
		{0, " resume='true'", ""}, // the operator does not want it
	} {
		synctest.Test(t, func(t *testing.T) {
			st := newWorld(t, func(s *sm.Settings) { s.Resume = c.resume }).link(juliet).bind()
			if err := st.says("<enable" + ns + c.attrs + "/>"); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			want(t, st.took(), "<enabled"+ns+c.want+"/>")
			st.session.Close(nil)
			st.session.Wait()
		})
	}
}

// XEP-0198#enable: once, and behind the binding.
func TestEnableInItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		st := w.link(juliet)
		if err := st.says("<enable" + ns + "/>"); err != nil {
			t.Error(err)
		}
		want(t, st.took(), failed("unexpected-request", ""))
		for _, xml := range []string{"<r" + ns + "/>", "<a" + ns + " h='0'/>", "<unknown" + ns + "/>"} {
			if err := st.says(xml); err != stream.UnsupportedStanzaType {
				t.Errorf("%s before all: %v", xml, err)
			}
		}
		st.bind()
		if err := st.says("<r" + ns + "/>"); err != stream.UnsupportedStanzaType {
			t.Errorf("a request before it is enabled: %v", err)
		}
		st.says("<enable" + ns + " resume='true'/>")
		synctest.Wait()
		st.took()
		st.says("<enable" + ns + "/>")
		synctest.Wait()
		want(t, st.took(), failed("unexpected-request", ""))
		st.sends(1)
		st.says("<r" + ns + "/>") // as before
		synctest.Wait()
		want(t, st.took(), "<a"+ns+" h='1'/>")
		st.session.Close(nil)
		st.session.Wait()
		st.says("<enable" + ns + "/>") // too late: nothing is said and nothing kept
		want(t, st.took())
	})
}

// XEP-0198#acking
func TestAcknowledgements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		st, _ := w.enable(juliet)
		st.says("<r" + ns + "/>")
		st.sends(3)
		st.says("<r" + ns + "/>")
		synctest.Wait()
		want(t, st.took(), "<a"+ns+" h='0'/>", "<a"+ns+" h='3'/>")
		st.gets("1")
		synctest.Wait()
		want(t, st.took(), "1", ask)
		if err := st.says("<a" + ns + " h='1'/>"); err != nil || st.session.Unacked() != 0 {
			t.Error(err, st.session.Unacked())
		}
		for _, xml := range []string{"<a" + ns + "/>", "<a" + ns + " h='x'/>", "<a" + ns + " h='-1'/>", "<a" + ns + " h='4294967296'/>"} {
			if err := st.says(xml); err != stream.BadFormat {
				t.Errorf("%s: %v", xml, err)
			}
		}
		st.session.Close(nil)
		st.session.Wait()
	})
}

// XEP-0198#errors
func TestTooHigh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		st, _ := w.enable(juliet)
		for i := range 8 {
			st.gets(strconv.Itoa(i))
		}
		synctest.Wait()
		e := stream.AsError(st.says("<a" + ns + " h='10'/>"))
		if e == nil || e.Condition != stream.UndefinedCondition || e.App.String() != "<handled-count-too-high"+ns+" h='10' send-count='8'/>" {
			t.Errorf("%+v", e)
		}
		st.session.Close(e)
		st.session.Wait()
	})
}

// A burst is asked about once, and again when the client has answered. XEP-0198#scenarios-efficient
func TestRequestsInABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		st, _ := w.enable(juliet)
		for i := range 50 {
			st.gets(strconv.Itoa(i))
			if i%10 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		sent := st.took()
		if n := len(slices.DeleteFunc(sent, func(x string) bool { return x != ask })); n != 1 {
			t.Errorf("asked %d times about 50 stanzas", n)
		}
		for _, step := range []struct {
			h     int
			again []string
		}{{20, []string{ask}}, {50, nil}} {
			st.says("<a" + ns + " h='" + strconv.Itoa(step.h) + "'/>")
			synctest.Wait()
			want(t, st.took(), step.again...)
		}
		st.session.Close(nil)
		st.session.Wait()
	})
}

// XEP-0198#resumption
func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		st, id := w.enable(juliet)
		st.sends(2)
		for _, m := range []string{"1", "2", "3"} {
			st.gets(m)
		}
		synctest.Wait()
		st.session.SetPresence(stanza.NewPresence(jid.JID{}, stanza.Available))
		st.session.Detach(st)
		time.Sleep(9 * time.Minute)
		st.gets("4") // while away
		if st.session.Presence() == nil {
			t.Error("who waits to be resumed is still there for others")
		}
		again := w.link(juliet)
		again.says("<resume" + ns + " h='1' previd='" + id + "'/>")
		synctest.Wait()
		want(t, again.took(), "<resumed"+ns+" h='2' previd='"+id+"'/>", "2", "3", "4", ask)
		if again.session != st.session || again.session.Presence() == nil {
			t.Error("not the same session")
		}
		again.sends(1) // numbers go on
		again.says("<r" + ns + "/>")
		again.says("<a" + ns + " h='4'/>")
		synctest.Wait()
		want(t, again.took(), "<a"+ns+" h='3'/>")
		if n := again.session.Unacked(); n != 0 {
			t.Errorf("%d are not acknowledged", n)
		}
		again.session.Close(nil)
		again.session.Wait()
		if len(w.lost()) > 0 {
			t.Errorf("undelivered %q", w.lost())
		}
	})
}

// XEP-0198#resumption: the old stream of a session that goes on elsewhere is told.
func TestResumeOfALiveStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		st, id := w.enable(juliet)
		st.gets("1")
		synctest.Wait()
		st.took()
		again := w.link(juliet)
		again.says("<resume" + ns + " h='1' previd='" + id + "'/>")
		synctest.Wait()
		want(t, again.took(), "<resumed"+ns+" h='0' previd='"+id+"'/>")
		if got := strings.Join(st.took(), ""); !strings.Contains(got, "<conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>") || !st.closed {
			t.Errorf("the old stream was told %s, closed %v", got, st.closed)
		}
		again.says("<enable" + ns + "/>") // it is on already
		synctest.Wait()
		want(t, again.took(), failed("unexpected-request", ""))
		again.session.Close(nil)
		again.session.Wait()
	})
}

func TestResumeRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		st, id := w.enable(juliet)
		st.gets("1")
		synctest.Wait()
		for name, c := range map[string]struct {
			account, attrs, want string
		}{
			"another account": {"romeo@example.com", " h='0' previd='" + id + "'", failed("item-not-found", "")},
			"unknown":         {juliet, " h='0' previd='?'", failed("item-not-found", "")},
			"no id":           {juliet, " h='0'", failed("item-not-found", "")},
			"no number":       {juliet, " previd='" + id + "'", failed("bad-request", "")},
			"no such number":  {juliet, " h='x' previd='" + id + "'", failed("bad-request", "")},
			"never sent":      {juliet, " h='7' previd='" + id + "'", failed("item-not-found", "")},
		} {
			other := w.link(c.account)
			if err := other.says("<resume" + ns + c.attrs + "/>"); err != nil || other.session != nil {
				t.Errorf("%s: %v", name, err)
			}
			want(t, other.took(), c.want)
		}
		st.says("<resume" + ns + " h='0' previd='" + id + "'/>") // by itself
		synctest.Wait()
		want(t, st.took(), "1", ask, failed("unexpected-request", ""))
		st.sends(1) // none of this has touched it
		st.session.Detach(st)
		again := w.link(juliet)
		again.says("<resume" + ns + " h='1' previd='" + id + "'/>")
		synctest.Wait()
		want(t, again.took(), "<resumed"+ns+" h='1' previd='"+id+"'/>")
		again.session.Close(nil)
		again.session.Wait()
	})
}

// XEP-0198#resumption: a client that comes too late learns how many of its stanzas were handled; later it does not, nor does another.
func TestResumeTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		st, id := w.enable(juliet)
		st.sends(5)
		st.gets("1")
		synctest.Wait()
		st.session.Detach(st)
		time.Sleep(10*time.Minute + time.Second)
		if want := []string{"1"}; !slices.Equal(w.lost(), want) {
			t.Errorf("undelivered %q", w.lost())
		}
		resume := func(account string) []string {
			again := w.link(account)
			again.says("<resume" + ns + " h='0' previd='" + id + "'/>")
			if again.session != nil {
				t.Error("resumed")
			}
			return again.took()
		}
		want(t, resume(juliet), failed("item-not-found", " h='5'"))
		want(t, resume("romeo@example.com"), failed("item-not-found", ""))
		again := w.link(juliet) // may bind in place of it
		again.bind().says("<enable" + ns + "/>")
		synctest.Wait()
		want(t, again.took(), "<enabled"+ns+"/>")
		again.session.Close(nil)
		again.session.Wait()
		time.Sleep(2 * time.Hour)
		want(t, resume(juliet), failed("item-not-found", ""))
	})
}

// Without resumption a lost connection ends the session, and what is not acknowledged goes another way at once.
func TestNotResumable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		st := w.link(juliet).bind()
		st.says("<enable" + ns + "/>")
		st.gets("1")
		st.gets("2")
		synctest.Wait()
		want(t, st.took(), "<enabled"+ns+"/>", "1", "2", ask)
		st.says("<a" + ns + " h='1'/>")
		st.session.Detach(st)
		time.Sleep(time.Second)
		if want := []string{"2"}; !slices.Equal(w.lost(), want) {
			t.Errorf("undelivered %q", w.lost())
		}
		again := w.link(juliet)
		again.says("<resume" + ns + " h='0' previd=''/>")
		want(t, again.took(), failed("item-not-found", ""))
	})
}

// A client without room that was busy when it was asked is asked again in a while: there is no write to ask behind.
func TestAskedAgainWithoutRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(s *sm.Settings) { s.Unacked = 2 })
		st, _ := w.enable(juliet)
		for _, id := range []string{"1", "2", "3"} {
			st.gets(id)
		}
		synctest.Wait()
		st.took()
		for range 3 {
			st.says("<a" + ns + " h='0'/>")
			synctest.Wait()
			want(t, st.took())
			time.Sleep(5 * time.Second)
			synctest.Wait()
			want(t, st.took(), ask)
		}
		st.says("<a" + ns + " h='2'/>")
		synctest.Wait()
		want(t, st.took(), "3", ask)
		st.says("<a" + ns + " h='2'/>") // room, but it is asked behind the next write
		st.session.Close(nil)
		st.session.Wait()
	})
}

// Memory for a client that takes and never acknowledges is bounded.
func TestNeverAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(s *sm.Settings) { s.Unacked = 10 })
		st, _ := w.enable(juliet)
		for i := range 111 { // 100 may wait for 10
			st.gets(strconv.Itoa(i))
			synctest.Wait()
		}
		st.session.Wait()
		if !st.closed || len(w.lost()) != 111 {
			t.Errorf("closed %v, undelivered %q", st.closed, w.lost())
		}
	})
}

// Many senders at once, and a connection that is lost again and again: each sender's messages arrive in their order, all of them.
func TestOrderOverResumptions(t *testing.T) {
	const senders, each = 4, 100
	w := newWorld(t, nil)
	synctest.Test(t, func(t *testing.T) {
		w.t = t
		st, id := w.enable(juliet)
		var work sync.WaitGroup
		first := st // the session is the same on all
		for g := range senders {
			work.Go(func() {
				for i := range each {
					first.gets(fmt.Sprintf("%d:%d", g, i))
					if i%7 == g {
						time.Sleep(time.Second)
					}
				}
			})
		}
		next := make([]int, senders)
		got := uint32(0)
		take := func(st *link) { // as a client does that knows no duplicates
			for _, x := range st.took() {
				var g, i int
				if n, _ := fmt.Sscanf(x, "%d:%d", &g, &i); n != 2 {
					continue
				}
				got++
				if i != next[g] {
					t.Errorf("sender %d: message %d, want %d", g, i, next[g])
				}
				next[g] = i + 1
			}
		}
		for range 10 {
			time.Sleep(1500 * time.Millisecond)
			st.session.Detach(st)
			synctest.Wait()
			take(st)
			again := w.link(juliet)
			again.says(fmt.Sprintf("<resume%s h='%d' previd='%s'/>", ns, got, id))
			st = again
		}
		work.Wait()
		synctest.Wait()
		take(st)
		for g, n := range next {
			if n != each {
				t.Errorf("sender %d: %d messages of %d", g, n, each)
			}
		}
		st.says(fmt.Sprintf("<a%s h='%d'/>", ns, got))
		st.session.Close(nil)
		st.session.Wait()
		if len(w.lost()) > 0 {
			t.Errorf("undelivered %q", w.lost())
		}
	})
}
