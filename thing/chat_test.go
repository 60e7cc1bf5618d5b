package thing_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/thing"
	"github.com/comity-iot/comity/thing/thingtest"
	"github.com/comity-iot/comity/xep/delay"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// lit is a lamp that can be talked to.
func lit(lamp *bulb) func(*world) {
	return func(w *world) {
		w.thing.Parameter(thing.Bool{Name: "Light", Help: "the bulb", Get: lamp.get, Set: lamp.set})
		w.thing.Field(temperature(21.46))
		level := 40.0
		w.thing.Parameter(thing.Number{
			Name: "Light Level", Unit: "%", Min: 1, Max: 100,
			Get: func(context.Context) (float64, error) { return level, nil },
			Set: func(_ context.Context, v float64) error { level = v; return nil },
		})
		w.thing.Parameter(thing.Choice{Name: "Scene", Options: []string{"Day", "Night"}, Set: func(context.Context, string) error { return nil }})
	}
}

// said is one exchange. Between two there is the time that people need.
func (w *world) said(p *thingtest.Person, text string) string {
	w.Helper()
	time.Sleep(5 * time.Second)
	ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
	defer cancel()
	answer, err := p.Say(ctx, text)
	if errors.Is(err, context.DeadlineExceeded) {
		return "(silence)"
	}
	w.ok(err)
	return answer
}

// Requirements 135 to 137: a human talks to a lamp.
func TestChat(t *testing.T) {
	lamp := &bulb{}
	live(t, lit(lamp), func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		for _, test := range []struct{ text, want string }{
			{"hi", "Hi, I am Lamp: Test Lamp by maker.example. Send ? for what I do."},
			{"Hello there", "Hi, I am Lamp: Test Lamp by maker.example. Send ? for what I do."},
			{"?", "Lamp\nLight: off\nTemperature: 21.5 °C\nLight Level: 40 %\n" +
				"Light on|off: the bulb\nLight Level 1..100 %\nScene Day|Night\ntoggle: on if off, off if on"},
			{"toggle", "Light is now on."},
			{"Light", "Light: on"},
			{"toggle light", "Light is now off."},
			{"light on", "Light is now on."},
			{"off", "Light is now off."},
			{"LIGHT=yes", "Light is now on."},
			{"light sideways", "Light cannot be sideways. Try Light on|off: the bulb"},
			{"light level 70 %", "Light Level is now 70 %."},
			{"Light Level: 0", "Light Level cannot be 0. Try Light Level 1..100 %"},
			{"light level", "Light Level: 70 %"},
			{"scene night", "Scene is now Night."},
			{"Scene", "Scene Day|Night"},
			{"temperature", "Temperature: 21.5 °C"},
			{"temperature 30", "I do not understand that. Send ? for what I do."},
			{"lights on", "(silence)"}, // the second in a row that makes no sense
			{"hi", "Hi, I am Lamp: Test Lamp by maker.example. Send ? for what I do."},
			{"toggle fan", "I do not understand that. Send ? for what I do."},
			{" ", "(silence)"},
			{strings.Repeat("hi ", 1000), "(silence)"},
		} {
			if got := w.said(w.owner, test.text); got != test.want {
				w.Errorf("%.40q: %q; want %q", test.text, got, test.want)
			}
		}
		if !lamp.isOn() {
			w.Error("the lamp is off")
		}
	})
}

