package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// readCmd reads a sensor.
type readCmd struct {
	Thing        string   `arg:"" name:"jid" help:"Address of the thing."`
	Fields       []string `arg:"" optional:"" name:"field" help:"Fields to read: all, if none is named."`
	Category     []string `placeholder:"C" help:"Only values of these categories: momentary, peak, status, computed, identity, historical."`
	profileFlags `embed:""`
}

// Help is shown by --help.
func (readCmd) Help() string {
	return `The thing has to be your friend ("comity friends add JID"), and its owner decides what it tells you. Values are printed as they come.`
}

// Run asks the thing itself: no broker has its data.
func (c *readCmd) Run(ctx context.Context, e *env) error {
	who, err := parseContact(c.Thing)
	if err != nil {
		return err
	}
	categories, err := parseCategories(c.Category)
	if err != nil {
		return err
	}
	u, err := c.login(ctx, e)
	if err != nil {
		return err
	}
	defer u.close()
	at, g, err := u.reach(ctx, who, sensordata.Family, "can be read")
	if err != nil {
		return err
	}
	return c.follow(ctx, u, at, sensordata.Request{Generation: g, Fields: c.Fields, Categories: categories})
}

// follow prints what the thing tells, as it comes.
func (c *readCmd) follow(ctx context.Context, u *user, at jid.JID, req sensordata.Request) error {
	var all sensordata.Report
	out := readings{env: u.env}
	for part, err := range sensordata.Follow(ctx, u, at, req) {
		if err != nil {
			return readError(err, at.Bare())
		}
		if err := out.print(part); err != nil {
			return err
		}
		all.Merge(part)
	}
	return c.judge(all, at.Bare())
}

// judge returns the error of not having got all that was asked for.
func (c *readCmd) judge(all sensordata.Report, who jid.JID) error {
	var faults, missing []string
	for f := range all.Faults() {
		faults = append(faults, f.Text)
	}
	if len(faults) > 0 {
		return fmt.Errorf("%s could not read everything:\n%s", who, strings.Join(faults, "\n"))
	}
	for _, name := range c.Fields {
		if _, ok := all.Latest(name); !ok {
			missing = append(missing, name)
		}
	}
	switch {
	case len(missing) > 0:
		return advise(stanza.Forbidden.With("%s does not tell you %s", who, strings.Join(missing, ", ")),
			"It has no such field, or its owner has not allowed you to read it.")
	case all.Len() == 0:
		return stanza.ItemNotFound.With("%s has nothing to tell", who)
	}
	return nil
}

// readError says what to do where the thing tells nothing.
func readError(err error, who jid.JID) error {
	if errors.Is(err, stanza.Forbidden) {
		return advise(stanza.Forbidden.With("%s may not tell you that", who),
			"Its owner has been asked, unless that was decided before. Try again when the answer may be there.")
	}
	return fmt.Errorf("read %s: %w", who, err)
}

// parseCategories reads names of categories.
func parseCategories(names []string) (iot.Categories, error) {
	var c iot.Categories
next:
	for _, name := range names {
		for bit := iot.Momentary; bit <= iot.Historical; bit <<= 1 {
			if strings.EqualFold(bit.String(), name) {
				c |= bit
				continue next
			}
		}
		return 0, usageError(fmt.Errorf("there is no category %q", name), "Categories: %s", strings.Join(categoryNames(), ", "))
	}
	return c, nil
}

func categoryNames() (names []string) {
	for bit := iot.Momentary; bit <= iot.Historical; bit <<= 1 {
		names = append(names, bit.String())
	}
	return slices.Clip(names)
}
