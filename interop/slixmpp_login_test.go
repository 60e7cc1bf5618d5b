//go:build interop

package interop

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestSlixmppLogsInBySCRAM: slixmpp 1.8 knows of channel bindings only tls-unique, which TLS 1.3 does not have. It has to get in by
// SCRAM all the same, and must never be driven to PLAIN.
func TestSlixmppLogsInBySCRAM(t *testing.T) {
	t.Parallel()
	b := serve(t, []string{"alice"})
	for how, port := range map[string]int{"starttls": b.starttls, "direct": b.direct} {
		c := newSlixmpp(t, "alice", password("alice"))
		c.connect(t, port, b.trust, how)
		if c.tls != "TLSv1.3" {
			t.Errorf("%s: speaks %s, want TLSv1.3", how, c.tls)
		}
		if mechanism := b.loggedIn(t, "alice"); mechanism != "SCRAM-SHA-512" {
			t.Errorf("%s: logged in by %s, want SCRAM-SHA-512", how, mechanism)
		}
		c.do(t, "close", nil)
		c.await(t, "end", is("disconnected"))
	}
}

// TestSlixmppIsRefused: wrong passwords and unknown accounts look the same from outside. RFC 6120 §13.11
func TestSlixmppIsRefused(t *testing.T) {
	t.Parallel()
	b := serve(t, []string{"alice"})
	seen := map[string]string{}
	for _, name := range []string{"alice", "nobody"} {
		c := newSlixmpp(t, name, "not the password")
		answer := c.try(t, "connect", map[string]any{"port": b.starttls, "ca": b.trust})
		if answer.Error == "" {
			t.Errorf("%s got in with a wrong password", name)
		}
		for _, line := range c.out.lines() {
			if strings.Contains(line, `"refused"`) {
				seen[name] += line + "\n"
			}
		}
	}
	if seen["alice"] != seen["nobody"] || !strings.Contains(seen["alice"], "not-authorized") {
		t.Errorf("an account that exists is refused so:\n%sand one that does not so:\n%s", seen["alice"], seen["nobody"])
	}
}

// TestSlixmppDistrusts: these clients verify certificates, for with another broker's authority they do not come in.
func TestSlixmppDistrusts(t *testing.T) {
	t.Parallel()
	b := serve(t, []string{"alice"})
	other := serve(t, []string{"alice"})
	c := newSlixmpp(t, "alice", password("alice"))
	answer := c.try(t, "connect", map[string]any{"port": b.starttls, "ca": filepath.Join(other.data, "ca.pem")})
	if answer.Error == "" {
		t.Fatal("logged in to a broker with a certificate of an unknown authority")
	}
	c.await(t, "complaint", is("untrusted"))
}
