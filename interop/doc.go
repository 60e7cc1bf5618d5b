// Package interop holds the broker against clients that nobody here wrote: slixmpp, go-sendxmpp and profanity, from Debian, and
// against a parser of XML that is not ours, expat. "make interop" installs them and runs the tests, which have the build tag
// interop.
//
// Each test starts a broker of its own from cmd/comity, on the loopback interface and on ports that were free, and ends all that it
// started by process id. A client that is not installed fails the tests that need it.
//
// Missing: other servers (federation), web clients, phones.
package interop
