package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server/account"
	"github.com/comity-iot/comity/server/config"
)

// bulkResult says how a file of accounts went.
type bulkResult struct {
	Accounts int     `json:"accounts"`
	Seconds  float64 `json:"seconds"`
}

// many makes all accounts of a file.
func (c *accountAddCmd) many(ctx context.Context, e *env) error {
	all, err := c.read(e)
	if err != nil {
		return err
	}
	a, err := c.open(ctx, e, true)
	if err != nil {
		return err
	}
	defer a.close()
	begun := time.Now()
	show := e.progress(len(all), "accounts")
	made := 0
	err = a.CreateAll(ctx, all, func(n int) { made = n; show(n) })
	if err != nil {
		return advise(fmt.Errorf("after %d of %d accounts: %w", made, len(all), err), "It is safe to run this again with the same file.")
	}
	took := time.Since(begun)
	return e.tell(bulkResult{len(all), took.Seconds()}, "%d accounts are in place (%s).", len(all), took.Round(10*time.Millisecond))
}

func (c *accountAddCmd) read(e *env) ([]module.NewAccount, error) {
	if c.From == "-" {
		return readAccounts("standard input", e.stdin, module.AccountKind(c.Kind), c.Admin)
	}
	f, err := os.Open(c.From)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAccounts(c.From, f, module.AccountKind(c.Kind), c.Admin)
}

// maxMistakes is how many lines are named before the rest is left out.
const maxMistakes = 10

// readAccounts reads lines of an address, white space, and a password, which is all up to the end of the line. Empty lines do not
// count. The error joins a *config.Error for each line that cannot be, and then no account is made.
func readAccounts(name string, r io.Reader, kind module.AccountKind, admin bool) ([]module.NewAccount, error) {
	var (
		all  []module.NewAccount
		errs []error
	)
	in := bufio.NewScanner(r)
	line := 0
	for in.Scan() && len(errs) < maxMistakes {
		line++
		text := strings.TrimPrefix(strings.TrimSuffix(in.Text(), "\r"), "\ufeff")
		if strings.TrimSpace(text) == "" {
			continue
		}
		n, err := readAccount(text)
		if err != nil {
			errs = append(errs, &config.Error{Where: fmt.Sprintf("%s:%d", name, line), Text: err.Error()})
			continue
		}
		n.Kind, n.Admin = kind, admin
		all = append(all, n)
	}
	if err := in.Err(); err != nil {
		errs = append(errs, fmt.Errorf("%s:%d: %w", name, line+1, err))
	}
	if len(errs) == 0 && len(all) == 0 {
		errs = append(errs, &config.Error{Where: name, Text: "no lines \"JID PASSWORD\" in it"})
	}
	return all, errors.Join(errs...)
}

func readAccount(text string) (n module.NewAccount, err error) {
	address, password, _ := strings.Cut(strings.ReplaceAll(strings.TrimLeft(text, " \t"), "\t", " "), " ")
	if n.JID, err = parseAccount(address); err != nil {
		return n, err
	}
	n.JID = n.JID.Clone() // of the line, which has the password too
	n.Password = strings.TrimLeft(password, " ")
	switch size := len([]rune(n.Password)); {
	case size == 0:
		return n, fmt.Errorf("no password for %s: write \"JID PASSWORD\"", n.JID)
	case size < account.MinPassword:
		return n, fmt.Errorf("the password of %s is shorter than %d characters", n.JID, account.MinPassword)
	}
	return n, nil
}

// progress returns a function that shows on a terminal how far long work is.
func (e *env) progress(of int, what string) func(int) {
	if _, ok := terminal(e.stderr); !ok || e.json {
		return func(int) {}
	}
	return func(n int) {
		var line bytes.Buffer
		fmt.Fprintf(&line, "\r%d of %d %s (%d %%)", n, of, what, 100*n/max(of, 1))
		if n == of {
			line.WriteString("\r\033[K") // the result follows
		}
		e.stderr.Write(line.Bytes())
	}
}
