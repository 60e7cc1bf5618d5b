package eventlog

import (
	"context"
	"strconv"
	"strings"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/form/xs"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// Bounds of one answer: it has to fit in a stanza.
const (
	maxEntries = 100
	maxAnswer  = 64 << 10
)

// command lists events: the newest first, and before an entry on request.
func (s *service) command() module.Command {
	return module.Command{
		Node: "eventlog", Name: "Event log", On: label,
		Allowed: func(_ context.Context, asker jid.JID) bool { return s.own(asker) },
		Step: func(ctx context.Context, asker jid.JID, submit *form.Form) (module.CommandResult, error) {
			if submit == nil {
				return module.CommandResult{Form: question(asker)}, nil
			}
			return s.list(ctx, asker, submit)
		},
	}
}

func question(asker jid.JID) *form.Form {
	least := form.Field{Var: "type", Type: form.ListSingle, Label: "At least", Values: []string{string(Debug)}}
	for _, t := range Types() {
		least.Options = append(least.Options, form.Option{Value: string(t)})
	}
	number := func(v, label, value string, most string) form.Field {
		return form.Field{
			Var: v, Type: form.TextSingle, Label: label, Values: []string{value},
			Validation: &form.Validation{Datatype: "xs:long", Method: form.Range, Min: "0", Max: most},
		}
	}
	f := form.New(form.TypeForm, "",
		form.Field{Var: "jid", Type: form.JIDSingle, Label: "Events of", Values: []string{asker.Bare().String()}},
		least,
		number("count", "How many", "25", strconv.Itoa(maxEntries)),
		number("before", "Before entry, 0 for the newest", "0", ""))
	f.Title = "Event log"
	return f
}

func (s *service) list(ctx context.Context, asker jid.JID, submit *form.Form) (module.CommandResult, error) {
	of, least := asker.Bare(), Debug
	j, err := submit.JID("jid")
	if err != nil {
		return module.CommandResult{}, err
	}
	if !j.IsZero() {
		of = j.Bare()
	}
	if t := submit.String("type"); t != "" {
		least = Type(t)
	}
	count, err := submit.Int("count", 25)
	if err != nil {
		return module.CommandResult{}, err
	}
	before, err := submit.Int("before", 0)
	if err != nil {
		return module.CommandResult{}, err
	}
	if !s.mayRead(ctx, asker.Bare(), of) {
		return module.CommandResult{}, stanza.Forbidden
	}
	var all []entry
	err = s.host.DB.View(ctx, func(tx *store.Tx) (err error) {
		all, err = newest(tx, of, least.severity(), before, int(min(max(count, 1), maxEntries)))
		return err
	})
	if err != nil {
		return module.CommandResult{}, err
	}
	return module.CommandResult{Form: table(fitting(all)), Done: true}, nil
}

// mayRead reports whether the asker is the one who logged, or an administrator.
func (s *service) mayRead(ctx context.Context, asker, of jid.JID) bool {
	if asker == of {
		return true
	}
	info, err := s.host.Accounts.Get(ctx, asker)
	return err == nil && info.Admin
}

// fitting returns the first entries that fit in an answer, one at least.
func fitting(all []entry) []entry {
	size := 0
	for i, e := range all {
		if size += e.size; size > maxAnswer && i > 0 {
			return all[:i]
		}
	}
	return all
}

func table(all []entry) *form.Form {
	f := &form.Form{Type: form.TypeResult, Title: "Event log"}
	for _, c := range []struct {
		name, label string
		typ         form.FieldType
	}{
		{"entry", "Entry", form.TextSingle},
		{"time", "Time", form.TextSingle},
		{"type", "Type", form.TextSingle},
		{"level", "Level", form.TextSingle},
		{"message", "Message", form.TextMulti},
		{"id", "Event", form.TextSingle},
		{"object", "Object", form.TextSingle},
		{"subject", "Subject", form.TextSingle},
		{"facility", "Facility", form.TextSingle},
		{"module", "Module", form.TextSingle},
		{"tags", "Tags", form.TextMulti},
		{"stackTrace", "Stack trace", form.TextMulti},
	} {
		f.Reported = append(f.Reported, form.Field{Var: c.name, Label: c.label, Type: c.typ})
	}
	for _, e := range all {
		f.Items = append(f.Items, []form.Field{
			form.Value("entry", strconv.FormatInt(e.id, 10)),
			form.Value("time", xs.FormatDateTime(e.Time)),
			form.Value("type", string(e.Type)),
			form.Value("level", string(e.Level)),
			{Var: "message", Values: form.Lines(e.Message)},
			form.Value("id", e.ID),
			form.Value("object", e.Object),
			form.Value("subject", e.Subject),
			form.Value("facility", e.Facility),
			form.Value("module", e.Module),
			{Var: "tags", Values: tagLines(e.Tags)},
			{Var: "stackTrace", Values: form.Lines(e.StackTrace)},
		})
	}
	return f
}

func tagLines(tags []Tag) []string {
	var lines []string
	for _, t := range tags {
		lines = append(lines, t.Name+" = "+strings.ReplaceAll(t.Value, "\n", " "))
	}
	return lines
}
