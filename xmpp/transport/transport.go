// Package transport is the seam between XML streams and what carries them: Conn, and TCP with TLS.
// WebSocket, BOSH and EXI are packages of their own below it, so that a sensor links only what it uses.
package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Conn carries one XML stream after the other between two parties. One goroutine reads and one writes at a time;
// Close may be called by any, and ends both.
type Conn interface {
	// Next reads until the peer's next header, top-level element or end of stream is complete, and returns which.
	// Tokens holds it until the next call. The error is a *xmlstream.SyntaxError where the peer broke the rules of XML, and
	// that of the network otherwise; after one that is a timeout reading may go on.
	Next() (xmlstream.Kind, error)
	// Tokens gives access to what Next found.
	Tokens() *xmlstream.Tokenizer
	// Header returns the header that Next found.
	Header() Header
	// Restart makes ready for the peer's new header, after TLS and after SASL.
	Restart() error

	// Open sends a header.
	Open(Header) error
	// Write sends items of a stream, as one write where the carrier allows it. Any error is final: later writes return it again.
	Write(items ...xmlstream.Appender) error
	// End sends the end of the stream.
	End() error

	// Secure turns on TLS, as server or as client. It refuses where the peer has sent more already: that would be
	// plaintext taken for protected. RFC 6120 §5.4.3.3
	Secure(ctx context.Context, cfg *tls.Config, server bool) error
	// TLS returns the state of TLS, nil without.
	TLS() *tls.ConnectionState

	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
	RemoteAddr() net.Addr
	Close() error
}

// Rester is a Conn that can free what it need not hold while it is idle. Rest reports whether it is, and whether it holds part of a
// TLS record, of which the peer owes the rest. With trim it also frees what crypto/tls keeps, and only then can it see the part.
type Rester interface {
	Rest(trim bool) (idle, partial bool)
}

// Header is what a stream starts with (RFC 6120 §4.7), as the peer wrote it. Version is empty where it was absent.
type Header struct {
	To, From, ID, Lang, Version string
	Content                     string // the content namespace
}

// ErrInjected is the error of Secure where plaintext was waiting behind the request for TLS.
var ErrInjected = errors.New("transport: data behind starttls")

// ErrNotStream is the error of Next where a well-formed document is no XMPP stream.
var ErrNotStream = errors.New("transport: root element is not a stream")
