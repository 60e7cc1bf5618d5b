//go:build interop

package interop

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// lamp is the example of that name, run with the key of a maker.
type lamp struct {
	*process
	jid string // bare, known once it is claimed
}

// discovery is where brokers of these tests register things and ask their owners.
const discovery = "discovery." + domain

// lamp starts a lamp, which makes its own account.
func (b *broker) lamp(t *testing.T) *lamp {
	t.Helper()
	var key struct{ ID, Secret string }
	text := b.command(t, "", "apikey", "add", "--json", "--owner", "maker.example", "--limit", "1")
	if err := json.Unmarshal([]byte(text), &key); err != nil {
		t.Fatal(err)
	}
	return &lamp{process: start(t, "lamp", []string{
		"THING_BROKER=" + domain, fmt.Sprintf("THING_ADDR=127.0.0.1:%d", b.starttls), "THING_CA=" + b.trust,
		"THING_API_KEY=" + key.ID, "THING_API_SECRET=" + key.Secret, "THING_STATE=" + t.TempDir(),
	}, programs.lamp)}
}

// claim makes somebody the lamp's owner, by the text that it shows to people.
func (l *lamp) claim(t *testing.T, owner *slixmpp) {
	t.Helper()
	line := l.expect(t, "iotdisco URI", has("iotdisco:"))
	_, uri, _ := strings.Cut(line, "iotdisco:")
	var tags strings.Builder
	for tag := range strings.SplitSeq(uri, ";") { // Discovery.md
		name, value, _ := strings.Cut(tag, "=")
		value, err := url.PathUnescape(value)
		if err != nil {
			t.Fatal(err)
		}
		kind := "str"
		if number, ok := strings.CutPrefix(name, "#"); ok {
			kind, name = "num", number
		}
		if name != "R" { // where to claim it
			fmt.Fprintf(&tags, "<%s name='%s' value='%s'/>", kind, name, value)
		}
	}
	mine := "<mine xmlns='urn:ieee:iot:disco:1.0' public='false'>" + tags.String() + "</mine>"
	answer := owner.do(t, "iq", map[string]any{"to": discovery, "type": "set", "xml": mine})
	_, rest, _ := strings.Cut(answer.XML, `jid="`)
	l.jid, _, _ = strings.Cut(rest, `"`)
	if !strings.HasSuffix(l.jid, "@"+domain) {
		t.Fatalf("claimed: %s", answer.XML)
	}
}

// meet makes somebody a friend of the lamp, who may, and returns the lamp's full address.
func (l *lamp) meet(t *testing.T, c *slixmpp) string {
	t.Helper()
	c.do(t, "presence", map[string]any{"to": l.jid, "type": "subscribe"})
	c.await(t, "consent", presence(l.jid, "subscribed"))
	return c.await(t, "lamp's presence", presence(l.jid, "")).From
}

// pause lets time pass between what is said to the lamp, which answers nobody who is faster than people write.
func pause() { <-time.After(300 * time.Millisecond) }

// ask says something to the lamp and returns what it answers.
func (c *slixmpp) ask(t *testing.T, to, text string) string {
	t.Helper()
	pause()
	c.say(t, to, text)
	return c.await(t, "answer to "+text, func(e event) bool { return e.Event == "message" && e.From == to }).Body
}

// read reads all fields of the lamp, by name.
func (c *slixmpp) read(t *testing.T, to string) map[string]string {
	t.Helper()
	c.do(t, "read", map[string]any{"to": to, "flags": map[string]string{"momentary": "true"}})
	fields := map[string]string{}
	for {
		e := c.await(t, "readout", is("reading"))
		for _, f := range e.Fields {
			fields[f.Name] = strings.TrimSpace(f.Value + " " + f.Unit)
		}
		switch e.Result {
		case "accepted", "fields":
		case "done":
			return fields
		default:
			t.Fatalf("%s cannot read: %s %s", c.name, e.Result, e.Text)
		}
	}
}

