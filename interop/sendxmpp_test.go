//go:build interop

package interop

import (
	"fmt"
	"io"
	"testing"
)

// sendxmpp starts go-sendxmpp, which verifies the broker's certificate. It knows no login but PLAIN.
func (b *broker) sendxmpp(t *testing.T, name string, direct bool, args ...string) *process {
	t.Helper()
	port, flags := b.starttls, []string{}
	if direct {
		port, flags = b.direct, []string{"--tls"}
	}
	flags = append(flags, "-u", name+"@"+domain, "-p", password(name), "-j", fmt.Sprintf("127.0.0.1:%d", port))
	env := []string{"SSL_CERT_FILE=" + b.trust, "HOME=" + t.TempDir()}
	return start(t, "go-sendxmpp "+name, env, installed(t, "go-sendxmpp"), append(flags, args...)...)
}

// TestSendxmppTalks: what it is given on its standard input arrives, and what it is sent it prints. It ends what it writes behind
// <starttls/> and <auth/> with line feeds.
func TestSendxmppTalks(t *testing.T) {
	t.Parallel()
	b := serve(t, []string{"alice", "bob"})
	alice := b.slixmpp(t, "alice")
	alice.come(t)
	for how, direct := range map[string]bool{"starttls": false, "direct": true} {
		body := "over " + how + ": <b> & ünd\nsecond line"
		sender := b.sendxmpp(t, "bob", direct, alice.account)
		if _, err := io.WriteString(sender.stdin, body); err != nil {
			t.Fatal(err)
		}
		sender.stdin.Close()
		sender.wait(t)
		if mechanism := b.loggedIn(t, "bob"); mechanism != "PLAIN" {
			t.Errorf("%s: logged in by %s", how, mechanism)
		}
		e := alice.await(t, "message", func(e event) bool { return e.Event == "message" && e.Body == body })

		listener := b.sendxmpp(t, "bob", direct, "--listen")
		b.loggedIn(t, "bob") // what is said before his presence waits for him
		alice.say(t, "bob@"+domain, "answer over "+how)
		listener.expect(t, "answer", has(alice.account+": answer over "+how))
		if e.Type != "chat" {
			t.Errorf("%s: a message of type %q", how, e.Type)
		}
		listener.cmd.Process.Kill()
		<-listener.ended
	}
}
