// Package ping implements XMPP Ping, XEP-0199 (2.0.1): is the other side there, and how far away.
//
// The broker answers at its domain, at each service, and for an account to that account itself. To anybody else a bare JID does
// not answer, for the answer would tell which accounts exist.
package ping

// NS is the namespace, and the disco feature of who answers.
const NS = "urn:xmpp:ping"
