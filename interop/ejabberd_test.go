//go:build interop

package interop

import (
	"fmt"
	"path/filepath"
	"testing"
)

// fewestOfEjabberd is how many transcripts ejabberd passes at least, so that none gets lost.
const fewestOfEjabberd = 75

// ejabberdSettings takes the domain, the file of the certificate, and the port.
//
// It may not offer channel binding: it knows tls-unique alone, which TLS 1.3 has not (RFC 9266 §1), does not say so, and would refuse
// our client's tls-exporter.
const ejabberdSettings = `
loglevel: info
hosts: [%[1]q]
certfiles: [%[2]q]
listen:
  - ip: "127.0.0.1"
    port: %[3]d
    module: ejabberd_c2s
    starttls_required: true
    max_stanza_size: 262144
auth_method: internal
auth_password_format: plain # for SCRAM-SHA-1 and SCRAM-SHA-256
disable_sasl_mechanisms: [scram-sha-1-plus, scram-sha-256-plus, scram-sha-512-plus]
registration_timeout: infinity
s2s_access: none
modules:
  mod_blocking: {}
  mod_carboncopy: {}
  mod_client_state: {}
  mod_disco: {}
  mod_last: {}
  mod_offline: {}
  mod_ping: {}
  mod_privacy: {}
  mod_register: {access: all, ip_access: all}
  mod_roster: {versioning: true}
  mod_stream_mgmt: {}
  mod_time: {}
  mod_version: {}
`

