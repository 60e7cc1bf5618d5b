//go:build interop

package interop

import (
	"fmt"
	"testing"
)

// fewestOfProsody is how many transcripts Prosody passes at least, so that none gets lost.
const fewestOfProsody = 80

// prosodySettings takes the folder, the port, the domain, and the file of the certificate.
const prosodySettings = `
run_as_root = true -- where the tests are
pidfile = %[1]q .. "/pid"
data_path = %[1]q
certificates = %[1]q
log = { { levels = { min = "info" }, to = "console" } }
interfaces = { "127.0.0.1" }
c2s_ports = { %[2]d }
modules_disabled = { "s2s" }
modules_enabled = {
	"roster", "saslauth", "tls", "disco", "posix", "register",
	"blocklist", "carbons", "lastactivity", "ping", "smacks", "time", "uptime", "version",
}
authentication = "internal_plain" -- for SCRAM-SHA-1 and SCRAM-SHA-256
c2s_require_encryption = true
c2s_stanza_size_limit = 262143 -- rfc6120-13.12-stanza-size.txt sends one byte more
allow_registration = true

VirtualHost %[3]q
	ssl = { key = %[4]q, certificate = %[4]q }
`

// prosodyDeviations are the transcripts that Prosody 0.12.3 does not pass, as Debian 12 has it: where it does what the document
// forbids, where it makes another choice of those that the document gives, and where the document is silent.
var prosodyDeviations = map[string]string{
	"rfc6120-10.4-remote.txt":              "may not look for other servers here, and says so: no test asks the DNS",
	"rfc6120-13.12-limits.txt":             "has other limits, which RFC 6120 §13.12 leaves to a server",
	"rfc6120-4.7.3-id.txt":                 "its header has neither id nor version where an error follows at once: RFC 6120 §4.7.3, §4.7.5",
	"rfc6120-4.7.5-no-version.txt":         "serves a client that names no version, which RFC 6120 §4.7.5 does not forbid",
	"rfc6120-4.8.2-content-namespace.txt":  "takes a stream of servers from a client, without the error of RFC 6120 §4.9.3.10",
	"rfc6120-4.8.2-prefix-free.txt":        "takes a stream without a default content namespace, as RFC 6120 §4.8.2 lets it be; our broker is the one that is wrong",
	"rfc6120-4.9.3.1-text.txt":             "ignores text between stanzas; of RFC 6120 §4.9.3.1 that need not be an error",
	"rfc6120-4.9.3.12-before-login.txt":    "answers stanzas before the login with stanza errors, and goes on: RFC 6120 §4.9.3.12",
	"rfc6120-4.9.3.18-restricted-xml.txt":  "calls it not-well-formed, where RFC 6120 §11.1 says that it should be restricted-xml",
	"rfc6120-4.9.3.22-encoding.txt":        "calls it not-well-formed, not unsupported-encoding: RFC 6120 §4.9.3.22",
	"rfc6120-4.9.3.25-version.txt":         "speaks 1.0 with a client of 11.0, the lower of the two as RFC 6120 §4.7.5 has it",
	"rfc6120-4.9.3.9-invalid-from.txt":     "puts in the right from, as RFC 6120 §8.1.2.1 has it, in place of an error",
	"rfc6120-5.4-injection.txt":            "says proceed and reads what came behind starttls as the next stream, in the clear, where RFC 6120 §5.4.3.3 has a handshake",
	"rfc6120-6.4.5-attempts.txt":           "lets logins fail without end; RFC 6120 §6.4.5 recommends a limit",
	"rfc6120-7.1-before-bind.txt":          "answers stanzas before the resource with stanza errors, and goes on: RFC 6120 §7.1",
	"rfc6121-2.3.3-duplicate-group.txt":    "takes the same group twice: RFC 6121 §2.3.3",
	"rfc6121-2.3.3-not-acceptable.txt":     "takes a group without a name: RFC 6121 §2.3.3",
	"rfc6121-2.5-remove-friend.txt":        "sends no unavailable presence to who is not subscribed any more: RFC 6121 §3.3.3",
	"rfc6121-3.1.3-nobody.txt":             "acknowledges a request for nobody as it does others, so that they look alike; RFC 6121 §3.1.3 has it ignored",
	"rfc6121-3.1.3-subscribed-already.txt": "pushes the item and sends the presence twice, though nothing changes; RFC 6121 §3.1.3 asks for neither",
	"rfc6121-3.3-give-up.txt":              "sends no unavailable presence to who is not subscribed any more: RFC 6121 §3.3.3",
	"rfc6121-3.4-preapproval.txt":          "its pushes do not say that an item is approved: RFC 6121 §3.4.2",
	"rfc6121-8.5.2-all-resources.txt":      "sends a message to the resource of the highest priority alone, the other choice of RFC 6121 §8.5.2.1.1",
	"rfc6121-8.5.3.2-errors.txt":           "is silent about headlines, the other choice of RFC 6121 §8.5.3.2.1; and see rfc6121-8.5.3.2-normal.txt",
	"rfc6121-8.5.3.2-normal.txt":           "gives a normal message for a resource that is not there to another, or keeps it: RFC 6121 §8.5.3.2.1",
	"xep0077-weak-password.txt":            "takes any password; XEP-0077 names no least length",
	"xep0160-negative.txt":                 "hands over with the first presence alone, not when a priority stops being negative: XEP-0160#flow",
	"xep0160-offline.txt":                  "keeps the state of a chat, which XEP-0160#types says it should not",
	"xep0160-refused.txt":                  "keeps most things, and says nothing where it does not; XEP-0160#types leaves it the choice of all but chat states",
	"xep0191-blocked-full.txt":             "drops a message for a session that blocks its sender, where XEP-0191#block says that it should come back",
	"xep0191-own.txt":                      "has who blocks the own domain not reach herself: of XEP-0191#matching that is one reading, ours is another",
	"xep0198-replaced.txt":                 "cuts the old stream without the error that XEP-0198#resumption says it should have",
	"xep0198-too-high.txt":                 "takes an acknowledgement of what it has not sent: XEP-0198#errors",
	"xep0323-relay-gone.txt":               "gives a normal message for a resource that is not there to another: RFC 6121 §8.5.3.2.1",
	"xep0334-no-store.txt":                 "keeps what is not to be stored: XEP-0334#no-store",
}

// TestProsody plays the transcripts against Prosody.
func TestProsody(t *testing.T) {
	t.Parallel()
	program := installed(t, "prosody")
	s := newPeerServer(t)
	settings := s.write(t, "prosody.cfg.lua", fmt.Sprintf(prosodySettings, s.folder, s.port, peerDomain, s.pem))
	s.serve(t, "prosody", "Activated service 'c2s' on [127.0.0.1]", nil, program, "-F", "--config", settings)
	s.play(t, fewestOfProsody, prosodyDeviations)
}
