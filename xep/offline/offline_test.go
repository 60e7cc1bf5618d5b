package offline_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/module/moduletest"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xep/delay"
	"github.com/comity-iot/comity/xep/offline"
	"github.com/comity-iot/comity/xmpp/stanza"
)

const juliet = "juliet@example.org"

// setting returns the feature with a setting other than the default.
func setting(name string, value int64) module.Def {
	def := offline.Module()
	reflect.ValueOf(def.Config).Elem().FieldByName(name).SetInt(value)
	return def
}

func broker(t *testing.T, def module.Def) *moduletest.Broker {
	b := moduletest.New(t, def)
	b.Accounts.Add(juliet)
	return b
}

func say(body string) string {
	return `<message from='romeo@montague.net/orchard' to='juliet@example.org' type='chat'><body>` + body + `</body></message>`
}

// send hands in messages that must be taken.
func send(t *testing.T, b *moduletest.Broker, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if err := b.Deliver(say(body)); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
	}
}

func bodies(got []*stanza.Stanza) []string {
	var all []string
	for _, s := range got {
		all = append(all, s.Body())
	}
	return all
}

func expect(t *testing.T, s *moduletest.Session, want ...string) {
	t.Helper()
	if got := bodies(s.Received()); !slices.Equal(got, want) {
		t.Errorf("%s got %q, want %q", s.JID(), got, want)
	}
}

// XEP-0160#flow
func TestFlow(t *testing.T) {
	b := broker(t, offline.Module())
	arrived := b.Clock.Now()
	send(t, b, "O blessed, blessed night!", "I am afeard.")
	b.Clock.Advance(time.Hour)

	balcony := b.Online("juliet@example.org/balcony", 1)
	got := balcony.Received()
	if !slices.Equal(bodies(got), []string{"O blessed, blessed night!", "I am afeard."}) {
		t.Fatalf("%v", got)
	}
	for _, s := range got {
		note, ok := delay.Of(s)
		if !ok || note.From != b.Host.Domain || !note.At.Equal(arrived) {
			t.Errorf("%s", s)
		}
		if s.From.String() != "romeo@montague.net/orchard" || s.To.String() != juliet || s.Type != stanza.Chat {
			t.Errorf("%s", s)
		}
	}
	expect(t, b.Online("juliet@example.org/chamber", 2)) // nothing is left
}

func TestNotKept(t *testing.T) {
	b := broker(t, offline.Module())
	for _, content := range []string{
		`<composing xmlns='http://jabber.org/protocol/chatstates'/>`,
		`<resp xmlns='urn:nf:iot:sd:1.0' id='1'/>`,
	} {
		err := b.Deliver(`<message to='juliet@example.org'>` + content + `</message>`)
		if !errors.Is(err, stanza.ServiceUnavailable) {
			t.Errorf("%s: %v", content, err)
		}
	}
	expect(t, b.Online("juliet@example.org/balcony", 0))
}

// What a thing answers in a chat may hold readings, and says that it is not to be kept. Whoever asked, a person or another thing, and
// whether the one who asked was gone before or has lost it with the connection, it bounces. XEP-0334#no-store, XEP-0160#flow 3
func TestChatOfThings(t *testing.T) {
	b := broker(t, offline.Module())
	b.Accounts.Add("display@example.org")
	answer := func(to string) string {
		return `<message from='thermometer@example.org/x' to='` + to + `' type='chat'><body>Temperature: 21.5 °C</body>
			<thread>t1</thread><no-store xmlns='urn:xmpp:hints'/></message>`
	}
	for _, to := range []string{juliet, juliet + "/gone", "display@example.org", "display@example.org/gone"} {
		if err := b.Deliver(answer(to)); !errors.Is(err, stanza.ServiceUnavailable) {
			t.Errorf("for %s: %v", to, err)
		}
	}
	balcony := b.Online("juliet@example.org/balcony", 0)
	if err := b.Deliver(answer(juliet)); err != nil {
		t.Fatal(err)
	}
	balcony.Lose()
	if n := count(t, b); n != 0 {
		t.Errorf("%d are kept", n)
	}
}