// ejabberdDeviations are the transcripts that ejabberd 23.01 does not pass, as Debian 12 has it: where it does what the document
// forbids, where it makes another choice of those that the document gives, and where the document is silent.
var ejabberdDeviations = map[string]string{
	"rfc6120-10.4-remote.txt":              "may not look for other servers here, and says so: no test asks the DNS",
	"rfc6120-11.1-comments.txt":            "ignores comments and processing instructions, where RFC 6120 §11.1 has an error",
	"rfc6120-13.12-limits.txt":             "has other limits, which RFC 6120 §13.12 leaves to a server",
	"rfc6120-4.7.5-no-version.txt":         "takes a client that names no version for one of Jabber, as RFC 6120 §4.7.5 has it",
	"rfc6120-4.8.2-prefix-free.txt":        "refuses with invalid-xml a stream without a default content namespace, which RFC 6120 §4.8.2 lets be; our broker is wrong too",
	"rfc6120-4.9.3.1-text.txt":             "ignores text between stanzas; of RFC 6120 §4.9.3.1 that need not be an error",
	"rfc6120-4.9.3.18-restricted-xml.txt":  "ignores comments and processing instructions, and calls entities not-well-formed: RFC 6120 §11.1",
	"rfc6120-4.9.3.22-encoding.txt":        "says nothing until there is a whole header, so not unsupported-encoding: RFC 6120 §4.9.3.22",
	"rfc6120-4.9.3.24-top-level.txt":       "ignores what is no stanza, without the error of RFC 6120 §4.9.3.24",
	"rfc6120-5.4-injection.txt":            "says proceed and takes what came behind starttls for the handshake, which then fails; RFC 6120 §5.4.3.3 has no words for it",
	"rfc6120-6.4.5-attempts.txt":           "lets logins fail without end; RFC 6120 §6.4.5 recommends a limit",
	"rfc6120-6.5-malformed.txt":            "calls both not-authorized: RFC 6120 §6.5.5, §6.5.9",
	"rfc6120-7.1-before-bind.txt":          "ignores stanzas before the resource: RFC 6120 §7.1",
	"rfc6120-8.3.3.8-jid-malformed.txt":    "calls it bad-request: RFC 6120 §8.3.3.8",
	"rfc6121-2.2-interested.txt":           "pushes to clients that have not asked for the roster: RFC 6121 §2.2",
	"rfc6121-2.3.3-not-acceptable.txt":     "calls a group without a name bad-request: RFC 6121 §2.3.3",
	"rfc6121-2.5.3-not-there.txt":          "deletes what is not there, and pushes that: RFC 6121 §2.5.3",
	"rfc6121-3.1.3-subscribed-already.txt": "sends no presence to who is subscribed already and asks again; RFC 6121 §3.1.3 asks for none",
	"rfc6121-3.1.3-whole-request.txt":      "keeps of a request the status alone: RFC 6121 §3.1.3",
	"rfc6121-4.3.2-probe-nobody.txt":       "does not answer a probe where nobody is available, as RFC 6121 §4.3.2 says it should",
	"rfc6121-8.5.1-disco.txt":              "says subscription-required: RFC 6121 §8.5.1 has service-unavailable",
	"rfc6121-8.5.1-message-errors.txt":     "answers headlines with an error too, the other choice of RFC 6121 §8.5.1",
	"rfc6121-8.5.2-all-resources.txt":      "sends a message to the resource of the highest priority alone, the other choice of RFC 6121 §8.5.2.1.1",
	"rfc6121-8.5.2-to.txt":                 "rewrites the to of presence to the resource that gets it: RFC 6121 §8.5.2.1.2",
	"rfc6121-8.5.3.2-chat.txt":             "rewrites the to of chat for a resource that is not there: RFC 6121 §8.5.3.2.1, §8.5.2.1.1",
	"rfc6121-8.5.3.2-errors.txt":           "is silent about headlines, the other choice of RFC 6121 §8.5.3.2.1; and see rfc6121-8.5.3.2-normal.txt",
	"rfc6121-8.5.3.2-normal.txt":           "gives a normal message for a resource that is not there to another, or keeps it: RFC 6121 §8.5.3.2.1",
	"xep0012-forbidden.txt":                "says subscription-required, not forbidden: XEP-0012#offline",
	"xep0077-cancel.txt":                   "ends the stream with conflict, not not-authorized: XEP-0077#usecases-cancel; its result comes from the full address: RFC 6120 §8.1.2.1",
	"xep0077-weak-password.txt":            "takes any password; XEP-0077 names no least length",
	"xep0160-refused.txt":                  "keeps what things say; XEP-0160#types leaves it the choice",
	"xep0191-blocked-out.txt":              "refuses what is for who is blocked with an error of type modify and without blocked: XEP-0191#block",
	"xep0191-own.txt":                      "has who blocks the own domain not reach herself: of XEP-0191#matching that is one reading, ours is another",
	"xep0191-presence.txt":                 "does not let who is blocked see that the account is gone: XEP-0191#block",
	"xep0198-too-high.txt":                 "says in words alone, without handled-count-too-high, that more was acknowledged than was sent: XEP-0198#errors",
	"xep0198-unacknowledged.txt":           "says to the sender what was not acknowledged, the other choice of XEP-0198#acking",
	"xep0280-not-available.txt":            "copies to available sessions alone, where XEP-0280#inbound has all that asked",
	"xep0323-relay-gone.txt":               "gives a normal message for a resource that is not there to another: RFC 6121 §8.5.3.2.1",
}

// TestEjabberd plays the transcripts against ejabberd. It is started without Erlang's distribution, so that there is no epmd.
func TestEjabberd(t *testing.T) {
	t.Parallel()
	program := installed(t, "erl")
	code, err := filepath.Glob("/usr/lib/*/ejabberd-*/ebin")
	if err != nil || len(code) == 0 {
		t.Fatalf("ejabberd is not installed, so this was not tested: make interop-install (%v %v)", code, err)
	}
	s := newPeerServer(t)
	settings := s.write(t, "ejabberd.yml", fmt.Sprintf(ejabberdSettings, peerDomain, s.pem, s.port))
	env := []string{"EJABBERD_CONFIG_PATH=" + settings, "EJABBERD_LOG_PATH=" + s.folder + "/log", "HOME=" + s.folder}
	s.serve(t, "ejabberd", "Start accepting TCP connections at 127.0.0.1", env, program,
		"-noinput", "-pa", code[0], "-mnesia", "dir", fmt.Sprintf("%q", s.folder+"/mnesia"), "-s", "ejabberd")
	s.play(t, fewestOfEjabberd, ejabberdDeviations)
}
