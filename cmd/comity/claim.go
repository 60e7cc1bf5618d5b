package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// claimCmd makes the user the owner of a thing.
type claimCmd struct {
	URI          string `arg:"" name:"uri" help:"The text of the thing's QR code: iotdisco:… In a shell it needs quotes."`
	Public       bool   `help:"Let everybody find the thing in searches. Without it only you know of it."`
	profileFlags `embed:""`
}

// Help is shown by --help.
func (claimCmd) Help() string {
	return `Whoever owns a thing decides who may befriend it, read it and command it. Nobody else does, not even its maker.`
}

// claimResult is what was claimed, for programs.
type claimResult struct {
	JID    string `json:"jid"`
	Node   string `json:"node,omitempty"` // behind the address
	Owner  string `json:"owner"`
	Public bool   `json:"public"`
	Friend bool   `json:"friend"` // the thing lets its owner see it already
}

// Run claims the thing, and befriends it.
func (c *claimCmd) Run(ctx context.Context, e *env) error {
	uri, err := registry.ParseURI(c.URI)
	if err != nil {
		return usageError(err, "Write the whole text of the QR code, in quotes: comity claim 'iotdisco:SN=…;KEY=…'")
	}
	if !uri.IsClaim() {
		return usageError(errors.New("this is a search: it has no KEY, which only a thing's own QR code has"), "To search: comity search '%s'", c.URI)
	}
	u, err := c.login(ctx, e)
	if err != nil {
		return err
	}
	defer u.close()
	reg, err := u.registry(ctx, uri.Registry)
	if err != nil {
		return err
	}
	t, err := reg.Claim(ctx, uri.Claim, c.Public)
	if errors.Is(err, stanza.ItemNotFound) {
		return advise(stanza.ItemNotFound.With("%s has no such thing to give away", reg.Registry),
			"The text must be the one that the thing shows now, the thing must have been online, and nobody may own it.")
	}
	if err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	got, err := u.befriend(ctx, t.JID, nil)
	if err != nil {
		return err
	}
	result := claimResult{t.JID.String(), t.Node.String(), u.self().String(), c.Public, got == granted}
	seen, next := "It is not in searches.", "\nIt is told when it is online. Then: comity read "+t.JID.String()
	if c.Public {
		seen = "Everybody can find it in searches."
	}
	if result.Friend {
		next = "\nIt is online. Try: comity read " + t.JID.String()
	}
	return e.tell(result, "%s is now owned by %s. %s%s", t, u.self(), seen, next)
}
