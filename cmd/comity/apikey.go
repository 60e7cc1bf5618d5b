package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// apikeyCmd is about keys with which makers let their things create accounts.
type apikeyCmd struct {
	Add     apikeyAddCmd     `cmd:"" help:"Make a key."`
	List    apikeyListCmd    `cmd:"" help:"List the keys and how much of them is used."`
	Disable apikeyDisableCmd `cmd:"" help:"Stop a key from creating accounts. Those that it created stay."`
}

// Help is shown by --help.
func (apikeyCmd) Help() string {
	return `A thing that comes with a key creates its own account, by signing the registration form (XEP-0348). The number of accounts of a key is limited.`
}

// apikeyLine is a key for programs.
type apikeyLine struct {
	ID       string             `json:"id"`
	Secret   string             `json:"secret,omitempty"` // only of a key that was made just now
	Owner    string             `json:"owner"`
	Limit    int                `json:"limit"`
	Used     int                `json:"used"`
	Kind     module.AccountKind `json:"kind"`
	Disabled bool               `json:"disabled"`
	Created  time.Time          `json:"created"`
}

func keyLine(k module.APIKey) apikeyLine {
	return apikeyLine{k.ID, k.Secret, k.Owner, k.Limit, k.Used, k.Kind, k.Disabled, k.Created}
}

// apikeyAddCmd makes a key.
type apikeyAddCmd struct {
	Owner       string `required:"" placeholder:"NAME" help:"Who gets the key, for your own record."`
	Limit       int    `required:"" placeholder:"N" help:"How many accounts it may create."`
	Kind        string `enum:"person,thing" default:"thing" help:"What its accounts are for: person or thing."`
	folderFlags `embed:""`
}

// Run makes a key and shows its secret.
func (c *apikeyAddCmd) Run(ctx context.Context, e *env) error {
	if c.Limit < 1 {
		return usageError(fmt.Errorf("a key for %d accounts is of no use", c.Limit), "Write --limit 1 or more.")
	}
	a, err := c.open(ctx, e, false)
	if err != nil {
		return err
	}
	defer a.close()
	k, err := a.NewKey(ctx, c.Owner, c.Limit, module.AccountKind(c.Kind))
	if err != nil {
		return err
	}
	return e.tell(keyLine(k), "Made an API key for %s, good for %d accounts.\nKey:    %s\nSecret: %s\nThe secret is shown only this once. It goes into the things, or into the tool that sets them up.",
		k.Owner, k.Limit, k.ID, k.Secret)
}

// apikeyListCmd lists keys.
type apikeyListCmd struct {
	folderFlags `embed:""`
}

// Run lists all keys, without their secrets.
func (c *apikeyListCmd) Run(ctx context.Context, e *env) error {
	a, err := c.open(ctx, e, false)
	if err != nil {
		return err
	}
	defer a.close()
	all, err := a.ListKeys(ctx)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		e.say("There are no API keys yet. To make one: comity apikey add --owner NAME --limit 100")
		return nil
	}
	table := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	if !e.json {
		fmt.Fprintln(table, "KEY\tUSED\tKIND\tCREATED\tOWNER\tREMARKS")
	}
	for _, k := range all {
		if e.json {
			if err := e.tell(keyLine(k), ""); err != nil {
				return err
			}
			continue
		}
		note := ""
		if k.Disabled {
			note = "disabled"
		}
		fmt.Fprintf(table, "%s\t%d of %d\t%s\t%s\t%s\t%s\n", k.ID, k.Used, k.Limit, k.Kind, k.Created.Local().Format(time.DateOnly), k.Owner, note)
	}
	return table.Flush()
}

// apikeyDisableCmd stops a key.
type apikeyDisableCmd struct {
	ID          string `arg:"" name:"key" help:"The key, as \"comity apikey list\" shows it."`
	Undo        bool   `help:"Let the key create accounts again."`
	folderFlags `embed:""`
}

// apikeyChange says what was done to a key.
type apikeyChange struct {
	ID       string `json:"id"`
	Disabled bool   `json:"disabled"`
}

// Run stops a key, or lets it go on.
func (c *apikeyDisableCmd) Run(ctx context.Context, e *env) error {
	a, err := c.open(ctx, e, false)
	if err != nil {
		return err
	}
	defer a.close()
	err = a.DisableKey(ctx, c.ID, !c.Undo)
	if errors.Is(err, store.ErrNotFound) {
		return advise(stanza.ItemNotFound.With("there is no API key %s", c.ID), "To see those there are: comity apikey list")
	}
	if err != nil {
		return err
	}
	what := "creates no more accounts"
	if c.Undo {
		what = "may create accounts again"
	}
	return e.tell(apikeyChange{c.ID, !c.Undo}, "The key %s %s.", c.ID, what)
}
