package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/module/moduletest"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xep/command"
	"github.com/comity-iot/comity/xep/eventlog"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

var log = jid.MustParse("discovery.example.org")

func set(values map[string]any) module.Def {
	def := eventlog.Module()
	for name, v := range values {
		reflect.ValueOf(def.Config).Elem().FieldByName(name).Set(reflect.ValueOf(v))
	}
	return def
}

func broker(t testing.TB, def module.Def) *moduletest.Broker {
	b := moduletest.New(t, command.Module(), def)
	b.Accounts.Add("device@example.org", "romeo@example.org")
	b.Accounts.AddAdmin("admin@example.org")
	return b
}

func message(from, content string) string {
	return `<message from='` + from + `' to='discovery.example.org' type='normal' xml:lang='en'>` + content + `</message>`
}

func event(text string) string {
	return `<log xmlns='urn:xmpp:eventlog' timestamp='2013-11-10T15:52:23Z'><message>` + text + `</message></log>`
}

const device = "device@example.org/device"

// send logs, which must work.
func send(t *testing.T, b *moduletest.Broker, events ...string) {
	t.Helper()
	for _, e := range events {
		if err := b.Deliver(message(device, e)); err != nil {
			t.Fatalf("%s: %v", e, err)
		}
	}
}

// list runs the command and returns the table.
func list(b *moduletest.Broker, from string, values map[string][]string) (*form.Form, error) {
	ctx := context.Background()
	s, err := command.Start(ctx, b.Client(from), log, "eventlog")
	if err != nil {
		return nil, err
	}
	if err := s.Complete(ctx, values); err != nil {
		return nil, err
	}
	return s.Form, nil
}

func column(f *form.Form, v string) []string {
	var all []string
	for _, item := range f.Items {
		for _, field := range item {
			if field.Var == v {
				all = append(all, strings.Join(field.Values, "\n"))
			}
		}
	}
	return all
}

// XEP-0337#usecases
func TestExamples(t *testing.T) {
	b := broker(t, eventlog.Module())
	send(
		t, b,
		event("Something happened."),
		`<log xmlns='urn:xmpp:eventlog' timestamp='2013-11-12T11:47:12Z'><message>2 objects deleted:
Object 1
Object 2</message></log>`,
		`<log xmlns='urn:xmpp:eventlog' id='LoginFailed' timestamp='2013-11-10T16:04:45Z' type='Warning' level='Minor' object='user1' subject='10.0.0.1'>
			<message>User attempted to login.</message></log>`,
		`<log xmlns='urn:xmpp:eventlog' timestamp='2013-11-10T16:12:25Z' type='Debug' level='Major' module='My new application'>
			<message>Something is rotten in the state of Denmark.</message>
			<tag name='a' value='1' type='xs:int'/><tag name='s' value='Hello World!'/>
			<stackTrace>File1, Line1
File2, Line2</stackTrace></log>`,
		event("1")+event("2"), // XEP-0337#multipleevents
	)
	f, err := list(b, device, nil)
	if err != nil {
		t.Fatal(err)
	}
	for v, want := range map[string][]string{
		"message": {
			"2", "1", "Something is rotten in the state of Denmark.", "User attempted to login.",
			"2 objects deleted:\nObject 1\nObject 2", "Something happened.",
		},
		"type":       {"Informational", "Informational", "Debug", "Warning", "Informational", "Informational"},
		"level":      {"Minor", "Minor", "Major", "Minor", "Minor", "Minor"},
		"id":         {"", "", "", "LoginFailed", "", ""},
		"object":     {"", "", "", "user1", "", ""},
		"subject":    {"", "", "", "10.0.0.1", "", ""},
		"module":     {"", "", "My new application", "", "", ""},
		"tags":       {"", "", "a = 1\ns = Hello World!", "", "", ""},
		"stackTrace": {"", "", "File1, Line1\nFile2, Line2", "", "", ""},
	} {
		if got := column(f, v); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", v, got, want)
		}
	}
	if got := column(f, "time"); got[5] != "2013-11-10T15:52:23Z" {
		t.Errorf("time: %q", got)
	}
}

// handing is a sender that hands what it is given to the broker.
type handing struct {
	b    *moduletest.Broker
	from string
}

func (h handing) Send(_ context.Context, s *stanza.Stanza) error {
	return h.b.Deliver(s.Addressed(jid.MustParse(h.from), s.To).String())
}

