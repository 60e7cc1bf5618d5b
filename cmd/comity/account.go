package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// accountCmd is about who may log in.
type accountCmd struct {
	Add    accountAddCmd    `cmd:"" help:"Make an account, or many from a file."`
	List   accountListCmd   `cmd:"" help:"List the accounts."`
	Passwd accountPasswdCmd `cmd:"" help:"Give an account a new password."`
	Remove accountRemoveCmd `cmd:"" help:"Remove an account and all that the broker holds of it."`
}

// accountLine is an account for programs.
type accountLine struct {
	JID      string             `json:"jid"`
	Kind     module.AccountKind `json:"kind"`
	Admin    bool               `json:"admin"`
	Disabled bool               `json:"disabled"`
	Created  time.Time          `json:"created,omitzero"`
	APIKey   string             `json:"apikey,omitempty"`   // that created it
	Password string             `json:"password,omitempty"` // one that was generated just now
}

// accountAddCmd makes accounts.
type accountAddCmd struct {
	JID           string `arg:"" optional:"" name:"jid" help:"Address of the account, such as alice@example.org."`
	passwordFlags `embed:""`
	Admin         bool   `help:"Make operators, who may use the broker's own commands."`
	Kind          string `enum:"person,thing" default:"person" help:"What the account is for: person or thing."`
	From          string `placeholder:"FILE" help:"Make all accounts of a file with a line \"JID PASSWORD\" each; - reads the standard input. Those that exist get the password."`
	folderFlags   `embed:""`
}

// Help is shown by --help.
func (accountAddCmd) Help() string {
	return `Works whether the broker runs or not. Without --password or --generate the password is asked for or, where no terminal is, read from the standard input.`
}

// Run makes one account or many.
func (c *accountAddCmd) Run(ctx context.Context, e *env) error {
	switch {
	case c.From != "" && (c.JID != "" || c.Password != "" || c.Generate):
		return usageError(errors.New("--from takes addresses and passwords from the file alone"), "See: comity account add --help")
	case c.From != "":
		return c.many(ctx, e)
	case c.JID == "":
		return usageError(errors.New("no address given"), "Write: comity account add alice@example.org\nOr, for many: comity account add --from FILE")
	}
	bare, err := parseAccount(c.JID)
	if err != nil {
		return err
	}
	a, err := c.open(ctx, e, true)
	if err != nil {
		return err
	}
	defer a.close()
	password, err := c.password(ctx, e, bare)
	if err != nil {
		return err
	}
	err = a.Create(ctx, module.NewAccount{JID: bare, Password: password, Kind: module.AccountKind(c.Kind), Admin: c.Admin})
	if errors.Is(err, stanza.Conflict) {
		return advise(stanza.Conflict.With("%s exists already", bare), "To give it a new password: comity account passwd %s", bare)
	}
	if err != nil {
		return err
	}
	line := accountLine{JID: bare.String(), Kind: module.AccountKind(c.Kind), Admin: c.Admin, Password: c.shown(password)}
	return e.tell(line, "Made %s%s.%s", bare, c.role(), c.note(password))
}

func (c *accountAddCmd) role() string {
	switch {
	case c.Admin:
		return ", an operator"
	case c.Kind == string(module.Thing):
		return ", a thing"
	}
	return ""
}

// accountListCmd lists accounts.
type accountListCmd struct {
	folderFlags `embed:""`
}

// Run lists accounts a page at a time, however many there are.
func (c *accountListCmd) Run(ctx context.Context, e *env) error {
	a, err := c.open(ctx, e, false)
	if err != nil {
		return err
	}
	defer a.close()
	table := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	const page = 1000
	after, n := "", 0
	for {
		all, err := a.List(ctx, after, page)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			break
		}
		if n == 0 && !e.json {
			fmt.Fprintln(table, "ACCOUNT\tKIND\tCREATED\tREMARKS")
		}
		for _, info := range all {
			if e.json {
				err = e.tell(lineOf(info), "")
			} else {
				_, err = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", info.JID, info.Kind, info.Created.Local().Format(time.DateOnly), remarks(info))
			}
			if err != nil {
				return err
			}
		}
		n += len(all)
		after = all[len(all)-1].JID.String()
	}
	if n == 0 {
		e.say("There are no accounts yet. To make one: comity account add alice@example.org")
	}
	return table.Flush()
}

func lineOf(info module.AccountInfo) accountLine {
	return accountLine{
		JID: info.JID.String(), Kind: info.Kind, Admin: info.Admin, Disabled: info.Disabled, Created: info.Created, APIKey: info.APIKey,
	}
}

func remarks(info module.AccountInfo) string {
	var all []string
	if info.Admin {
		all = append(all, "operator")
	}
	if info.Disabled {
		all = append(all, "disabled")
	}
	if info.APIKey != "" {
		all = append(all, "API key "+info.APIKey)
	}
	return strings.Join(all, ", ")
}

// accountPasswdCmd changes a password.
type accountPasswdCmd struct {
	JID           string `arg:"" name:"jid" help:"Address of the account."`
	passwordFlags `embed:""`
	folderFlags   `embed:""`
}

// Run gives the account the password. Sessions that are logged in stay.
func (c *accountPasswdCmd) Run(ctx context.Context, e *env) error {
	bare, err := parseAccount(c.JID)
	if err != nil {
		return err
	}
	a, err := c.open(ctx, e, false)
	if err != nil {
		return err
	}
	defer a.close()
	password, err := c.password(ctx, e, bare)
	if err != nil {
		return err
	}
	if err := a.SetPassword(ctx, bare, password); err != nil {
		return noAccount(bare, err)
	}
	return e.tell(accountChange{bare.String(), "password", c.shown(password)}, "%s has a new password.%s", bare, c.note(password))
}

// accountChange says what was done to an account.
type accountChange struct {
	JID      string `json:"jid"`
	Changed  string `json:"changed"` // "password" or "removed"
	Password string `json:"password,omitempty"`
}

// accountRemoveCmd removes an account.
type accountRemoveCmd struct {
	JID         string `arg:"" name:"jid" help:"Address of the account."`
	Yes         bool   `short:"y" help:"Do not ask."`
	folderFlags `embed:""`
}

// Run removes the account for good, after asking where there is somebody to ask.
func (c *accountRemoveCmd) Run(ctx context.Context, e *env) error {
	bare, err := parseAccount(c.JID)
	if err != nil {
		return err
	}
	a, err := c.open(ctx, e, false)
	if err != nil {
		return err
	}
	defer a.close()
	if !c.Yes {
		if err := e.confirm(ctx, fmt.Sprintf("Remove %s and all that the broker holds of it, for good?", bare)); err != nil {
			return err
		}
	}
	if err := a.Remove(ctx, bare); err != nil {
		return noAccount(bare, err)
	}
	return e.tell(accountChange{JID: bare.String(), Changed: "removed"}, "Removed %s.", bare)
}

func noAccount(bare jid.JID, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return advise(stanza.ItemNotFound.With("there is no account %s", bare), "To see those there are: comity account list")
	}
	return err
}

// parseAccount reads the address of an account.
func parseAccount(text string) (jid.JID, error) {
	bare, err := jid.Parse(text)
	if err == nil && (bare.Local() == "" || !bare.IsBare()) {
		err = fmt.Errorf("%q is no address of an account", text)
	}
	if err != nil {
		return bare, usageError(err, "An address is a name and a domain: alice@example.org")
	}
	return bare, nil
}