// Words are decided as the protocols are.
func TestChatPermissions(t *testing.T) {
	lamp := &bulb{}
	live(t, lit(lamp), func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		if got := w.said(w.mallory, "hi"); got != "(silence)" {
			w.Errorf("a stranger was told %q", got)
		}
		w.broker.SetRules(func(q thing.Question) (provisioning.Scope, bool) {
			switch q.Op {
			case thing.Befriend:
				return provisioning.Scope{}, true
			case thing.Read:
				return provisioning.Scope{Names: []string{"Temperature"}, Categories: iot.AllCategories}, true
			}
			return provisioning.Scope{}, false
		})
		w.friend(w.alice)
		for text, want := range map[string]string{
			"?":           "Lamp\nTemperature: 21.5 °C",
			"toggle":      "Light: my owner has not allowed you that.",
			"light on":    "Light: my owner has not allowed you that.",
			"Light":       "Light: my owner has not allowed you that.",
			"scene":       "Scene: my owner has not allowed you that.",
			"Temperature": "Temperature: 21.5 °C",
		} {
			if got := w.said(w.alice, text); got != want {
				w.Errorf("%q: %q; want %q", text, got, want)
			}
		}
		w.broker.SetRules(func(q thing.Question) (provisioning.Scope, bool) {
			return provisioning.Scope{Names: []string{"Light Level"}}, q.Op == thing.Control
		})
		w.ok(w.broker.ClearCache(w.ctx))
		if got := w.said(w.alice, "?"); got != "Lamp\nLight Level 1..100 %\ntoggle: on if off, off if on" {
			w.Errorf("%q", got)
		}
		w.broker.SetRules(nil)
		w.ok(w.broker.ClearCache(w.ctx))
		if got := w.said(w.alice, "?"); got != "There is nothing that I may tell you." {
			w.Errorf("%q", got)
		}
		if lamp.isOn() {
			w.Error("the lamp is on")
		}
	})
}

// What waited in the broker while the thing was off is not for now, and nor is what others say in a room.
func TestChatNotForNow(t *testing.T) {
	lamp := &bulb{}
	live(t, lit(lamp), func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		toggle := func(typ stanza.Type) *stanza.Stanza {
			return stanza.NewMessage(jid.JID{}, typ, xmlstream.New(stanza.Client, "body", xmlstream.Text("toggle")))
		}
		w.owner.Send(toggle(stanza.Chat).With(delay.Note{At: time.Now().Add(-time.Hour)}.Element()))
		w.owner.Send(toggle(stanza.GroupChat))
		w.owner.Send(toggle(stanza.Headline))
		w.owner.Send(toggle(stanza.ErrorType).With(stanza.ItemNotFound.With("").Element()))
		synctest.Wait()
		if lamp.sets > 0 {
			w.Errorf("set %d times", lamp.sets)
		}
	})
}

// Two things do not keep each other talking for ever.
func TestChatEnds(t *testing.T) {
	live(t, lit(&bulb{}), func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		answer, said := "hi", 0
		for ; answer != "(silence)"; said++ {
			if said > 10 {
				w.Fatal("still talking")
			}
			answer = w.said(w.owner, answer)
		}
	})
}

// An answer is in the thread of the question. RFC 6121 §5.2.5
func TestChatThread(t *testing.T) {
	live(t, lit(&bulb{}), func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		threads := make(chan string, 1)
		w.owner.HandleMessage(stanza.Client, "thread", func(m *stanza.Stanza) {
			threads <- m.Child(stanza.Client, "thread").Text()
		})
		w.owner.Send(stanza.NewMessage(jid.JID{}, stanza.Chat,
			xmlstream.New(stanza.Client, "body", xmlstream.Text("hi")),
			xmlstream.New(stanza.Client, "thread", xmlstream.Text("t1"))))
		if got := <-threads; got != "t1" {
			w.Errorf("thread %q", got)
		}
	})
}

// Whatever a thing says in a chat, nobody keeps it for who has gone: it may hold readings. It is not hidden from the other devices
// of who asked, though. XEP-0334#no-store, XEP-0334#no-copy
func TestChatIsNotKept(t *testing.T) {
	live(t, lit(&bulb{}), func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		var answer *stanza.Stanza
		w.owner.HandleMessage("urn:xmpp:hints", "no-store", func(m *stanza.Stanza) { answer = m })
		for _, text := range []string{"hi", "?", "temperature", "toggle", "light off", "light", "light sideways", "what?"} {
			answer = nil
			said := w.said(w.owner, text)
			synctest.Wait()
			if answer == nil || answer.Body() != said || answer.Type != stanza.Chat {
				w.Errorf("to %q the answer %q may be kept: %v", text, said, answer)
			}
			if answer != nil && (answer.Content.Has("urn:xmpp:hints", "no-copy") || answer.Content.Has("urn:xmpp:carbons:2", "private")) {
				w.Errorf("to %q the answer is hidden from other devices: %v", text, answer)
			}
		}
	})
}
