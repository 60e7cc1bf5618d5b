// Package sasl implements both sides of the SASL mechanisms of XMPP (RFC 4422, RFC 6120 §6), free of XML and base64:
// SCRAM with SHA-1 (RFC 5802), SHA-256 (RFC 7677) and SHA-512 (draft-melnikov-scram-sha-512), each also bound to the
// TLS connection (-PLUS, RFC 5929 tls-server-end-point and RFC 9266 tls-exporter, chosen by XEP-0440 version 1.0.0),
// and PLAIN (RFC 4616).
//
// A server keeps Keys, never passwords, and a login costs it a few hashes: only the client stretches the password.
// A user that does not exist is answered like one that does, with the same salt each time.
//
// Missing: EXTERNAL, OAUTHBEARER, FAST tokens, XEP-0474 (downgrade protection for lists without -PLUS), tls-unique
// (unsafe, and crypto/tls rightly hides it), pinning of mechanisms between logins (XEP-0438#pinning), and a client's
// cache of its stretched password.
//
// SCRAM is written here, on crypto/hmac and crypto/pbkdf2, rather than taken from github.com/xdg-go/scram: a server
// there fixes one type of channel binding before it has seen the client's choice, ends the exchange for an unknown
// user, looks keys up without a context, and lets -PLUS be used under a plain name; a client there has no upper bound
// on the work a hostile server may demand. It is the independent second opinion in this package's tests instead.
package sasl

import (
	"context"
	"errors"
)

// Limits on what a peer may ask for.
const (
	// MinIterations is the least stretching that a client accepts and DeriveKeys makes. RFC 5802 §5.1, RFC 7677 §4
	MinIterations = 4096
	// MaxIterations bounds the work a hostile server can make a client do: half a second of a server's core with SHA-512.
	MaxIterations = 1_000_000
	// DefaultIterations suits new accounts. The server stretches nothing in SCRAM, so a login costs it the same ten
	// microseconds or so at any count; the price is paid by each thing at each login (2 ms of a server's core with
	// SHA-256, 5 ms with SHA-512, more on a small board), and by the server only for PLAIN.
	DefaultIterations = 10_000

	// maxMessage in bytes holds a username and an authorization identity of the longest JID parts with every
	// character escaped.
	maxMessage = 16 << 10
)

// Errors that a caller may want to tell apart, by errors.Is.
var (
	// ErrNoUser is what Credentials answer for an account that does not exist or has no keys of the hash asked for.
	ErrNoUser = errors.New("no such user")
	// ErrPassword: the password is empty, not UTF-8, or has characters that SASLprep (RFC 4013) forbids.
	ErrPassword = errors.New("password cannot be used")
	// ErrUsername: the username is empty, not UTF-8, or has characters that SASLprep (RFC 4013) forbids.
	ErrUsername = errors.New("username cannot be used")
	// ErrNoMechanism: nothing that the server offers is known and allowed here.
	ErrNoMechanism = errors.New("no mechanism in common")
	// ErrDowngrade: someone between the two changed what the server offers.
	ErrDowngrade = errors.New("offer of mechanisms was tampered with")
	// ErrBinding: the two ends do not share one TLS connection, or do not agree how to prove it.
	ErrBinding = errors.New("channel binding does not match")
	// ErrBindingType: the client asked for a type of channel binding that the connection does not have.
	ErrBindingType = errors.New("no such channel binding")
	// ErrProof: the peer does not know the password (a client) or the keys (a server).
	ErrProof = errors.New("proof is wrong")
	// ErrIterations: the server asks for too little stretching to be safe, or too much to be honest.
	ErrIterations = errors.New("iteration count out of bounds")

	errTooLong = errors.New("message too long")
	errTurn    = errors.New("message out of turn")
)

// Client is one attempt to log in. Its errors end the attempt: send <abort/> and close.
type Client interface {
	// Name is the mechanism's name.
	Name() string
	// Start returns the initial response: nil means none, empty but not nil means "=" on the wire. RFC 6120 §6.4.2
	Start() (initial []byte, err error)
	// Next answers a challenge, or takes the data that came with success, whose answer is not sent.
	Next(challenge []byte) (response []byte, err error)
	// Done reports that the server has proved all that the mechanism lets it prove. A success that leaves it false is
	// a lie, and the stream must be closed.
	Done() bool
}

// Server is one attempt of a client to log in. Its errors carry a Condition and end the attempt.
type Server interface {
	// Name is the mechanism's name.
	Name() string
	// Next takes a response: nil when <auth/> had none, empty but not nil for "=". The challenge is sent on its own
	// when done is false and inside success when done is true; nil means no data.
	Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error)
	// Username is who the client says it is, in its own spelling, not yet a valid localpart. Proved only when done.
	Username() string
	// AuthzID is whom the client wants to act as, or empty for itself; the caller decides whether it may, and answers
	// InvalidAuthzID. RFC 6120 §6.3.8
	AuthzID() string
}

// Credentials are how a server knows its accounts.
type Credentials interface {
	// Keys returns an account's keys of hash h; for AnyHash, those the account is cheapest to check with, SHA-256 if
	// there are any. The username is as the client sent it: the implementation normalises it (RFC 7622 §3.3).
	// ErrNoUser leads to an exchange with fake keys that fails at its end; any other error to
	// TemporaryAuthFailure unless it carries a Condition. An account that is disabled has its keys returned as usual,
	// and is refused when the exchange is done, so that only its owner learns of it.
	Keys(ctx context.Context, username string, h Hash) (Keys, error)
}

// Verifier is what Credentials may also be: able to check a password in clear, where no keys are stored (a directory,
// a token). PLAIN prefers it. It returns ErrNoUser or ErrProof if the password is not the account's.
type Verifier interface {
	Verify(ctx context.Context, username, password string) error
}
