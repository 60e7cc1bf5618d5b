//go:build interop

package interop

import (
	"fmt"
	"testing"
)

// TestSlixmppPresence: two clients become contacts and see each other come, change and go. RFC 6121 §3, §4
func TestSlixmppPresence(t *testing.T) {
	t.Parallel()
	b := serve(t, []string{"alice", "bob"})
	alice, bob := b.slixmpp(t, "alice"), b.slixmpp(t, "bob")
	befriend(t, alice, bob)

	bob.do(t, "presence", map[string]any{"show": "away", "status": "<tea> & biscuits ☕"})
	e := alice.await(t, "bob's away", presence(bob.jid, ""))
	if e.Show != "away" || e.Status != "<tea> & biscuits ☕" {
		t.Errorf("alice saw bob as %q, %q", e.Show, e.Status)
	}

	bob.do(t, "close", nil)
	alice.await(t, "bob's end", presence(bob.jid, "unavailable"))

	again := b.slixmpp(t, "bob")
	if e := again.do(t, "roster", nil); fmt.Sprint(e.Items) != "map[alice@localhost:both]" {
		t.Errorf("bob's roster after coming back: %v", e.Items)
	}
	again.come(t)
	again.await(t, "alice's presence", presence(alice.jid, ""))
	alice.await(t, "bob's return", presence(again.jid, ""))

	alice.do(t, "presence", map[string]any{"to": again.account, "type": "unsubscribe"})
	alice.await(t, "push", roster(again.account, "from", ""))
	again.await(t, "push", roster(alice.account, "to", ""))
	alice.await(t, "end of bob's presence", presence(again.jid, "unavailable"))
}

// befriend makes two clients that have just logged in each other's contacts.
func befriend(t *testing.T, one, two *slixmpp) {
	t.Helper()
	one.come(t)
	two.come(t)
	follow := func(who, whom *slixmpp, before, after string) {
		t.Helper()
		who.do(t, "presence", map[string]any{"to": whom.account, "type": "subscribe"})
		whom.await(t, "request", presence(who.account, "subscribe"))
		whom.do(t, "presence", map[string]any{"to": who.account, "type": "subscribed"})
		who.await(t, "push of the question", roster(whom.account, before, "subscribe"))
		who.await(t, "push of the answer", roster(whom.account, after, ""))
		who.await(t, "answer", presence(whom.account, "subscribed"))
		who.await(t, "presence", presence(whom.jid, ""))
	}
	follow(one, two, "none", "to")
	follow(two, one, "from", "both")
	one.await(t, "push of the other direction", roster(two.account, "both", ""))
}

// TestSlixmppMessages: to an account, to one of its sessions, to somebody away, to nobody. RFC 6121 §8.5
func TestSlixmppMessages(t *testing.T) {
	t.Parallel()
	b := serve(t, []string{"alice", "bob", "carol"})
	alice, bob, phone := b.slixmpp(t, "alice"), b.slixmpp(t, "bob"), b.slixmpp(t, "bob")
	for _, c := range []*slixmpp{alice, bob, phone} {
		c.come(t)
	}

	alice.say(t, bob.account, "to both of you")
	bob.await(t, "message", message(alice.jid, "to both of you"))
	phone.await(t, "message", message(alice.jid, "to both of you"))

	alice.say(t, phone.jid, "to your phone")
	phone.await(t, "message", message(alice.jid, "to your phone"))
	const body = "<body>&amp;&#x41;]]> \"'\tü 漢 😀\nsecond line"
	bob.say(t, alice.jid, body)
	alice.await(t, "message", message(bob.jid, body))

	alice.say(t, "nobody@"+domain, "hello?")
	e := alice.await(t, "error", func(e event) bool { return e.Event == "message" && e.Type == "error" })
	if e.From != "nobody@"+domain || e.Condition != "service-unavailable" { // RFC 6121 §8.5.1
		t.Errorf("a message to nobody came back from %s: %s", e.From, e.Condition)
	}

	alice.say(t, "carol@"+domain, "for later")
	carol := b.slixmpp(t, "carol")
	carol.do(t, "presence", nil)
	if e := carol.await(t, "message", message(alice.jid, "for later")); !e.Delayed { // XEP-0160, XEP-0203
		t.Error("a message from before says not when it was sent")
	}
}

