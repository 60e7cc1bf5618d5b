//go:build interop

package interop

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// slixmpp is a client that testdata/slixmpp_client.py runs.
type slixmpp struct {
	*process
	account string // bare address
	jid     string // full address, once connected
	tls     string // version
	last    int    // command
}

// event is what the client reports; which fields it has is up to Event. See testdata/slixmpp_client.py.
type event struct {
	Event string

	ID    int // of the command that this answers
	Error string
	XML   string

	JID, TLS, Version string // of "connect", "version"
	Resumed           bool
	Items             any
	Identities        []string
	Features          []string
	UTC               string

	From, To, Type, Body, Stanza, Condition string // of a message
	Delayed                                 bool
	Children                                []string
	Show, Status                            string // of presence
	Push                                    bool   // of the roster
	Subscription, Ask, Name                 string
	Reason, Text                            string // of an end
	Result                                  string // of a reading
	Fields                                  []struct{ Name, Value, Unit string }
}

// newSlixmpp starts a client that is not connected yet.
func newSlixmpp(t *testing.T, name, password string) *slixmpp {
	t.Helper()
	const python = "/usr/bin/python3" // Debian's, which has Debian's slixmpp
	if _, err := os.Stat("/usr/lib/python3/dist-packages/slixmpp"); err != nil {
		t.Fatalf("python3-slixmpp is not installed, so this was not tested: make interop-install (%v)", err)
	}
	script, err := filepath.Abs("testdata/slixmpp_client.py")
	if err != nil {
		t.Fatal(err)
	}
	c := &slixmpp{account: name + "@" + domain}
	c.process = start(t, "slixmpp "+name, nil, python, "-W", "ignore::DeprecationWarning", script, c.account, password)
	c.await(t, "start", is("begun"))
	return c
}

// slixmpp logs an account in, over STARTTLS with a verified certificate.
func (b *broker) slixmpp(t *testing.T, name string) *slixmpp {
	t.Helper()
	c := newSlixmpp(t, name, password(name))
	c.connect(t, b.starttls, b.trust, "starttls")
	return c
}

// connect logs in, or resumes the session before. tls is "starttls", "direct" or "none".
func (c *slixmpp) connect(t *testing.T, port int, trust, tls string) (resumed bool) {
	t.Helper()
	session := c.do(t, "connect", map[string]any{"port": port, "ca": trust, "tls": tls})
	c.jid, c.tls = session.JID, session.TLS
	if !strings.HasPrefix(c.jid, c.account+"/") {
		t.Fatalf("%s got the address %q", c.name, c.jid)
	}
	return session.Resumed
}

// come asks for the roster, so that the broker tells of changes (RFC 6121 §2.1.6), and sends first presence.
func (c *slixmpp) come(t *testing.T) {
	t.Helper()
	c.do(t, "roster", nil)
	c.do(t, "presence", nil)
	c.await(t, "own presence", presence(c.jid, ""))
}

// try gives a command and waits for the answer, an error or not.
func (c *slixmpp) try(t *testing.T, command string, arguments map[string]any) event {
	t.Helper()
	c.last++
	line := map[string]any{"do": command, "id": c.last}
	for key, value := range arguments {
		line[key] = value
	}
	text, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.stdin.Write(append(text, '\n')); err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	return c.await(t, "answer to "+string(text), func(e event) bool { return e.Event == "answer" && e.ID == c.last })
}

// do is try for commands that have to succeed.
func (c *slixmpp) do(t *testing.T, command string, arguments map[string]any) event {
	t.Helper()
	e := c.try(t, command, arguments)
	if e.Error != "" {
		t.Fatalf("%s cannot %s: %s %s", c.name, command, e.Error, e.XML)
	}
	return e
}

// say sends a message.
func (c *slixmpp) say(t *testing.T, to, body string) {
	t.Helper()
	c.do(t, "message", map[string]any{"to": to, "body": body})
}

// await takes the first event that fits, of those that were not taken yet.
func (c *slixmpp) await(t *testing.T, what string, fits func(e event) bool) event {
	t.Helper()
	var found event
	c.expect(t, what, func(line string) bool {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			e = event{Event: fmt.Sprintf("not understood: %v", err)}
		}
		found = e
		return fits(e)
	})
	return found
}

func is(kind string) func(e event) bool {
	return func(e event) bool { return e.Event == kind }
}

// presence fits presence of a kind, empty for available, from a full or bare address.
func presence(from, kind string) func(e event) bool {
	return func(e event) bool {
		return e.Event == "presence" && e.Type == kind && (e.From == from || strings.HasPrefix(e.From, from+"/"))
	}
}

// message fits what somebody said.
func message(from, body string) func(e event) bool {
	return func(e event) bool { return e.Event == "message" && e.From == from && e.Body == body }
}

// roster fits a roster push.
func roster(jid, subscription, ask string) func(e event) bool {
	return func(e event) bool {
		return e.Event == "roster" && e.Push && e.JID == jid && e.Subscription == subscription && e.Ask == ask
	}
}
