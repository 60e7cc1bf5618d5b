package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/comity-iot/comity/xep/roster"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// friendsCmd is about whom the user sees.
type friendsCmd struct {
	List   friendsListCmd   `cmd:"" default:"withargs" help:"List your friends, who of them is there, and what they are."`
	Add    friendsAddCmd    `cmd:"" help:"Ask somebody, or a thing, for its friendship."`
	Remove friendsRemoveCmd `cmd:"" help:"End a friendship: neither sees the other any more."`
}

// Help is shown by --help.
func (friendsCmd) Help() string {
	return `Only friends see where a thing is, and so can read or command it. What they may read and set is decided apart.`
}

// friendLine is a friend for programs.
type friendLine struct {
	JID      string `json:"jid"`
	Name     string `json:"name,omitempty"` // that the user gave it
	Presence string `json:"presence"`       // "online", "away", "offline", or "unknown" where it is not told
	Sees     string `json:"sees"`           // who sees whom: "both", "to", "from", "none" as in RFC 6121 §2.1.2.5
	Asked    bool   `json:"asked"`          // the user has asked, and there is no answer yet
	Asks     bool   `json:"asks"`           // it has asked the user
	Device   bool   `json:"device"`         // it says that it can be read or commanded
	What     string `json:"what,omitempty"` // what it is, for people
}

// friendsListCmd lists friends.
type friendsListCmd struct {
	profileFlags `embed:""`
}

// Run lists the roster, with the presence of those who show it.
func (c *friendsListCmd) Run(ctx context.Context, e *env) error {
	u, err := c.login(ctx, e)
	if err != nil {
		return err
	}
	defer u.close()
	all, err := u.look(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b friendLine) int { return cmp.Compare(a.JID, b.JID) })
	if len(all) == 0 {
		e.say("You have no friends yet. To ask a thing for its friendship: comity friends add JID")
		return nil
	}
	table := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	if !e.json {
		fmt.Fprintln(table, "FRIEND\tPRESENCE\tFRIENDSHIP\tWHAT IT IS")
	}
	for _, f := range all {
		if e.json {
			err = e.tell(f, "")
		} else {
			_, err = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", f.JID, f.Presence, f.friendship(), plain(cmp.Or(f.What, f.Name)))
		}
		if err != nil {
			return err
		}
	}
	return table.Flush()
}

// friendship says who sees whom.
func (f friendLine) friendship() string {
	switch {
	case f.Asks:
		return "it asks you: comity friends add " + f.JID
	case f.Asked:
		return "you asked"
	case f.Sees == string(roster.Both):
		return "mutual"
	case f.Sees == string(roster.To):
		return "you see it"
	case f.Sees == string(roster.From):
		return "it sees you"
	}
	return "none"
}

// friendsAddCmd makes a friendship.
type friendsAddCmd struct {
	Who          string `arg:"" name:"jid" help:"Address of a thing or a person."`
	Wait         bool   `help:"Wait until it is granted, also where the owner of the thing has to be asked first."`
	profileFlags `embed:""`
}

// friendResult says what came of asking, for programs.
type friendResult struct {
	JID    string `json:"jid"`
	Friend bool   `json:"friend"`
}

// Run asks, and waits some time for the answer.
func (c *friendsAddCmd) Run(ctx context.Context, e *env) error {
	who, err := parseContact(c.Who)
	if err != nil {
		return err
	}
	u, err := c.login(ctx, e)
	if err != nil {
		return err
	}
	defer u.close()
	var refusal func()
	if c.Wait {
		refusal = func() { e.say("%s refuses for now, and asks its owner. Waiting for the answer…", who.Bare()) }
	}
	got, err := u.befriend(ctx, who, refusal)
	switch {
	case err != nil:
		return fmt.Errorf("befriend %s: %w", who.Bare(), err)
	case got == denied:
		return advise(stanza.Forbidden.With("%s refuses your friendship, for now", who.Bare()),
			"A thing refuses whom it does not know, and has its owner asked. Ask again later, or wait for the answer:\n"+
				"comity friends add --wait %s", who.Bare())
	case got == silent:
		return advise(stanza.RemoteServerTimeout.With("%s has not answered yet", who.Bare()),
			"It is asked when it comes online. To see what it said: comity friends")
	}
	return e.tell(friendResult{who.Bare().String(), true}, "%s is your friend.", who.Bare())
}

// friendsRemoveCmd ends a friendship.
type friendsRemoveCmd struct {
	Who          string `arg:"" name:"jid" help:"Address of the friend."`
	profileFlags `embed:""`
}

// Run takes the friend out of the roster, which ends both subscriptions. RFC 6121 §2.5
func (c *friendsRemoveCmd) Run(ctx context.Context, e *env) error {
	who, err := parseContact(c.Who)
	if err != nil {
		return err
	}
	u, err := c.login(ctx, e)
	if err != nil {
		return err
	}
	defer u.close()
	list := roster.Client{Requester: u}
	err = list.Remove(ctx, who.Bare())
	if errors.Is(err, stanza.ItemNotFound) {
		return advise(stanza.ItemNotFound.With("%s is none of your friends", who.Bare()), "To see those you have: comity friends")
	}
	if err != nil {
		return err
	}
	return e.tell(friendResult{who.Bare().String(), false}, "%s is not your friend any more.", who.Bare())
}
