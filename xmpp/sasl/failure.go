package sasl

import "errors"

// Condition is the name of a SASL failure as sent in <failure/>. RFC 6120 §6.5
// It is an error itself, for failures without a cause worth logging.
type Condition string

// The conditions of RFC 6120 §6.5, in its order.
const (
	Aborted              Condition = "aborted"
	AccountDisabled      Condition = "account-disabled"
	CredentialsExpired   Condition = "credentials-expired"
	EncryptionRequired   Condition = "encryption-required"
	IncorrectEncoding    Condition = "incorrect-encoding"
	InvalidAuthzID       Condition = "invalid-authzid"
	InvalidMechanism     Condition = "invalid-mechanism"
	MalformedRequest     Condition = "malformed-request"
	MechanismTooWeak     Condition = "mechanism-too-weak"
	NotAuthorized        Condition = "not-authorized"
	TemporaryAuthFailure Condition = "temporary-auth-failure"
)

// Error returns the condition's name with the package before it.
func (c Condition) Error() string { return "sasl: " + string(c) }

// Wrap returns a Failure of this condition because of cause.
func (c Condition) Wrap(cause error) error { return &Failure{Condition: c, Cause: cause} }

// Failure is a refusal with a half for the peer and a half for the log: the condition is sent, the cause never is,
// for it may say that a user does not exist.
type Failure struct {
	Condition Condition
	Cause     error
}

// Error describes both halves, for the log.
func (f *Failure) Error() string { return f.Condition.Error() + ": " + f.Cause.Error() }

// Unwrap lets errors.Is find the condition as well as the cause.
func (f *Failure) Unwrap() []error { return []error{f.Condition, f.Cause} }

// failed returns err as one that carries a condition.
func failed(err error) error {
	if _, ok := errors.AsType[Condition](err); ok {
		return err
	}
	return TemporaryAuthFailure.Wrap(err)
}

// ConditionOf returns what to tell the peer of err: its condition, or TemporaryAuthFailure if it has none, since then
// the fault is ours.
func ConditionOf(err error) Condition {
	if c, ok := errors.AsType[Condition](err); ok {
		return c
	}
	return TemporaryAuthFailure
}
