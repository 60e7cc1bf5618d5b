//go:build interop

package interop

import (
	"fmt"
	"testing"
)

// profanity starts the client for the console. It trusts the authorities in the file.
func (b *broker) profanity(t *testing.T, name, trust string) *terminal {
	t.Helper()
	home := t.TempDir()
	env := []string{
		"SSL_CERT_FILE=" + trust, "SSL_CERT_DIR=" + home, "HOME=" + home,
		"XDG_CONFIG_HOME=" + home + "/config", "XDG_DATA_HOME=" + home + "/data",
	}
	s := onScreen(t, "profanity "+name, env, installed(t, "profanity"))
	s.sees(t, "Type '/help'")
	return s
}

// login connects and gives the password when asked.
func (s *terminal) login(t *testing.T, b *broker, name string) {
	t.Helper()
	s.types(t, fmt.Sprintf("/connect %s@%s server 127.0.0.1 port %d tls force", name, domain, b.starttls))
	s.sees(t, "Enter password:")
	s.types(t, password(name))
}

// TestProfanityTalks: a person at a console logs in, makes a contact and chats. All that profanity does of its own accord (stream
// management, carbons, blocking, capabilities, bookmarks) goes on underneath.
func TestProfanityTalks(t *testing.T) {
	t.Parallel()
	b := serve(t, []string{"alice", "bob"})
	bob := b.slixmpp(t, "bob")
	bob.come(t)

	alice := b.profanity(t, "alice", b.trust)
	alice.login(t, b, "alice")
	alice.sees(t, "logged in successfully")
	if mechanism := b.loggedIn(t, "alice"); mechanism != "SCRAM-SHA-512" {
		t.Errorf("logged in by %s, want SCRAM-SHA-512", mechanism)
	}

	alice.types(t, "/sub request "+bob.account)
	bob.await(t, "request", presence("alice@"+domain, "subscribe"))
	bob.do(t, "presence", map[string]any{"to": "alice@" + domain, "type": "subscribed"})
	alice.sees(t, "Subscription received from "+bob.account)
	bob.do(t, "presence", map[string]any{"to": "alice@" + domain, "type": "subscribe"})
	alice.sees(t, "Received authorization request")
	alice.types(t, "/sub allow "+bob.account)
	bob.await(t, "answer", presence("alice@"+domain, "subscribed"))
	bob.await(t, "presence", presence("alice@"+domain, ""))

	alice.types(t, "/msg "+bob.account+" good <evening> & grüße")
	heard := bob.await(t, "message", func(e event) bool { return e.Body == "good <evening> & grüße" })
	bob.say(t, heard.From, "and to you <3")
	alice.sees(t, "and to you <3")

	alice.types(t, `/status set away "gone & <fishing>"`)
	if e := bob.await(t, "away", func(e event) bool { return e.Event == "presence" && e.Show == "away" }); e.Status != "gone & <fishing>" {
		t.Errorf("bob sees the status %q", e.Status)
	}
	alice.types(t, "/win 1") // where it says what the server answers
	alice.types(t, "/ping")
	alice.sees(t, "Ping response from")

	alice.types(t, "/disconnect")
	bob.await(t, "end", presence(heard.From, "unavailable"))
}

// TestProfanitySwitchesLamp: all that a person needs to use a lamp is a chat client.
func TestProfanitySwitchesLamp(t *testing.T) {
	t.Parallel()
	b := serve(t, []string{"owner"})
	l := b.lamp(t)
	claimer := b.slixmpp(t, "owner")
	claimer.come(t)
	l.claim(t, claimer)
	l.meet(t, claimer)

	owner := b.profanity(t, "owner", b.trust)
	owner.login(t, b, "owner")
	owner.sees(t, "logged in successfully")
	owner.types(t, "/msg "+l.jid+" ?")
	owner.sees(t, "Relay on|off: switches the lamp")
	pause()              // as people do
	owner.types(t, "on") // in the window of the chat
	owner.sees(t, "Relay is now on.")
	l.expect(t, "word of being switched", has("owner@"+domain, "set Relay to true"))
}

// TestProfanityDistrusts: the one of the other test has verified the certificate, for with another authority it asks.
func TestProfanityDistrusts(t *testing.T) {
	t.Parallel()
	b, other := serve(t, []string{"alice"}), serve(t, []string{"alice"})
	alice := b.profanity(t, "alice", other.trust)
	alice.login(t, b, "alice")
	alice.sees(t, "TLS certificate verification failed")
}
