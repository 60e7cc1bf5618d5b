package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"

	"github.com/comity-iot/comity/server/config"
	"github.com/comity-iot/comity/server/control"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// exitCode is what the program tells the shell.
type exitCode int

const (
	done        exitCode = 0 // what was asked is done
	failed      exitCode = 1
	wrongUsage  exitCode = 2 // arguments or settings that make no sense
	notFound    exitCode = 3 // no such account, key, thing, file
	refused     exitCode = 4 // forbidden, exists already, not acceptable
	unreachable exitCode = 5 // no broker, no such server, no answer in time
)

// advised is an error with a code of its own, and what to do about it.
type advised struct {
	error
	code   exitCode // 0 for that of the error
	advice string   // a sentence or a command; may be empty
}

// Unwrap returns the error without advice.
func (a *advised) Unwrap() error { return a.error }

// advise adds to an error what to do about it.
func advise(err error, format string, args ...any) error {
	return &advised{err, done, fmt.Sprintf(format, args...)}
}

// usageError is a mistake in the arguments.
func usageError(err error, format string, args ...any) error {
	return &advised{err, wrongUsage, fmt.Sprintf(format, args...)}
}

// codeOf returns the code for an error. Package stanza's conditions are those of RFC 6120 §8.3.3.
func codeOf(err error) exitCode {
	var (
		own     *advised
		setting *config.Error
		network net.Error
	)
	switch {
	case err == nil:
		return done
	case errors.As(err, &own) && own.code != done:
		return own.code
	case errors.As(err, &setting):
		return wrongUsage
	case errors.Is(err, store.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return notFound
	case errors.Is(err, fs.ErrPermission):
		return refused
	case errors.Is(err, control.ErrNotRunning), errors.Is(err, context.DeadlineExceeded):
		return unreachable
	}
	switch stanza.AsError(err).Condition {
	case stanza.ItemNotFound:
		return notFound
	case stanza.Conflict, stanza.Forbidden, stanza.NotAcceptable, stanza.NotAllowed, stanza.NotAuthorized, stanza.PolicyViolation,
		stanza.RegistrationRequired, stanza.ResourceConstraint, stanza.SubscriptionRequired:
		return refused
	case stanza.RemoteServerNotFound, stanza.RemoteServerTimeout, stanza.RecipientUnavailable:
		return unreachable
	}
	if errors.As(err, &network) && network.Timeout() {
		return unreachable
	}
	return failed
}

// wording is what people read of an error.
func wording(err error) string {
	var own *advised
	if errors.As(err, &own) && own == err {
		return wording(own.error)
	}
	if e, ok := err.(*stanza.Error); ok && e.Text != "" {
		return plain(e.Text) // the condition is for programs
	}
	if errors.Is(err, context.Canceled) {
		return "stopped"
	}
	return err.Error()
}