func TestSend(t *testing.T) {
	b := broker(t, eventlog.Module())
	e := eventlog.Event{
		Time: time.Date(2013, 11, 10, 16, 7, 1, 500e6, time.UTC), Type: eventlog.Notice, Level: eventlog.Medium,
		ID: "Resources", Object: "o", Subject: "s", Facility: "f", Module: "m", Message: "Current <resources>.",
		Tags: []eventlog.Tag{{Name: "CPU", Value: "75.45", Type: "xs:double"}}, StackTrace: "here",
	}
	if err := eventlog.Send(context.Background(), handing{b, device}, log, e, eventlog.Event{Time: e.Time, Message: "x"}); err != nil {
		t.Fatal(err)
	}
	f, err := list(b, device, nil)
	if err != nil || len(f.Items) != 2 {
		t.Fatalf("%v, %v", f, err)
	}
	for v, want := range map[string]string{
		"time": "2013-11-10T16:07:01.5Z", "type": "Notice", "level": "Medium", "id": "Resources", "object": "o", "subject": "s",
		"facility": "f", "module": "m", "message": "Current <resources>.", "tags": "CPU = 75.45", "stackTrace": "here",
	} {
		if got := column(f, v)[1]; got != want {
			t.Errorf("%s: %q", v, got)
		}
	}
}