// TestSlixmppOrder: what one sends to another arrives complete and in order. RFC 6120 §10.1
func TestSlixmppOrder(t *testing.T) {
	t.Parallel()
	const n = 300
	b := serve(t, []string{"alice", "bob"})
	alice, bob := b.slixmpp(t, "alice"), b.slixmpp(t, "bob")
	alice.come(t)
	bob.come(t)
	for i := range n {
		alice.say(t, bob.jid, fmt.Sprint(i))
	}
	for i := range n {
		if e := bob.await(t, "next message", is("message")); e.Body != fmt.Sprint(i) {
			t.Fatalf("message %d is %q", i, e.Body)
		}
	}
}

// TestSlixmppAsks: what a client asks of a server, and of another client.
func TestSlixmppAsks(t *testing.T) {
	t.Parallel()
	b := serve(t, []string{"alice", "bob"})
	alice, bob := b.slixmpp(t, "alice"), b.slixmpp(t, "bob")
	at := map[string]any{"to": domain}

	if e := alice.do(t, "info", at); len(e.Identities) == 0 || e.Identities[0] != "server/im" {
		t.Errorf("the domain is a %v", e.Identities)
	}
	alice.do(t, "items", at)
	alice.do(t, "ping", at)
	if e := alice.do(t, "version", at); e.Name == "" || e.Version == "" {
		t.Errorf("the domain runs %q %q", e.Name, e.Version)
	}
	if e := alice.do(t, "time", at); e.UTC == "" {
		t.Error("the domain has no time")
	}
	alice.do(t, "ping", map[string]any{"to": bob.jid})
	if e := alice.try(t, "ping", map[string]any{"to": bob.account + "/gone"}); e.Error != "service-unavailable" {
		t.Errorf("a ping to a session that is not there: %q, want service-unavailable (RFC 6121 §8.5.3.2.3)", e.Error)
	}
	unknown := map[string]any{"to": domain, "type": "get", "xml": "<query xmlns='urn:example:unheard-of'/>"}
	if e := alice.try(t, "iq", unknown); e.Error != "service-unavailable" {
		t.Errorf("a request of an unknown kind: %q, want service-unavailable (RFC 6120 §8.3.3.19)", e.Error)
	}
}

// TestSlixmppResumes: a session outlives its connection, and what came meanwhile is there when it goes on. XEP-0198#resumption
func TestSlixmppResumes(t *testing.T) {
	t.Parallel()
	b := serve(t, []string{"alice", "bob"})
	bob := b.slixmpp(t, "bob")
	alice := newSlixmpp(t, "alice", password("alice"))
	alice.do(t, "manage", nil)
	alice.connect(t, b.starttls, b.trust, "starttls")
	alice.come(t)
	befriend(t, alice, bob)
	before := alice.jid
	for round := range 3 {
		bob.say(t, before, fmt.Sprint("before ", round))
		alice.await(t, "message", message(bob.jid, fmt.Sprint("before ", round)))
		alice.do(t, "cut", nil)
		alice.await(t, "loss of the connection", is("disconnected"))
		for i := range 5 {
			bob.say(t, before, fmt.Sprint("meanwhile ", i))
		}
		if !alice.connect(t, b.starttls, b.trust, "starttls") || alice.jid != before {
			t.Fatalf("not resumed: %s is now %s", before, alice.jid)
		}
		for i := range 5 {
			if e := alice.await(t, "message", is("message")); e.Body != fmt.Sprint("meanwhile ", i) {
				t.Fatalf("message %d after resuming is %q", i, e.Body)
			}
		}
		alice.say(t, bob.jid, fmt.Sprint("after ", round))
		if e := bob.await(t, "answer", is("message")); e.From != before || e.Body != fmt.Sprint("after ", round) {
			t.Errorf("bob heard %q from %s", e.Body, e.From)
		}
	}
	bob.say(t, "alice@"+domain, "the last")
	if e := alice.await(t, "message", is("message")); e.Body != "the last" {
		t.Errorf("a message came twice: %q", e.Body)
	}
	for _, line := range bob.out.lines() {
		if has(`"unavailable"`, before)(line) {
			t.Errorf("alice seemed to be away: %s", line)
		}
	}
}

// TestSlixmppIsToldOfTheEnd: a broker that stops says so. RFC 6120 §4.9.3.22
func TestSlixmppIsToldOfTheEnd(t *testing.T) {
	t.Parallel()
	b := serve(t, []string{"alice"})
	alice := b.slixmpp(t, "alice")
	alice.come(t)
	b.stop(t)
	if e := alice.await(t, "stream error", is("stream-error")); e.Condition != "system-shutdown" {
		t.Errorf("the broker ended with %s, want system-shutdown", e.Condition)
	}
}
