package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// questionsCmd is about what the owner of things is asked.
type questionsCmd struct {
	List   questionsListCmd   `cmd:"" default:"withargs" help:"List the open questions, or answer them as they come."`
	Answer questionsAnswerCmd `cmd:"" help:"Answer a question. Things ask again when they need to, and learn the answer."`
}

// Help is shown by --help.
func (questionsCmd) Help() string {
	return `Who wants something of your things is refused until you say otherwise. Your answer is a rule from then on: see "comity rules".`
}

// question is an open question.
type question struct {
	provisioning.Question
	asked time.Time
	no    int // in the list, from 1
}

// questionLine is a question for programs.
type questionLine struct {
	Key       string    `json:"key"`
	Operation string    `json:"operation"` // "befriend", "read" or "control"
	Remote    string    `json:"remote"`    // who wants it
	Thing     string    `json:"thing"`
	Node      string    `json:"node,omitempty"`  // behind the address
	Scope     string    `json:"scope,omitempty"` // what of it, for people
	Asked     time.Time `json:"asked"`
}

// questionsListCmd lists questions.
type questionsListCmd struct {
	Watch        bool `help:"Stay, show each question as it comes, and take the answer."`
	profileFlags `embed:""`
}

// Run lists the questions, or watches for more.
func (c *questionsListCmd) Run(ctx context.Context, e *env) error {
	u, err := c.login(ctx, e)
	if err != nil {
		return err
	}
	defer u.close()
	prov, err := u.provisioning(ctx)
	if err != nil {
		return err
	}
	if c.Watch {
		w := watch{user: u, prov: prov, seen: map[string]bool{}}
		return w.run(ctx)
	}
	all, err := u.questions(ctx, prov.Service)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		e.say("Nobody waits for an answer of yours.")
		return nil
	}
	table := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	if !e.json {
		fmt.Fprintln(table, "NO\tKEY\tASKED\tQUESTION")
	}
	for _, q := range all {
		if e.json {
			err = e.tell(q.line(), "")
		} else {
			_, err = fmt.Fprintf(table, "%d\t%s\t%s\t%s\n", q.no, q.short(), q.asked.Local().Format(time.DateTime), q)
		}
		if err != nil {
			return err
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	e.say("\nTo answer: comity questions answer KEY allow, or deny. --fields allows less, --who more. Or: comity questions --watch")
	return nil
}

// questions asks for the open questions, the oldest first.
func (u *user) questions(ctx context.Context, at jid.JID) ([]question, error) {
	table, _, err := u.command(ctx, at, provisioning.CommandQuestions, nil)
	if err != nil {
		return nil, questionsError(err, at)
	}
	if table == nil {
		return nil, nil
	}
	var all []question
	for _, row := range table.Items {
		q, err := parseQuestion(row)
		if err != nil {
			return nil, fmt.Errorf("question from %s: %w", at, err)
		}
		q.no = len(all) + 1
		all = append(all, q)
	}
	return all, nil
}

// questionsError says what to do where a service does not list.
func questionsError(err error, at jid.JID) error {
	if errors.Is(err, stanza.ItemNotFound) || errors.Is(err, stanza.ServiceUnavailable) || errors.Is(err, stanza.FeatureNotImplemented) {
		return advise(stanza.FeatureNotImplemented.With("%s has no such command", at), "It takes a Comity for that. Other brokers ask by message only.")
	}
	return err
}

// parseQuestion reads a row of the list.
func parseQuestion(row []form.Field) (q question, err error) {
	if q.Op, err = parseOperation(cell(row, "operation")); err != nil {
		return q, err
	}
	if q.Thing, err = thingOf(row); err != nil {
		return q, err
	}
	if q.Remote, err = jid.Parse(cell(row, "remote")); err != nil {
		return q, err
	}
	q.Key, q.Asked = cell(row, "key"), parseScope(cell(row, "scope"))
	q.asked, err = time.Parse(time.RFC3339, cell(row, "asked"))
	return q, err
}

func parseOperation(name string) (provisioning.Operation, error) {
	for _, op := range []provisioning.Operation{provisioning.Befriend, provisioning.Read, provisioning.Control} {
		if op.String() == name {
			return op, nil
		}
	}
	return 0, fmt.Errorf("no operation %q", name)
}

// parseScope reads a scope as it is shown. So what the owner allows is what the owner has read, whatever the names.
func parseScope(text string) (s provisioning.Scope) {
	if before, names, ok := strings.Cut(text, " of "); ok {
		if c, err := parseCategories(strings.Split(before, ", ")); err == nil {
			s.Categories, text = c, names
		}
	}
	if text != everything {
		s.Names = strings.Split(text, ", ")
	}
	return s
}

// everything is how a scope without names is shown.
var everything = provisioning.Scope{}.String()

// short is as much of the key as people have to write.
func (q question) short() string { return q.Key[:min(len(q.Key), 8)] }

// String is the question as a sentence.
func (q question) String() string {
	text := fmt.Sprintf("May %s %s %s", q.Remote, q.Op, q.Thing)
	if q.Op != provisioning.Befriend {
		text += ": " + q.Asked.String()
	}
	return plain(text) + "?"
}

func (q question) line() questionLine {
	line := questionLine{
		Key: q.Key, Operation: q.Op.String(), Remote: q.Remote.String(), Thing: q.Thing.JID.String(), Node: q.Thing.Node.String(),
		Asked: q.asked,
	}
	if q.Op != provisioning.Befriend {
		line.Scope = q.Asked.String()
	}
	return line
}

// choose finds the question that a person means: by its number in the list, or by the beginning of its key.
func choose(all []question, name string) (question, error) {
	if no, err := strconv.Atoi(name); err == nil && no > 0 && len(name) <= 3 {
		if no <= len(all) {
			return all[no-1], nil
		}
	} else if len(name) >= 4 {
		var found []question
		for _, q := range all {
			if len(q.Key) >= len(name) && strings.EqualFold(q.Key[:len(name)], name) {
				found = append(found, q)
			}
		}
		if len(found) == 1 {
			return found[0], nil
		}
	}
	return question{}, advise(stanza.ItemNotFound.With("there is no open question %s", name), "To see those there are: comity questions")
}

// verdict is what an owner says to a question.
type verdict struct {
	allow bool
	who   provisioning.OriginKind
	names []string // what is allowed; none for all that was asked for
}

// answer tells the broker, and returns the rule as a sentence.
func (u *user) answer(ctx context.Context, prov *provisioning.OwnerClient, q question, v verdict) (string, error) {
	a, _ := q.Question.Answer(v.allow, v.who)
	if v.allow && len(v.names) > 0 {
		a.Scope.Names = v.names
	}
	if a.Scope.Categories == iot.AllCategories {
		a.Scope.Categories = 0 // the same, without having to say it
	}
	if err := prov.Answer(ctx, a); err != nil {
		return "", err
	}
	verb, scope := "may not", ""
	if a.Allow {
		verb = "may"
	}
	if a.Op != provisioning.Befriend && a.Allow {
		scope = ": " + a.Scope.String()
	}
	return plain(fmt.Sprintf("%s %s %s %s%s", a.Origin, verb, a.Op, a.Thing, scope)), nil
}