func TestRefused(t *testing.T) {
	b := broker(t, set(map[string]any{"Bytes": 500, "Tags": 2}))
	for _, c := range []struct {
		name, from, content string
		want                error
	}{
		{"an account elsewhere", "romeo@montague.net/orchard", event("x"), stanza.Forbidden},
		{"a server", "montague.net", event("x"), stanza.Forbidden},
		{"no timestamp", device, `<log xmlns='urn:xmpp:eventlog'><message>x</message></log>`, stanza.BadRequest},
		{"a bad timestamp", device, `<log xmlns='urn:xmpp:eventlog' timestamp='now'><message>x</message></log>`, stanza.BadRequest},
		{"no message", device, `<log xmlns='urn:xmpp:eventlog' timestamp='2013-11-10T15:52:23Z'/>`, stanza.BadRequest},
		{"no such type", device, `<log xmlns='urn:xmpp:eventlog' timestamp='2013-11-10T15:52:23Z' type='Bad'><message>x</message></log>`, stanza.BadRequest},
		{"no such level", device, `<log xmlns='urn:xmpp:eventlog' timestamp='2013-11-10T15:52:23Z' level='Top'><message>x</message></log>`, stanza.BadRequest},
		{"too large", device, event(strings.Repeat("x", 500)), stanza.ResourceConstraint},
		{
			"too many tags", device, `<log xmlns='urn:xmpp:eventlog' timestamp='2013-11-10T15:52:23Z'><message>x</message>
				<tag name='a' value='1'/><tag name='b' value='1'/><tag name='c' value='1'/></log>`, stanza.ResourceConstraint,
		},
		{"one of two", device, event("good") + `<log xmlns='urn:xmpp:eventlog'/>`, stanza.BadRequest},
	} {
		if err := b.Deliver(message(c.from, c.content)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if f, err := list(b, device, nil); err != nil || len(f.Items) != 0 {
		t.Errorf("%v, %v", f.Items, err)
	}
}

// A log is read by who wrote it, and by administrators.
func TestWhoReads(t *testing.T) {
	b := broker(t, eventlog.Module())
	send(t, b, event("x"))
	of := map[string][]string{"jid": {"device@example.org"}}
	for from, want := range map[string]error{
		device:                       nil,
		"admin@example.org/desk":     nil,
		"romeo@example.org/orchard":  stanza.Forbidden,
		"romeo@montague.net/orchard": stanza.Forbidden,
	} {
		f, err := list(b, from, of)
		if !errors.Is(err, want) || want == nil && len(f.Items) != 1 {
			t.Errorf("%s: %v, %v", from, f, err)
		}
	}
	if f, err := list(b, "romeo@example.org/orchard", nil); err != nil || len(f.Items) != 0 {
		t.Errorf("his own: %v, %v", f, err)
	}
}

// Of each account the newest events are kept.
func TestRing(t *testing.T) {
	b := broker(t, set(map[string]any{"Events": 3}))
	if err := b.Deliver(message("romeo@example.org/orchard", event("Romeo's"))); err != nil {
		t.Fatal(err)
	}
	send(t, b, event("1"), event("2"), event("3")+event("4"), event("5"))
	f, err := list(b, device, nil)
	if err != nil || !slices.Equal(column(f, "message"), []string{"5", "4", "3"}) {
		t.Errorf("%q, %v", column(f, "message"), err)
	}
	if f, err := list(b, "romeo@example.org/orchard", nil); err != nil || len(f.Items) != 1 {
		t.Errorf("Romeo's: %v, %v", f, err)
	}
}

func TestPaging(t *testing.T) {
	b := broker(t, eventlog.Module())
	for i := range 7 {
		send(t, b, strings.Replace(event(fmt.Sprint(i)), "timestamp", fmt.Sprintf("type='%s' timestamp", eventlog.Types()[i]), 1))
	}
	var got []string
	before := "0"
	for range 3 {
		f, err := list(b, device, map[string][]string{"count": {"2"}, "before": {before}, "type": {"Notice"}})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, column(f, "message")...)
		if all := column(f, "entry"); len(all) > 0 {
			before = all[len(all)-1]
		}
	}
	if !slices.Equal(got, []string{"6", "5", "4", "3", "2"}) {
		t.Errorf("%q", got)
	}
	for v, bad := range map[string]string{"count": "101", "before": "-1", "type": "Bad", "jid": "@"} {
		if _, err := list(b, device, map[string][]string{v: {bad}}); err == nil {
			t.Errorf("%s is taken as %s", bad, v)
		}
	}
}

// An answer fits in a stanza, however large the events are.
func TestLargeEvents(t *testing.T) {
	b := broker(t, set(map[string]any{"Bytes": 64 << 10}))
	large := event(strings.Repeat("x", 30<<10))
	send(t, b, event(strings.Repeat("y", 60<<10)), large, large, large)
	f, err := list(b, device, nil)
	if err != nil || len(f.Items) != 2 {
		t.Fatalf("%d events, %v", len(f.Items), err)
	}
	oldest, err := list(b, device, map[string][]string{"before": {"2"}})
	if err != nil || len(oldest.Items) != 1 {
		t.Errorf("%d events, %v", len(oldest.Items), err)
	}
}

func TestRate(t *testing.T) {
	b := broker(t, set(map[string]any{"Minute": 3}))
	send(t, b, event("1")+event("2"), event("3"))
	err := b.Deliver(message(device, event("4")))
	var e *stanza.Error
	if !errors.As(err, &e) || e.Condition != stanza.ResourceConstraint || e.Kind != stanza.Wait {
		t.Errorf("%v", err)
	}
	if err := b.Deliver(message("romeo@example.org/orchard", event("x"))); err != nil {
		t.Errorf("another account: %v", err)
	}
	b.Clock.Advance(time.Minute)
	send(t, b, event("5"))
}

func count(t *testing.T, b *moduletest.Broker) (n int) {
	t.Helper()
	err := b.Host.DB.View(context.Background(), func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT count(*) FROM eventlog`).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRemovedAccount(t *testing.T) {
	b := broker(t, eventlog.Module())
	send(t, b, event("x"))
	if err := b.Accounts.Remove(context.Background(), jid.MustParse("device@example.org")); err != nil {
		t.Fatal(err)
	}
	if n := count(t, b); n != 0 {
		t.Errorf("%d events", n)
	}
}

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := moduletest.NewWith(t, func(h *module.Host) { h.Now = time.Now }, set(map[string]any{"Keep": 90 * time.Minute}))
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- b.Hooks[0].Run(ctx) }()

		send(t, b, event("x"))
		for hour, want := range []int{1, 1, 0} {
			synctest.Wait()
			if n := count(t, b); n != want {
				t.Errorf("%d events after %d hours", n, hour)
			}
			time.Sleep(time.Hour)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// XEP-0337#support
func TestAnnounced(t *testing.T) {
	b := broker(t, eventlog.Module())
	info := b.Host.Directory.Info(context.Background(), "discovery", log, jid.JID{})
	if !info.Has(eventlog.NS) || !info.Is("component", "generic") {
		t.Errorf("%+v", info)
	}
}

// Whatever a thing logs, it is either refused or can be read back.
func FuzzLog(f *testing.F) {
	f.Add(event("Something happened."))
	f.Add(`<log xmlns='urn:xmpp:eventlog' timestamp='2013-11-10T16:12:25Z' type='Debug' level='Major' module='My new application' stackTrace='file1'>
		<message>x</message><tag name='a' value='1' type='xs:int'/><stackTrace>File1, Line1, ...</stackTrace></log>`)
	b := broker(f, set(map[string]any{"Minute": 0, "Events": 5}))
	f.Fuzz(func(t *testing.T, content string) {
		text := message(device, content)
		if _, err := moduletest.Parse(text); err != nil {
			return
		}
		if err := b.Deliver(text); err != nil && stanza.AsError(err).Condition == stanza.InternalServerError {
			t.Errorf("%s: %v", content, err)
		}
		if _, err := list(b, device, nil); err != nil {
			t.Errorf("%s: %v", content, err)
		}
	})
}
