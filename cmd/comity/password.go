package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"

	"github.com/comity-iot/comity/xmpp/jid"
)

// passwordFlags say where a password comes from.
type passwordFlags struct {
	Password string `placeholder:"P" xor:"password" help:"The password. Others on this machine may see it in the list of processes: better leave it away and be asked."`
	Generate bool   `xor:"password" help:"Make a password and show it, this once."`
}

// maxPassword bounds a line that holds a password, in bytes.
const maxPassword = 4096

// password returns the one given, a new one, or one from a terminal or the standard input.
func (p *passwordFlags) password(ctx context.Context, e *env, of jid.JID) (string, error) {
	switch fd, ok := terminal(e.stdin); {
	case p.Generate:
		return rand.Text(), nil // 130 bits
	case p.Password != "":
		return p.Password, nil
	case ok:
		return e.askTwice(ctx, fd, of)
	}
	line, err := bufio.NewReader(io.LimitReader(e.stdin, maxPassword)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", err
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", usageError(errors.New("no password given"), "Give it on the standard input or with --password, or let --generate make one.")
	}
	return line, nil
}

func (e *env) askTwice(ctx context.Context, fd int, of jid.JID) (string, error) {
	first, err := e.ask(ctx, fd, fmt.Sprintf("New password of %s: ", of))
	if err != nil {
		return "", err
	}
	again, err := e.ask(ctx, fd, "The same again: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", usageError(errors.New("these were two different passwords"), "Nothing was changed. Try again.")
	}
	return first, nil
}

// ask reads a line without echo. The terminal is as it was before, also when the context ends the asking.
func (e *env) ask(ctx context.Context, fd int, prompt string) (string, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	fmt.Fprint(e.stderr, prompt)
	defer fmt.Fprintln(e.stderr)
	type answer struct {
		text []byte
		err  error
	}
	answered := make(chan answer, 1)
	go func() { // ends with the program where nobody answers
		text, err := term.ReadPassword(fd)
		answered <- answer{text, err}
	}()
	select {
	case a := <-answered:
		return string(a.text), a.err
	case <-ctx.Done():
		return "", errors.Join(ctx.Err(), term.Restore(fd, before))
	}
}

// shown returns a password that was made here, for who must learn of it.
func (p *passwordFlags) shown(password string) string {
	if p.Generate {
		return password
	}
	return ""
}

// note tells people of a password that was made here.
func (p *passwordFlags) note(password string) string {
	if p.Generate {
		return "\nIts password, shown only this once: " + password
	}
	return ""
}

// errDeclined says that a person said no.
var errDeclined = errors.New("nothing was changed")

// confirm asks a person at a terminal for a yes. Programs know what they do.
func (e *env) confirm(ctx context.Context, question string) error {
	if _, ok := terminal(e.stdin); !ok {
		return nil
	}
	fmt.Fprintf(e.stderr, "%s [y/N] ", question)
	answered := make(chan string, 1)
	go func() { // ends with the program where nobody answers
		line, _ := bufio.NewReader(e.stdin).ReadString('\n')
		answered <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case a := <-answered:
		if a == "y" || a == "yes" {
			return nil
		}
		return errDeclined
	case <-ctx.Done():
		return ctx.Err()
	}
}
