package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// env is all that a command has of the world around it, so that tests can hand in another.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string // "KEY=value"
	signals        <-chan os.Signal
	json           bool
}

// say prints for people; programs, who asked for JSON, do not see it.
func (e *env) say(format string, args ...any) {
	if !e.json {
		fmt.Fprintf(e.stdout, format+"\n", args...)
	}
}

// tell prints a value for programs, as one line of JSON, and otherwise what people read.
func (e *env) tell(value any, format string, args ...any) error {
	if e.json {
		return json.NewEncoder(e.stdout).Encode(value)
	}
	_, err := fmt.Fprintf(e.stdout, format+"\n", args...)
	return err
}

// report prints an error and what to do about it, and returns the code to exit with.
func (e *env) report(err error) exitCode {
	if err == nil {
		return done
	}
	code, text, advice := codeOf(err), wording(err), ""
	var own *advised
	if errors.As(err, &own) {
		advice = own.advice
	}
	if e.json {
		json.NewEncoder(e.stderr).Encode(struct {
			Error  string   `json:"error"`
			Advice string   `json:"advice,omitempty"`
			Code   exitCode `json:"code"`
		}{text, advice, code})
		return code
	}
	fmt.Fprintf(e.stderr, "comity: %s\n", strings.ReplaceAll(text, "\n", "\ncomity: "))
	if advice != "" {
		fmt.Fprintf(e.stderr, "  %s\n", strings.ReplaceAll(advice, "\n", "\n  "))
	}
	return code
}

// terminal returns the descriptor of the terminal that a reader or writer is.
func terminal(stream any) (int, bool) {
	f, ok := stream.(*os.File)
	if !ok {
		return 0, false
	}
	fd := int(f.Fd())
	return fd, term.IsTerminal(fd)
}
