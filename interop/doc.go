// Package interop holds the broker against clients that nobody here wrote: slixmpp, go-sendxmpp and profanity, from Debian, and
// against a parser of XML that is not ours, expat. "make interop" installs them and runs the tests, which have the build tag
// interop.
//
// Each test starts a broker of its own from cmd/comity, on the loopback interface and on ports that were free, and ends all that it
// started by process id. A client that is not installed fails the tests that need it. TestDisk has no client of others: it fills
// the disk of a broker, for which it needs root.
//
// TestProsody and TestEjabberd hold the transcripts of package spec/transcript, which our broker passes, against servers that nobody
// here wrote. They have tables of what those do not pass, and why.
//
// Missing: federation with other servers, web clients, phones.
package interop