// A resource with a negative priority never gets what was sent to the bare JID. XEP-0160#flow 2
func TestNegativePriority(t *testing.T) {
	b := broker(t, offline.Module())
	send(t, b, "1")
	balcony := b.Online("juliet@example.org/balcony", -1)
	send(t, b, "2")
	expect(t, balcony)
	b.SetPriority(balcony, 0)
	expect(t, balcony, "1", "2")
}

// What a session could not send is kept again, in its place and with its first note.
func TestReturned(t *testing.T) {
	b := broker(t, setting("Messages", 3))
	arrived := b.Clock.Now()
	send(t, b, "1", "2", "3")
	b.Clock.Advance(time.Minute)
	b.Online("juliet@example.org/balcony", 0).Lose()
	chamber := b.Online("juliet@example.org/chamber", 0)
	got := chamber.Received()
	if !slices.Equal(bodies(got), []string{"1", "2", "3"}) {
		t.Fatalf("%v", got)
	}
	for _, s := range got {
		if note, _ := delay.Of(s); !note.At.Equal(arrived) || strings.Count(s.String(), "urn:xmpp:delay") != 1 {
			t.Errorf("%s", s)
		}
	}
}

// What comes back goes before what came later.
func TestOrder(t *testing.T) {
	b := broker(t, offline.Module())
	send(t, b, "1", "2")
	balcony := b.Online("juliet@example.org/balcony", 0)
	balcony.Close(nil)
	b.Clock.Advance(time.Minute)
	send(t, b, "3")
	balcony.Lose() // only now what it had is known to be lost
	expect(t, b.Online("juliet@example.org/chamber", 0), "1", "2", "3")
}

// A note in the name of this server can only be forged. XEP-0203#security
func TestForged(t *testing.T) {
	b := broker(t, offline.Module())
	const message = `<message from='romeo@montague.net/o' to='juliet@example.org'><body>x</body>
		<delay xmlns='urn:xmpp:delay' from='%s' stamp='1999-01-01T00:00:00Z'/></message>`
	if err := b.Deliver(fmt.Sprintf(message, "example.org")); !errors.Is(err, stanza.NotAcceptable) {
		t.Errorf("in our name: %v", err)
	}
	if err := b.Deliver(fmt.Sprintf(message, "montague.net")); err != nil {
		t.Errorf("in another's: %v", err)
	}
}

// XEP-0160#flow 3
func TestQuota(t *testing.T) {
	full := func(t *testing.T, b *moduletest.Broker) {
		t.Helper()
		if err := b.Deliver(say("too many")); !errors.Is(err, stanza.ServiceUnavailable) {
			t.Errorf("%v", err)
		}
	}
	t.Run("messages", func(t *testing.T) {
		b := broker(t, setting("Messages", 2))
		send(t, b, "1", "2")
		full(t, b)
		expect(t, b.Online("juliet@example.org/balcony", 0), "1", "2")
	})
	t.Run("bytes", func(t *testing.T) {
		b := broker(t, setting("Bytes", 1000))
		send(t, b, strings.Repeat("a", 600))
		full(t, b)
		b.Online("juliet@example.org/balcony", 0).Close(nil)
		send(t, b, "there is room again")
	})
	t.Run("one does not fill another's", func(t *testing.T) {
		b := broker(t, setting("Messages", 1))
		b.Accounts.Add("nurse@example.org")
		send(t, b, "1")
		if err := b.Deliver(`<message to='nurse@example.org'><body>x</body></message>`); err != nil {
			t.Error(err)
		}
	})
}

// More than one batch.
func TestMany(t *testing.T) {
	b := broker(t, offline.Module())
	var want []string
	for i := range 200 {
		want = append(want, fmt.Sprint(i))
	}
	send(t, b, want...)
	expect(t, b.Online("juliet@example.org/balcony", 0), want...)
}