// TestSlixmppOwnsLamp: from the box to the switch. A lamp makes its account with its maker's key; an owner claims it, chats with it,
// reads it by XEP-0323 and switches it by XEP-0325, as slixmpp has them.
func TestSlixmppOwnsLamp(t *testing.T) {
	t.Parallel()
	b := serve(t, []string{"owner"})
	l := b.lamp(t)
	owner := b.slixmpp(t, "owner")
	owner.come(t)
	l.claim(t, owner)
	at := l.meet(t, owner)

	for _, talk := range [][2]string{
		{"toggle", "Relay is now on."},
		{"brightness 40", "Brightness is now 40 %."},
	} {
		if answer := owner.ask(t, at, talk[0]); answer != talk[1] {
			t.Errorf("%q: the lamp says %q, want %q", talk[0], answer, talk[1])
		}
	}
	for _, greeting := range []string{"hi", "?"} {
		if answer := owner.ask(t, at, greeting); !strings.Contains(answer, "Reading lamp") {
			t.Errorf("%s: the lamp says %q", greeting, answer)
		}
	}
	if got := owner.read(t, at); got["Relay"] != "true" || got["Brightness"] != "40 %" {
		t.Errorf("readout: %v", got)
	}
	owner.set(t, at, []any{"Relay", "boolean", "false"})
	l.expect(t, "word of being switched", has(owner.account, "set Relay to false"))
	owner.set(t, at, []any{"Brightness", "int", "70"})
	if got := owner.read(t, at); got["Relay"] != "false" || got["Brightness"] != "70 %" {
		t.Errorf("readout: %v", got)
	}
}

// set controls the lamp with [name, type, value] triples.
func (c *slixmpp) set(t *testing.T, to string, fields ...any) {
	t.Helper()
	c.do(t, "set", map[string]any{"to": to, "fields": fields})
	if e := c.await(t, "control response", is("controlled")); e.Result != "OK" {
		t.Errorf("%s: set %v: %q %s", c.name, fields, e.Result, e.Text)
	}
}

// TestSlixmppAsksOwner: nobody may see, read or control what is not theirs until the owner says so; the owner is asked, in words too.
func TestSlixmppAsksOwner(t *testing.T) {
	t.Parallel()
	b := serve(t, []string{"owner", "friend"})
	l := b.lamp(t)
	owner, friend := b.slixmpp(t, "owner"), b.slixmpp(t, "friend")
	for _, c := range []*slixmpp{owner, friend} {
		c.come(t)
	}
	l.claim(t, owner)
	l.meet(t, owner)

	friend.do(t, "presence", map[string]any{"to": l.jid, "type": "subscribe"})
	friend.await(t, "refusal", presence(l.jid, "unsubscribed"))
	owner.answer(t, l, friend, "isFriend", "")
	at := l.meet(t, friend)

	friend.do(t, "read", map[string]any{"to": at, "flags": map[string]string{"momentary": "true"}})
	if e := friend.await(t, "refusal of the readout", is("refusal")); e.Condition != "forbidden" {
		t.Errorf("a readout without leave: %s", e.Condition)
	}
	owner.answer(t, l, friend, "canRead", "<fromJid/>")
	if got := friend.read(t, at); got["Relay"] != "false" {
		t.Errorf("readout: %v", got)
	}

	friend.do(t, "set", map[string]any{"to": at, "fields": []any{[]any{"Relay", "boolean", "true"}}})
	if e := friend.await(t, "refusal of the command", is("refusal")); e.Condition != "forbidden" {
		t.Errorf("a command without leave: %s", e.Condition)
	}
	owner.answer(t, l, friend, "canControl", "<fromJid/>")
	friend.set(t, at, []any{"Relay", "boolean", "true"})
	l.expect(t, "word of being switched", has(friend.account, "set Relay to true"))
}

// answer says yes to the question whether somebody may do something with the lamp. XEP-0324 as the owner sees it:
// urn:ieee:iot:prov:o:1.0
func (c *slixmpp) answer(t *testing.T, l *lamp, about *slixmpp, question, origin string) {
	t.Helper()
	e := c.await(t, "question "+question, func(e event) bool {
		return e.Event == "message" && e.From == discovery && len(e.Children) > 0 && strings.Contains(e.Children[0], ":"+question+" ")
	})
	_, rest, _ := strings.Cut(e.Children[0], ` key="`)
	key, _, _ := strings.Cut(rest, `"`)
	if key == "" || e.Body == "" {
		t.Errorf("a question without a key, or without words: %q", e.Children)
	}
	c.do(t, "iq", map[string]any{"to": discovery, "type": "set", "xml": fmt.Sprintf(
		"<%sRule xmlns='urn:ieee:iot:prov:o:1.0' jid='%s' remoteJid='%s' key='%s' result='true'>%s</%[1]sRule>",
		question, l.jid, about.account, key, origin)})
}
