package thing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/control"
	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// theSwitch returns the boolean parameter of that name, in any case, or without a name the only one that there is; else nil.
func (t *Thing) theSwitch(name string) *parameter {
	var found *parameter
	for i := range t.parameters {
		p := &t.parameters[i]
		switch {
		case p.Type != control.Boolean || name != "" && !strings.EqualFold(p.Name, name):
		case found != nil:
			return nil
		default:
			found = p
		}
	}
	return found
}

func greet(_ context.Context, t *talk) string {
	a := &t.about
	return fmt.Sprintf("Hi, I am %s: %s by %s. Send ? for what I do.", a.title(), a.Model, a.Maker)
}

// explain tells the state, and what can be said.
func explain(ctx context.Context, t *talk) string {
	lines := t.readings(ctx, &sensordata.Request{Categories: iot.AllCategories})
	allowed := t.allowed(ctx)
	for _, p := range allowed {
		lines = append(lines, usage(p))
	}
	if len(allowed) > 0 && t.theSwitch("") != nil {
		lines = append(lines, "toggle: on if off, off if on")
	}
	if len(lines) == 0 {
		return "There is nothing that I may tell you."
	}
	return strings.Join(append([]string{t.about.title()}, lines...), "\n")
}

// tell tells one field.
func tell(f *field) speech {
	return func(ctx context.Context, t *talk) string {
		return strings.Join(t.readings(ctx, &sensordata.Request{Fields: []string{f.Name}}), "\n")
	}
}

// describe tells how to set a parameter, to who may.
func describe(p *parameter) speech {
	return func(ctx context.Context, t *talk) string {
		if _, err := t.admit(ctx, p); err != nil {
			return apology(p.Name, err)
		}
		return usage(p)
	}
}

// toggle sets a switch to the contrary of what it is.
func toggle(p *parameter) speech {
	return func(ctx context.Context, t *talk) string {
		a, err := t.admit(ctx, p)
		if err != nil {
			return apology(p.Name, err)
		}
		if p.get == nil {
			return fmt.Sprintf("I cannot tell what %s is. Send %s on, or %s off.", p.Name, p.Name, p.Name)
		}
		v, err := t.call(ctx, p.Name, callLimit, p.get)
		if err != nil {
			return err.Error()
		}
		was, err := v.reading.Bool()
		if err != nil {
			return apology(p.Name, err)
		}
		return t.set(ctx, a, p, control.NewBool(p.Name, !was))
	}
}

// setTo sets a parameter to what somebody wrote.
func setTo(p *parameter, text string) speech {
	return func(ctx context.Context, t *talk) string {
		a, err := t.admit(ctx, p)
		if err != nil {
			return apology(p.Name, err)
		}
		v, err := p.Accept(control.Value{Name: p.Name, Text: written(p, text)}, iot.IEEE)
		if err != nil {
			return fmt.Sprintf("%s cannot be %s. Try %s", p.Name, text, usage(p))
		}
		return t.set(ctx, a, p, v)
	}
}

// written returns a value as it is written on the wire.
func written(p *parameter, text string) string {
	switch {
	case p.Type == control.Boolean:
		switch strings.ToLower(text) {
		case "on", "yes":
			return "true"
		case "off", "no":
			return "false"
		}
		return strings.ToLower(text)
	case p.Type == control.Color:
		return strings.TrimPrefix(text, "#")
	}
	for _, o := range p.Options {
		if strings.EqualFold(o.Value, text) {
			return o.Value
		}
	}
	return strings.TrimSpace(strings.TrimSuffix(text, p.unit))
}

// usage tells what can be said to set a parameter.
func usage(p *parameter) string {
	var values string
	switch {
	case p.Type == control.Boolean:
		values = "on|off"
	case len(p.Options) > 0:
		var words []string
		for _, o := range p.Options {
			words = append(words, o.Value)
		}
		values = strings.Join(words, "|")
	case p.Min != "":
		values = p.Min + ".." + p.Max
	case p.Type == control.Color:
		values = "RRGGBB"
	default:
		values = p.Type.String()
	}
	text := p.Name + " " + values
	if p.unit != "" {
		text += " " + p.unit
	}
	if p.Desc != "" {
		text += ": " + p.Desc
	}
	return text
}

// readings returns lines of what somebody may read.
func (t *talk) readings(ctx context.Context, req *sensordata.Request) []string {
	src := &source{online: t.online}
	granted, err := src.Admit(ctx, t.from, req)
	var report sensordata.Report
	if err == nil {
		report, err = src.Read(ctx, granted)
	}
	if err != nil {
		if len(req.Fields) == 0 {
			return nil
		}
		return []string{apology(req.Fields[0], err)}
	}
	report = report.Filter(granted)
	var lines []string
	for s := range report.Samples() {
		lines = append(lines, s.Name+": "+Value{reading: s.Reading}.people(s.Unit))
	}
	for f := range report.Faults() {
		lines = append(lines, f.Text)
	}
	return lines
}

// admit returns what sets the parameter, if somebody may.
func (t *talk) admit(ctx context.Context, p *parameter) (*actuator, error) {
	a := &actuator{online: t.online}
	_, err := a.Admit(ctx, t.from, control.Access{Parameters: []string{p.Name}})
	return a, err
}

// allowed returns the parameters that somebody may set.
func (t *talk) allowed(ctx context.Context) []*parameter {
	if len(t.parameters) == 0 {
		return nil
	}
	a := &actuator{online: t.online}
	granted, err := a.Admit(ctx, t.from, control.Access{})
	if err != nil {
		return nil
	}
	var list []*parameter
	for i := range t.parameters {
		p := &t.parameters[i]
		if len(granted.Parameters) == 0 || slices.Contains(granted.Parameters, p.Name) {
			list = append(list, p)
		}
	}
	return list
}

// set sets a parameter and says so.
func (t *talk) set(ctx context.Context, a *actuator, p *parameter, v control.Value) string {
	if err := a.Set(ctx, iot.Node{}, []control.Value{v}); err != nil {
		return apology(p.Name, err)
	}
	text := v.Text
	if on, err := v.Bool(); err == nil {
		text = Value{reading: sensordata.NewBool(sensordata.Field{Type: sensordata.Boolean}, on)}.people("")
	}
	if p.unit != "" {
		text += " " + p.unit
	}
	return p.Name + " is now " + text + "."
}

// apology says why something is not done.
func apology(name string, err error) string {
	refused, ok := errors.AsType[*stanza.Error](err)
	switch {
	case errors.Is(err, stanza.Forbidden):
		return name + ": my owner has not allowed you that."
	case ok && refused.Text != "":
		return name + ": " + refused.Text
	}
	return name + ": that does not work now."
}
