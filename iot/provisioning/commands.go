package provisioning

import (
	"context"
	"errors"
	"strconv"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// The commands of owners that no protocol covers (XEP-0050). They are only about the asker's own things.
const (
	CommandQuestions  = "urn:x-comity:command:questions"
	CommandRules      = "urn:x-comity:command:rules"
	CommandDeleteRule = "urn:x-comity:command:rule-delete"
)

// pageRows is how many rows a command lists at once.
const pageRows = 100

func (s *service) commands() []module.Command {
	everybody := func(context.Context, jid.JID) bool { return true }
	return []module.Command{
		{Node: CommandQuestions, Name: "Open questions about my things", On: registry.Label, Allowed: everybody, Step: s.listQuestions},
		{Node: CommandRules, Name: "My rules", On: registry.Label, Allowed: everybody, Step: s.listRules},
		{Node: CommandDeleteRule, Name: "Delete one of my rules", On: registry.Label, Allowed: everybody, Step: s.deleteOne},
	}
}

func columns(names ...string) (fields []form.Field) {
	for _, n := range names {
		fields = append(fields, form.Field{Var: n, Label: n, Type: form.TextSingle})
	}
	return fields
}

func thingCells(t iot.Thing) []form.Field {
	return []form.Field{
		form.Value("thing", t.JID.String()), form.Value("id", t.ID), form.Value("src", t.Source), form.Value("pt", t.Partition),
	}
}

// listQuestions lists the asker's open questions, the oldest first, with what it takes to answer them.
func (s *service) listQuestions(ctx context.Context, asker jid.JID, _ *form.Form) (module.CommandResult, error) {
	table := form.New(form.TypeResult, CommandQuestions)
	table.Title = "Open questions"
	table.Reported = columns("key", "operation", "remote", "thing", "id", "src", "pt", "scope", "asked")
	err := s.host.DB.View(ctx, func(tx *store.Tx) error {
		open, err := selectOpen(tx, asker.Bare(), pageRows)
		for _, q := range open {
			row := []form.Field{
				form.Value("key", q.Key), form.Value("operation", q.Op.String()), form.Value("remote", q.Remote.String()),
				form.Value("scope", q.Asked.String()), form.Value("asked", q.at.Format("2006-01-02T15:04:05Z")),
			}
			table.Items = append(table.Items, append(row, thingCells(q.Thing)...))
		}
		return err
	})
	return module.CommandResult{Form: table, Done: true}, err
}

// listRules lists the asker's rules behind the id in the field "after", the oldest first.
func (s *service) listRules(ctx context.Context, asker jid.JID, submit *form.Form) (module.CommandResult, error) {
	var after int64
	if submit != nil {
		var err error
		if after, err = submit.Int("after", 0); err != nil {
			return module.CommandResult{}, err
		}
	}
	table := form.New(form.TypeResult, CommandRules)
	table.Title = "Rules"
	table.Reported = columns("rule", "verdict", "operation", "who", "thing", "id", "src", "pt", "scope")
	err := s.host.DB.View(ctx, func(tx *store.Tx) error {
		rules, err := selectOwnRules(tx, asker.Bare(), after, pageRows)
		for _, r := range rules {
			verdict := "deny"
			if r.Allow {
				verdict = "allow"
			}
			row := []form.Field{
				form.Value("rule", strconv.FormatInt(r.ID, 10)), form.Value("verdict", verdict),
				form.Value("operation", r.Op.String()), form.Value("who", r.Origin.String()), form.Value("scope", r.Scope.String()),
			}
			table.Items = append(table.Items, append(row, thingCells(r.Thing)...))
		}
		return err
	})
	return module.CommandResult{Form: table, Done: true}, err
}

// deleteOne deletes the asker's rule whose number is in the field "rule". Without a rule the answer is no again, and the next who
// asks makes a question.
func (s *service) deleteOne(ctx context.Context, asker jid.JID, submit *form.Form) (module.CommandResult, error) {
	if submit == nil {
		ask := form.New(form.TypeForm, CommandDeleteRule,
			form.Field{Var: "rule", Type: form.TextSingle, Label: "Number of the rule", Required: true})
		return module.CommandResult{Form: ask}, nil
	}
	id, err := submit.Int("rule", 0)
	if err != nil {
		return module.CommandResult{}, err
	}
	owner := asker.Bare()
	var r Rule
	err = s.host.DB.Update(ctx, func(tx *store.Tx) (err error) {
		if r, err = selectRule(tx, owner, id); err != nil {
			return err
		}
		if err := deleteRule(tx, id); err != nil {
			return err
		}
		return tellThing(tx, s.host, s.registry, r.Thing, nil)
	})
	if errors.Is(err, store.ErrNotFound) {
		return module.CommandResult{}, stanza.ItemNotFound
	}
	if err != nil {
		return module.CommandResult{}, err
	}
	if r.Allow {
		s.refuse(ctx, owner, r.Thing, r.Op, r.Origin, callerOf(r))
	}
	return module.CommandResult{Note: "Deleted. " + r.Thing.String() + " was told to forget.", Done: true}, nil
}

// callerOf returns the party of a rule that is for one, else zero.
func callerOf(r Rule) jid.JID {
	if r.Origin.Kind != FromCaller {
		return jid.JID{}
	}
	j, _ := jid.Parse(r.Origin.Value) // it was one when it was stored
	return j
}
