package mux_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/mux"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

const nsTime = "urn:xmpp:time"

// parse reads a stanza as it comes from a stream.
func parse(t testing.TB, xml string) *stanza.Stanza {
	t.Helper()
	el, err := xmlstream.ParseIn(stanza.Client, []byte(xml), xmlstream.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := stanza.FromElement(el)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// RFC 6120 §8.2.3, §8.4: each request has exactly one answer, and nothing else has any.
func TestAnswers(t *testing.T) {
	var m mux.Mux
	m.HandleIQ(stanza.Get, nsTime, "time", func(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
		if iq.From != jid.MustParse("romeo@example.net/orchard") || iq.ID != "1" {
			t.Errorf("request %+v", iq)
		}
		return xmlstream.New(nsTime, "time", xmlstream.New(nsTime, "utc", xmlstream.Text("2018-12-25T12:00:00Z"))), nil
	})
	m.HandleIQ(stanza.Set, "urn:example", "empty", func(context.Context, *stanza.IQ) (*xmlstream.Element, error) {
		return nil, nil
	})
	m.HandleIQ(stanza.Set, "urn:example", "forbidden", func(context.Context, *stanza.IQ) (*xmlstream.Element, error) {
		return nil, fmt.Errorf("door 3: %w", stanza.Forbidden)
	})
	m.HandleIQ(stanza.Set, "urn:example", "broken", func(context.Context, *stanza.IQ) (*xmlstream.Element, error) {
		return nil, errors.New("disk full")
	})
	const from = "from='romeo@example.net/orchard' to='juliet@example.com/balcony' id='1'"
	const back = "from='juliet@example.com/balcony' to='romeo@example.net/orchard'"
	fails := func(typ, condition string) string {
		return "<iq " + back + " type='error' id='1'><error type='" + typ + "'><" + condition + " xmlns='" + stanza.NSErrors + "'/></error></iq>"
	}
	for _, tt := range []struct{ name, in, want string }{
		{
			"a result", "<iq type='get' " + from + "><time xmlns='urn:xmpp:time'/></iq>",
			"<iq " + back + " type='result' id='1'><time xmlns='urn:xmpp:time'><utc>2018-12-25T12:00:00Z</utc></time></iq>",
		},
		{
			"an empty result", "<iq type='set' " + from + "><empty xmlns='urn:example'/></iq>",
			"<iq " + back + " type='result' id='1'/>",
		},
		{"an error", "<iq type='set' " + from + "><forbidden xmlns='urn:example'/></iq>", fails("auth", "forbidden")},
		{"no reason given", "<iq type='set' " + from + "><broken xmlns='urn:example'/></iq>", fails("cancel", "internal-server-error")},
		{"unknown", "<iq type='get' " + from + "><other xmlns='urn:example'/></iq>", fails("cancel", "service-unavailable")},
		{"another namespace", "<iq type='get' " + from + "><time xmlns='urn:example'/></iq>", fails("cancel", "service-unavailable")},
		{"another type", "<iq type='set' " + from + "><time xmlns='urn:xmpp:time'/></iq>", fails("cancel", "service-unavailable")},
		{"no payload", "<iq type='get' " + from + "/>", fails("modify", "bad-request")},
		{"two payloads", "<iq type='get' " + from + "><time xmlns='urn:xmpp:time'/><a xmlns='b'/></iq>", fails("modify", "bad-request")},
		{"a stray result", "<iq type='result' " + from + "/>", ""},
		{"a stray error", "<iq type='error' " + from + "/>", ""},
		{"a message", "<message " + from + "><body>hi</body></message>", ""},
		{"presence", "<presence " + from + "/>", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if a := m.Serve(t.Context(), parse(t, tt.in)); a != nil {
				got = a.String()
			}
			// The text of a bad request is for humans.
			if i := strings.Index(got, "<text"); i >= 0 {
				got = got[:i] + got[strings.Index(got, "</text>")+len("</text>"):]
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// What is not a request goes to all who asked for it, in their order, once.
func TestNotifications(t *testing.T) {
	var m mux.Mux
	var got []string
	note := func(name string) func(*stanza.Stanza) {
		return func(*stanza.Stanza) { got = append(got, name) }
	}
	m.HandleMessage(stanza.Client, "body", note("body"))
	m.HandleMessage("urn:xmpp:iot:sensordata", "fields", note("fields 1"))
	stop := m.HandleMessage("urn:xmpp:iot:sensordata", "fields", note("fields 2"))
	m.HandleMessage(stanza.Client, "error", note("error"))
	m.HandlePresence(stanza.Available, note("available"))
	m.HandlePresence(stanza.Subscribe, note("subscribe"))
	m.HandleOther(note("other"))

	const fields = "<fields xmlns='urn:xmpp:iot:sensordata'/>"
	check := func(name, xml string, want ...string) {
		t.Helper()
		got = nil
		if a := m.Serve(t.Context(), parse(t, xml)); a != nil {
			t.Errorf("%s: answered with %s", name, a)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	check("one child", "<message>"+fields+"</message>", "fields 1", "fields 2")
	check("two children", "<message><body>hi</body>"+fields+"</message>", "body", "fields 1", "fields 2")
	check("the same twice", "<message>"+fields+fields+"</message>", "fields 1", "fields 2")
	check("an error with what we had sent", "<message type='error'>"+fields+"<error type='cancel'/></message>", "error")
	check("an error of a message that is none", "<message type='chat'><error type='cancel'/></message>", "other")
	check("unknown", "<message><x xmlns='urn:example'/></message>", "other")
	check("empty", "<message/>", "other")
	check("presence", "<presence/>", "available")
	check("a request to subscribe", "<presence type='subscribe'/>", "subscribe")
	check("other presence", "<presence type='unavailable'/>", "other")
	stop()
	stop()
	check("after stop", "<message>"+fields+"</message>", "fields 1")
}

// After stop a request is unknown again, and may be handled anew.
func TestStopIQ(t *testing.T) {
	var m mux.Mux
	ok := func(context.Context, *stanza.IQ) (*xmlstream.Element, error) { return nil, nil }
	ask := func() stanza.Type {
		return m.Serve(t.Context(), parse(t, "<iq type='get' id='1'><time xmlns='urn:xmpp:time'/></iq>")).Type
	}
	stop := m.HandleIQ(stanza.Get, nsTime, "time", ok)
	if got := ask(); got != stanza.Result {
		t.Errorf("handled: %s", got)
	}
	stop()
	if got := ask(); got != stanza.ErrorType {
		t.Errorf("stopped: %s", got)
	}
	m.HandleIQ(stanza.Get, nsTime, "time", ok)
	stop() // is spent, and must not stop another
	if got := ask(); got != stanza.Result {
		t.Errorf("handled again: %s", got)
	}
}

// A handler that another has removed is not called any more, though the stanza was on its way to both.
func TestStopWithinHandler(t *testing.T) {
	var m mux.Mux
	var got []string
	var stopSecond func()
	m.HandleMessage(stanza.Client, "body", func(*stanza.Stanza) {
		got = append(got, "first")
		stopSecond()
	})
	stopSecond = m.HandleMessage(stanza.Client, "body", func(*stanza.Stanza) { got = append(got, "second") })
	m.Serve(t.Context(), parse(t, "<message><body>hi</body></message>"))
	if !slices.Equal(got, []string{"first"}) {
		t.Errorf("called %q", got)
	}
}

func TestMistakes(t *testing.T) {
	ok := func(context.Context, *stanza.IQ) (*xmlstream.Element, error) { return nil, nil }
	for name, mistake := range map[string]func(*mux.Mux){
		"two handlers": func(m *mux.Mux) {
			m.HandleIQ(stanza.Get, nsTime, "time", ok)
			m.HandleIQ(stanza.Get, nsTime, "time", ok)
		},
		"no request": func(m *mux.Mux) { m.HandleIQ(stanza.Result, nsTime, "time", ok) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			mistake(new(mux.Mux))
		})
	}
}

// Handlers come and go while stanzas are served, also from within handlers.
func TestConcurrent(t *testing.T) {
	var m mux.Mux
	message := parse(t, "<message><body>hi</body></message>")
	request := parse(t, "<iq type='get' id='1'><time xmlns='urn:xmpp:time'/></iq>")
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for range 200 {
				first := m.HandleMessage(stanza.Client, "body", func(*stanza.Stanza) {})
				second := m.HandleMessage(stanza.Client, "body", func(*stanza.Stanza) { first() })
				m.Serve(t.Context(), message)
				second()
			}
		})
		work.Go(func() {
			for range 200 {
				m.Serve(t.Context(), message)
				m.Serve(t.Context(), request)
			}
		})
	}
	work.Go(func() {
		for range 200 {
			m.HandleIQ(stanza.Get, nsTime, "time", func(context.Context, *stanza.IQ) (*xmlstream.Element, error) {
				return nil, nil
			})()
		}
	})
	work.Wait()
	got := 0
	m.HandleOther(func(*stanza.Stanza) { got++ })
	if m.Serve(t.Context(), message); got != 1 {
		t.Error("a handler was left behind")
	}
}

func BenchmarkServeMessage(b *testing.B) {
	var m mux.Mux
	n := 0
	m.HandleMessage(stanza.Client, "body", func(*stanza.Stanza) { n++ })
	s := parse(b, "<message><active xmlns='http://jabber.org/protocol/chatstates'/><body>hi</body></message>")
	b.ReportAllocs()
	for b.Loop() {
		m.Serve(b.Context(), s)
	}
	if n == 0 {
		b.Fatal("not served")
	}
}