// However arrivals and logins fall together, each message reaches one session, once.
func TestRace(t *testing.T) {
	b := broker(t, offline.Module())
	const senders, each = 4, 25
	var work sync.WaitGroup
	for i := range senders {
		work.Go(func() {
			for j := range each {
				if err := b.Deliver(say(fmt.Sprint(i, j))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	sessions := make([]*moduletest.Session, 8)
	for i := range sessions {
		work.Go(func() {
			s := b.Online(fmt.Sprintf("juliet@example.org/%d", i), -1)
			sessions[i] = s
			b.SetPriority(s, int8(i))
			b.SetPriority(s, -1)
		})
	}
	work.Wait()
	last := b.Online("juliet@example.org/last", 127)
	times := map[string]int{}
	for _, s := range append(sessions, last) {
		for _, m := range s.Received() {
			// Live messages go to all sessions that are available; those that were kept, to one.
			if _, kept := delay.Of(m); kept {
				times[m.Body()]++
			} else {
				times[m.Body()] = 1
			}
		}
	}
	for body, n := range times {
		if n != 1 {
			t.Errorf("%q came %d times", body, n)
		}
	}
	if len(times) != senders*each {
		t.Errorf("%d of %d messages", len(times), senders*each)
	}
}

func TestExpiry(t *testing.T) {
	b := broker(t, setting("Keep", int64(time.Hour)))
	send(t, b, "old")
	b.Clock.Advance(59 * time.Minute)
	send(t, b, "new")
	b.Clock.Advance(time.Minute)
	expect(t, b.Online("juliet@example.org/balcony", 0), "new")
}

func TestExpiryInBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := moduletest.NewWith(t, func(h *module.Host) { h.Now = time.Now }, setting("Keep", int64(90*time.Minute)))
		b.Accounts.Add(juliet)
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- b.Hooks[0].Run(ctx) }()

		send(t, b, "old")
		for hour, want := range []int{1, 1, 0} {
			synctest.Wait()
			if n := count(t, b); n != want {
				t.Errorf("%d messages after %d hours", n, hour)
			}
			time.Sleep(time.Hour)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func count(t *testing.T, b *moduletest.Broker) (n int) {
	t.Helper()
	err := b.Host.DB.View(context.Background(), func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT count(*) FROM offline`).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRemovedAccount(t *testing.T) {
	b := broker(t, offline.Module())
	b.Accounts.Add("nurse@example.org")
	send(t, b, "1")
	if err := b.Deliver(`<message to='nurse@example.org'><body>x</body></message>`); err != nil {
		t.Fatal(err)
	}
	if err := b.Accounts.Remove(context.Background(), moduletest.JID(juliet)); err != nil {
		t.Fatal(err)
	}
	if n := count(t, b); n != 1 {
		t.Errorf("%d rows are left, want the nurse's", n)
	}
}

// failing is a database whose writes fail while err is set.
type failing struct {
	store.DB
	err error
}

func (f *failing) Update(ctx context.Context, fn func(*store.Tx) error) error {
	if f.err != nil {
		return f.err
	}
	return f.DB.Update(ctx, fn)
}

func TestDiskFull(t *testing.T) {
	disk := &failing{}
	b := moduletest.NewWith(t, func(h *module.Host) { disk.DB, h.DB = h.DB, disk }, offline.Module())
	b.Accounts.Add(juliet)
	send(t, b, "1")

	disk.err = fmt.Errorf("writing: %w", store.ErrFull)
	err := b.Deliver(say("2"))
	var e *stanza.Error
	if !errors.As(err, &e) || e.Condition != stanza.ResourceConstraint || e.Kind != stanza.Wait {
		t.Errorf("%v", err)
	}
	// What cannot be removed is given all the same, and given again: rather twice than not at all.
	expect(t, b.Online("juliet@example.org/balcony", 0), "1")
	disk.err = nil
	expect(t, b.Online("juliet@example.org/chamber", 0), "1")
	expect(t, b.Online("juliet@example.org/garden", 0))
}

// XEP-0160#disco
func TestAnnounced(t *testing.T) {
	b := broker(t, offline.Module())
	info := b.Host.Directory.Info(context.Background(), module.Domain, b.Host.Domain, moduletest.JID(juliet))
	if !info.Has(offline.Feature) {
		t.Errorf("%v", info.Features)
	}
}
