package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/control"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// setCmd commands an actuator.
type setCmd struct {
	Thing        string   `arg:"" name:"jid" help:"Address of the thing."`
	Values       []string `arg:"" optional:"" name:"parameter=value" help:"What to set, in this order. Without any, the parameters that there are are listed."`
	profileFlags `embed:""`
}

// Help is shown by --help.
func (setCmd) Help() string {
	return `The thing has to be your friend ("comity friends add JID"), and its owner decides what you may set. A switch is true or false, a colour RRGGBB.

  comity set lamp@example.org Relay=true`
}

// setResult is what was set, for programs.
type setResult struct {
	JID string   `json:"jid"`
	Set []string `json:"set"` // names
}

// Run commands, or lists what can be commanded.
func (c *setCmd) Run(ctx context.Context, e *env) error {
	who, err := parseContact(c.Thing)
	if err != nil {
		return err
	}
	values, err := parseValues(c.Values)
	if err != nil {
		return err
	}
	u, err := c.login(ctx, e)
	if err != nil {
		return err
	}
	defer u.close()
	at, g, err := u.reach(ctx, who, control.Family, "can be commanded")
	if err != nil {
		return err
	}
	if len(values) == 0 {
		return listParameters(ctx, u, at, g)
	}
	// A form has the values as text. So it need not be known beforehand which types they are of, and nobody is asked for more than is
	// to be set. XEP-0325#forms
	done, err := control.Set(ctx, u, at, control.Command{Generation: g, Values: values, Form: true})
	if err != nil {
		return setError(ctx, u, at, g, err)
	}
	return e.tell(setResult{at.Bare().String(), done.Parameters}, "%s has set %s.", at.Bare(), plain(strings.Join(done.Parameters, ", ")))
}

// parseValues reads NAME=VALUE.
func parseValues(args []string) (values []control.Value, err error) {
	for _, arg := range args {
		name, text, ok := strings.Cut(arg, "=")
		if !ok || name == "" {
			return nil, usageError(fmt.Errorf("%q sets nothing", arg), "Write PARAMETER=VALUE, such as Relay=true")
		}
		values = append(values, control.Value{Name: name, Text: text})
	}
	return values, nil
}

// parameterLine is a parameter for programs.
type parameterLine struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	Value   string   `json:"value,omitempty"` // at present, if that is known
	Min     string   `json:"min,omitempty"`
	Max     string   `json:"max,omitempty"`
	Options []string `json:"options,omitempty"`
	Label   string   `json:"label,omitempty"`
	Desc    string   `json:"desc,omitempty"`
}

func listParameters(ctx context.Context, u *user, at jid.JID, g iot.Generation) error {
	parameters, err := parametersOf(ctx, u, at, g)
	if err != nil {
		return setError(ctx, nil, at, g, err)
	}
	if len(parameters) == 0 {
		u.env.say("%s has nothing that you may set.", at.Bare())
		return nil
	}
	table := tabwriter.NewWriter(u.env.stdout, 0, 0, 2, ' ', 0)
	if !u.env.json {
		fmt.Fprintln(table, "PARAMETER\tNOW\tTAKES\tWHAT IT IS")
	}
	for _, p := range parameters {
		if !u.env.json {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", plain(p.Name), plain(p.Value), plain(takes(p)), plain(p.Desc))
			continue
		}
		line := parameterLine{Name: p.Name, Type: p.Type.String(), Value: p.Value, Min: p.Min, Max: p.Max, Label: p.Label, Desc: p.Desc}
		for _, o := range p.Options {
			line.Options = append(line.Options, o.Value)
		}
		if err := u.env.tell(line, ""); err != nil {
			return err
		}
	}
	return table.Flush()
}

func parametersOf(ctx context.Context, u *user, at jid.JID, g iot.Generation) ([]control.Parameter, error) {
	f, err := control.GetForm(ctx, u, at, control.FormRequest{Generation: g})
	if err != nil {
		return nil, err
	}
	return control.Parameters(f), nil
}

// takes says what a parameter can be set to.
func takes(p control.Parameter) string {
	var options []string
	for _, o := range p.Options {
		options = append(options, o.Value)
	}
	switch {
	case len(options) > 0:
		return strings.Join(options, ", ")
	case p.Type == control.Boolean:
		return "true, false"
	case p.Type == control.Color:
		return "RRGGBB"
	case p.Min != "" || p.Max != "":
		return p.Type.String() + ", " + p.Min + " to " + p.Max
	}
	return p.Type.String()
}

// setError says what to do where the thing does not obey. With a user, who then may command the thing, what it takes is looked up.
func setError(ctx context.Context, u *user, at jid.JID, g iot.Generation, err error) error {
	who := at.Bare()
	switch {
	case errors.Is(err, stanza.Forbidden):
		return advise(stanza.Forbidden.With("%s may not obey you in that", who),
			"Its owner has been asked, unless that was decided before. Try again when the answer may be there.")
	case u != nil && (errors.Is(err, stanza.BadRequest) || errors.Is(err, stanza.ItemNotFound)):
		text := wording(err)
		if name, why, ok := control.ParamOf(err); ok {
			text = name + ": " + why
		}
		return advise(fmt.Errorf("%s cannot do that: %s", who, text), "What it takes: comity set %s", who)
	}
	return fmt.Errorf("set %s: %w", who, err)
}
