package stanza

import (
	"errors"
	"fmt"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// NSErrors is the namespace of the defined conditions (RFC 6120 §8.3.2).
const NSErrors = "urn:ietf:params:xml:ns:xmpp-stanzas"

// ErrorKind is the type of a stanza error: what the sender may do about it (RFC 6120 §8.3.2).
type ErrorKind string

const (
	Auth     ErrorKind = "auth"     // retry after giving credentials
	Cancel   ErrorKind = "cancel"   // do not retry
	Continue ErrorKind = "continue" // only a warning
	Modify   ErrorKind = "modify"   // retry after changing what was sent
	Wait     ErrorKind = "wait"     // retry after waiting
)

// Condition is one of the defined conditions of RFC 6120 §8.3.3. It is an error as it stands, with the error type that the
// RFC names for it.
type Condition string

const (
	BadRequest            Condition = "bad-request"
	Conflict              Condition = "conflict"
	FeatureNotImplemented Condition = "feature-not-implemented"
	Forbidden             Condition = "forbidden"
	Gone                  Condition = "gone"
	InternalServerError   Condition = "internal-server-error"
	ItemNotFound          Condition = "item-not-found"
	JIDMalformed          Condition = "jid-malformed"
	NotAcceptable         Condition = "not-acceptable"
	NotAllowed            Condition = "not-allowed"
	NotAuthorized         Condition = "not-authorized"
	PolicyViolation       Condition = "policy-violation"
	RecipientUnavailable  Condition = "recipient-unavailable"
	Redirect              Condition = "redirect"
	RegistrationRequired  Condition = "registration-required"
	RemoteServerNotFound  Condition = "remote-server-not-found"
	RemoteServerTimeout   Condition = "remote-server-timeout"
	ResourceConstraint    Condition = "resource-constraint"
	ServiceUnavailable    Condition = "service-unavailable"
	SubscriptionRequired  Condition = "subscription-required"
	UndefinedCondition    Condition = "undefined-condition"
	UnexpectedRequest     Condition = "unexpected-request"
)

// kinds are the defined conditions and the error type that RFC 6120 §8.3.3 gives each.
var kinds = map[Condition]ErrorKind{
	BadRequest:            Modify,
	Conflict:              Cancel,
	FeatureNotImplemented: Cancel,
	Forbidden:             Auth,
	Gone:                  Cancel,
	InternalServerError:   Cancel,
	ItemNotFound:          Cancel,
	JIDMalformed:          Modify,
	NotAcceptable:         Modify,
	NotAllowed:            Cancel,
	NotAuthorized:         Auth,
	PolicyViolation:       Modify,
	RecipientUnavailable:  Wait,
	Redirect:              Modify,
	RegistrationRequired:  Auth,
	RemoteServerNotFound:  Cancel,
	RemoteServerTimeout:   Wait,
	ResourceConstraint:    Wait,
	ServiceUnavailable:    Cancel,
	SubscriptionRequired:  Auth,
	UndefinedCondition:    Cancel,
	UnexpectedRequest:     Wait,
}

func (c Condition) kind() ErrorKind { return kinds[c] }

// Error implements error.
func (c Condition) Error() string { return string(c) }

// Typed makes an error of the condition with another error type than the usual.
func (c Condition) Typed(k ErrorKind) *Error { return &Error{Kind: k, Condition: c} }

// With makes an error of the condition with a text for the peer.
func (c Condition) With(format string, args ...any) *Error {
	return &Error{Kind: c.kind(), Condition: c, Text: fmt.Sprintf(format, args...)}
}

// Wrap makes an error of the condition whose cause is for the log: the peer never sees it.
func (c Condition) Wrap(cause error) *Error {
	return &Error{Kind: c.kind(), Condition: c, Cause: cause}
}

// Error is a stanza error (RFC 6120 §8.3): a half for the peer, and a Cause for the log.
type Error struct {
	Kind      ErrorKind
	Condition Condition
	Text      string
	By        jid.JID            // who reports it; may be zero
	App       *xmlstream.Element // application-specific condition; may be nil
	Code      string             // of the days before conditions (XEP-0086), where a document asks for it
	Cause     error
}

// Error implements error.
func (e *Error) Error() string {
	s := string(e.Condition)
	if e.Text != "" {
		s += ": " + e.Text
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is reports whether target is the error's condition, so that errors.Is(err, stanza.ItemNotFound) holds.
func (e *Error) Is(target error) bool {
	c, ok := target.(Condition)
	return ok && c == e.Condition
}

// WithApp returns a copy of e that carries an application-specific condition.
func (e *Error) WithApp(app *xmlstream.Element) *Error {
	c := *e
	c.App = app
	return &c
}

// AsError returns err as a stanza error. One that is no stanza error is an internal-server-error whose cause it is.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var c Condition
	if errors.As(err, &c) {
		return &Error{Kind: c.kind(), Condition: c, Cause: err}
	}
	return InternalServerError.Wrap(err)
}

// Element returns the <error/> child for the peer.
func (e *Error) Element() *xmlstream.Element {
	el := xmlstream.New(Client, "error", xmlstream.A("type", string(e.Kind)))
	if e.Code != "" {
		el = el.With(xmlstream.A("code", e.Code))
	}
	if !e.By.IsZero() {
		el = el.With(xmlstream.A("by", e.By.String()))
	}
	el = el.With(xmlstream.New(NSErrors, string(e.Condition)))
	if e.Text != "" {
		el = el.With(xmlstream.New(NSErrors, "text", xmlstream.Text(e.Text)))
	}
	return el.With(e.App)
}

// ParseError reads an <error/> child. One without a defined condition is an undefined-condition, and one without a known type has
// that of its condition. Of several conditions the first counts.
func ParseError(el *xmlstream.Element) *Error {
	e := &Error{Kind: ErrorKind(el.Attr("type")), Code: el.Attr("code")}
	e.By, _ = jid.Parse(el.Attr("by"))
	for c := range el.Children() {
		switch {
		case c.Is(NSErrors, "text"):
			e.Text = c.Text()
		case c.Space() != NSErrors:
			if e.App == nil {
				e.App = c
			}
		case e.Condition == "" && kinds[Condition(c.Local())] != "":
			e.Condition = Condition(c.Local())
		}
	}
	if e.Condition == "" {
		e.Condition = UndefinedCondition
	}
	switch e.Kind {
	case Auth, Cancel, Continue, Modify, Wait:
	default:
		e.Kind = e.Condition.kind()
	}
	return e
}

// Bounce returns the error reply to s, back to its sender, or nil where the rules forbid one: an error is never answered with
// an error, and nor is the result of an iq (RFC 6120 §8.3.1). The original content is not sent back.
func (s *Stanza) Bounce(err error) *Stanza {
	if s.Type == ErrorType || s.Kind == IQKind && s.Type == Result {
		return nil
	}
	return &Stanza{
		Kind: s.Kind, Type: ErrorType, ID: s.ID, From: s.To, To: s.From,
		Content: xmlstream.NewContent(AsError(err).Element()),
	}
}
