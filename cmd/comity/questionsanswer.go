package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// questionsAnswerCmd answers one question.
type questionsAnswerCmd struct {
	Key          string   `arg:"" help:"The question: its key, or the first letters of it, or its number in the list."`
	Verdict      string   `arg:"" enum:"allow,deny" help:"allow or deny."`
	Fields       []string `placeholder:"A,B" help:"Allow only these fields, or parameters."`
	Who          string   `enum:"caller,domain,all" default:"caller" help:"Whom the answer is for: the caller, everybody at the caller's domain, or all."`
	profileFlags `embed:""`
}

// answerResult is what was answered, for programs.
type answerResult struct {
	questionLine
	Allowed bool   `json:"allowed"`
	Rule    string `json:"rule"` // for people
}

// origins are the values of --who.
var origins = map[string]provisioning.OriginKind{
	"caller": provisioning.FromCaller, "domain": provisioning.FromDomain, "all": provisioning.FromAnyone,
}

// Run answers. A refusal returns when the thing has confirmed that it forgot what it was allowed, or after a while.
func (c *questionsAnswerCmd) Run(ctx context.Context, e *env) error {
	v := verdict{allow: c.Verdict == "allow", who: origins[c.Who], names: c.Fields}
	if !v.allow && len(v.names) > 0 {
		return usageError(errors.New("--fields says what is allowed"), "To allow only these: comity questions answer %s allow --fields …", c.Key)
	}
	u, err := c.login(ctx, e)
	if err != nil {
		return err
	}
	defer u.close()
	prov, err := u.provisioning(ctx)
	if err != nil {
		return err
	}
	all, err := u.questions(ctx, prov.Service)
	if err != nil {
		return err
	}
	q, err := choose(all, c.Key)
	if err != nil {
		return err
	}
	if q.Op == provisioning.Befriend && len(v.names) > 0 {
		return usageError(errors.New("a friendship has no fields"), "Allow it, and say what may be read or set when you are asked for that.")
	}
	rule, err := u.answer(ctx, prov, q, v)
	if errors.Is(err, stanza.ItemNotFound) {
		return advise(stanza.ItemNotFound.With("the question is not open any more"), "To see those that are: comity questions")
	}
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return e.tell(answerResult{q.line(), v.allow, rule}, "From now on %s.", rule)
}
