package stream

import (
	"errors"
	"fmt"

	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Condition is a defined condition of stream errors, RFC 6120 §4.9.3. It is an error as it stands.
type Condition string

const (
	BadFormat             Condition = "bad-format"
	BadNamespacePrefix    Condition = "bad-namespace-prefix"
	Conflict              Condition = "conflict"
	ConnectionTimeout     Condition = "connection-timeout"
	HostGone              Condition = "host-gone"
	HostUnknown           Condition = "host-unknown"
	ImproperAddressing    Condition = "improper-addressing"
	InternalServerError   Condition = "internal-server-error"
	InvalidFrom           Condition = "invalid-from"
	InvalidNamespace      Condition = "invalid-namespace"
	InvalidXML            Condition = "invalid-xml"
	NotAuthorized         Condition = "not-authorized"
	NotWellFormed         Condition = "not-well-formed"
	PolicyViolation       Condition = "policy-violation"
	RemoteConnectionFail  Condition = "remote-connection-failed"
	Reset                 Condition = "reset"
	ResourceConstraint    Condition = "resource-constraint"
	RestrictedXML         Condition = "restricted-xml"
	SeeOtherHost          Condition = "see-other-host"
	SystemShutdown        Condition = "system-shutdown"
	UndefinedCondition    Condition = "undefined-condition"
	UnsupportedEncoding   Condition = "unsupported-encoding"
	UnsupportedFeature    Condition = "unsupported-feature"
	UnsupportedStanzaType Condition = "unsupported-stanza-type"
	UnsupportedVersion    Condition = "unsupported-version"
)

// Error implements error.
func (c Condition) Error() string { return "stream: " + string(c) }

// With makes an error of the condition with a text for the peer.
func (c Condition) With(format string, args ...any) *Error {
	return &Error{Condition: c, Text: fmt.Sprintf(format, args...)}
}

// Error is a stream error: it ends the stream (RFC 6120 §4.9).
type Error struct {
	Condition Condition
	Text      string
	Host      string             // of SeeOtherHost: where to connect instead, "domain" or "domain:port"
	App       *xmlstream.Element // application-specific condition; may be nil
}

// Error implements error.
func (e *Error) Error() string {
	if e.Text == "" {
		return e.Condition.Error()
	}
	return e.Condition.Error() + ": " + e.Text
}

// Is reports whether target is the error's condition.
func (e *Error) Is(target error) bool {
	c, ok := target.(Condition)
	return ok && c == e.Condition
}

// AsError returns the stream error to send for err: the one it is, the one that stands for what the tokenizer found, or nil where
// the network failed and nobody is there to be told.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var c Condition
	if errors.As(err, &c) {
		return &Error{Condition: c}
	}
	var syntax *xmlstream.SyntaxError
	if errors.As(err, &syntax) {
		return &Error{Condition: Condition(syntax.Condition), Text: syntax.Detail}
	}
	if errors.Is(err, transport.ErrNotStream) {
		return &Error{Condition: InvalidNamespace}
	}
	return nil
}

// Element returns the error as it is sent.
func (e *Error) Element() Raw {
	condition := xmlstream.New(NSErrors, string(e.Condition))
	if e.Condition == SeeOtherHost {
		condition = condition.With(xmlstream.Text(e.Host)) // RFC 6120 §4.9.3.19
	}
	children := []*xmlstream.Element{condition}
	if e.Text != "" {
		children = append(children, xmlstream.New(NSErrors, "text", xmlstream.Text(e.Text)))
	}
	return Raw{local: "error", children: append(children, e.App)}
}

// ParseError reads a received <stream:error/>.
func ParseError(el *xmlstream.Element) *Error {
	e := &Error{Condition: UndefinedCondition}
	for c := range el.Children() {
		switch {
		case c.Is(NSErrors, "text"):
			e.Text = c.Text()
		case c.Space() == NSErrors:
			e.Condition = Condition(c.Local())
			if e.Condition == SeeOtherHost {
				e.Host = c.Text()
			}
		default:
			e.App = c
		}
	}
	return e
}
