package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"

	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// rulesCmd is about what the owner of things has decided.
type rulesCmd struct {
	List   rulesListCmd   `cmd:"" default:"withargs" help:"List what you have decided about your things."`
	Delete rulesDeleteCmd `cmd:"" help:"Take a decision back: the answer is no again, and who asks makes a new question."`
}

// ruleLine is a rule for programs.
type ruleLine struct {
	Rule      int64  `json:"rule"`
	Verdict   string `json:"verdict"`   // "allow" or "deny"
	Operation string `json:"operation"` // "befriend", "read" or "control"
	Who       string `json:"who"`       // whom it is for, for people
	Thing     string `json:"thing"`
	Node      string `json:"node,omitempty"`  // behind the address
	Scope     string `json:"scope,omitempty"` // what of it is allowed, for people
}

// maxRules is how many rules a broker lists at once.
const maxRules = 100

// rulesListCmd lists rules.
type rulesListCmd struct {
	profileFlags `embed:""`
}

// Run lists the user's rules.
func (c *rulesListCmd) Run(ctx context.Context, e *env) error {
	u, err := c.login(ctx, e)
	if err != nil {
		return err
	}
	defer u.close()
	prov, err := u.provisioning(ctx)
	if err != nil {
		return err
	}
	all, err := u.rules(ctx, prov)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		e.say("You have decided nothing yet. What you are asked: comity questions")
		return nil
	}
	table := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	if !e.json {
		fmt.Fprintln(table, "NO\tVERDICT\tTO\tWHO\tTHING\tWHAT OF IT")
	}
	for _, r := range all {
		if e.json {
			err = e.tell(r, "")
		} else {
			_, err = fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\n", r.Rule, r.Verdict, r.Operation, plain(r.Who), plain(r.thing()), plain(r.Scope))
		}
		if err != nil {
			return err
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(all) == maxRules {
		e.say("There may be more: these are the %d oldest.", maxRules)
	}
	return nil
}

func (r ruleLine) thing() string {
	if r.Node == "" {
		return r.Thing
	}
	return r.Thing + " (" + r.Node + ")"
}

// rules asks for the rules, the oldest first.
func (u *user) rules(ctx context.Context, prov *provisioning.OwnerClient) ([]ruleLine, error) {
	table, _, err := u.command(ctx, prov.Service, provisioning.CommandRules, nil)
	if err != nil {
		return nil, questionsError(err, prov.Service)
	}
	if table == nil {
		return nil, nil
	}
	var all []ruleLine
	for _, row := range table.Items {
		t, err := thingOf(row)
		if err != nil {
			return nil, fmt.Errorf("rule from %s: %w", prov.Service, err)
		}
		r := ruleLine{
			Verdict: cell(row, "verdict"), Operation: cell(row, "operation"), Who: cell(row, "who"),
			Thing: t.JID.String(), Node: t.Node.String(),
		}
		if r.Rule, err = strconv.ParseInt(cell(row, "rule"), 10, 64); err != nil {
			return nil, fmt.Errorf("rule from %s: %w", prov.Service, err)
		}
		if r.Verdict == "allow" && r.Operation != provisioning.Befriend.String() {
			r.Scope = cell(row, "scope")
		}
		all = append(all, r)
	}
	return all, nil
}

// rulesDeleteCmd deletes a rule.
type rulesDeleteCmd struct {
	Rule         int64 `arg:"" name:"no" help:"Number of the rule, as \"comity rules\" shows it."`
	profileFlags `embed:""`
}

// ruleResult is what became of a rule, for programs.
type ruleResult struct {
	Rule    int64 `json:"rule"`
	Deleted bool  `json:"deleted"`
}

// Run deletes the rule. It returns when the thing has confirmed that it forgot what it was allowed, or after a while.
func (c *rulesDeleteCmd) Run(ctx context.Context, e *env) error {
	u, err := c.login(ctx, e)
	if err != nil {
		return err
	}
	defer u.close()
	prov, err := u.provisioning(ctx)
	if err != nil {
		return err
	}
	number := strconv.FormatInt(c.Rule, 10)
	_, notes, err := u.command(ctx, prov.Service, provisioning.CommandDeleteRule, map[string][]string{"rule": {number}})
	if errors.Is(err, stanza.ItemNotFound) {
		return advise(stanza.ItemNotFound.With("you have no rule %d", c.Rule), "To see those you have: comity rules")
	}
	if err != nil {
		return err
	}
	text := "Deleted."
	if len(notes) > 0 {
		text = plain(notes[0].Text)
	}
	return e.tell(ruleResult{c.Rule, true}, "%s", text)
}
