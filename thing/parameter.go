package thing

import (
	"context"
	"image/color"
	"math"
	"strconv"
	"time"

	"github.com/comity-iot/comity/iot/control"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/form/xs"
)

// Parameter is something that can be set: a Bool, Number, Integer, Choice, Text, Colour, Duration or Time. In all of them Name and
// Set are required. With Get, the parameter is a field too. Label and Help are for people.
//
// Set is only called with values that are within bounds. It must return when ctx ends. Of its error only a *stanza.Error is
// told to who set it, such as stanza.Conflict for what is locked; the log has all of it.
type Parameter interface{ declare() parameter }

// Bool is on or off.
type Bool struct {
	Name, Label, Help string
	Get               func(ctx context.Context) (bool, error)
	Set               func(ctx context.Context, on bool) error
}

// Number is a number with decimals, from Min to Max, both included, unless both are zero.
type Number struct {
	Name, Label, Help string
	Unit              string // for people, and of the field
	Min, Max          float64
	Get               func(ctx context.Context) (float64, error)
	Set               func(ctx context.Context, v float64) error
}

// Integer is a whole number, from Min to Max, both included, unless both are zero.
type Integer struct {
	Name, Label, Help string
	Unit              string // for people, and of the field
	Min, Max          int64
	Get               func(ctx context.Context) (int64, error)
	Set               func(ctx context.Context, v int64) error
}

// Choice is one of several words.
type Choice struct {
	Name, Label, Help string
	Options           []string
	Get               func(ctx context.Context) (string, error)
	Set               func(ctx context.Context, word string) error
}

// Text is text.
type Text struct {
	Name, Label, Help string
	Get               func(ctx context.Context) (string, error)
	Set               func(ctx context.Context, v string) error
}

// Colour is a colour; its alpha is 255 where nothing was said of it. Its field has it as RRGGBB, or RRGGBBAA.
type Colour struct {
	Name, Label, Help string
	Get               func(ctx context.Context) (color.NRGBA, error)
	Set               func(ctx context.Context, v color.NRGBA) error
}

// Duration is a length of time.
type Duration struct {
	Name, Label, Help string
	Get               func(ctx context.Context) (time.Duration, error)
	Set               func(ctx context.Context, v time.Duration) error
}

// Time is a date and time of day.
type Time struct {
	Name, Label, Help string
	Get               func(ctx context.Context) (time.Time, error)
	Set               func(ctx context.Context, v time.Time) error
}

// parameter is a declared Parameter.
type parameter struct {
	control.Parameter
	unit string
	get  func(context.Context) (Value, error) // nil if it cannot be read
	set  func(context.Context, control.Value) error
}

// typed makes a parameter of functions that know its type.
func typed[T any](p control.Parameter, unit string,
	get func(context.Context) (T, error), value func(T) Value,
	set func(context.Context, T) error, parse func(control.Value) (T, error),
) parameter {
	out := parameter{Parameter: p, unit: unit}
	if get != nil {
		out.get = func(ctx context.Context) (Value, error) {
			v, err := get(ctx)
			if err != nil {
				return Value{}, err
			}
			return value(v), nil
		}
	}
	if set != nil {
		out.set = func(ctx context.Context, v control.Value) error {
			parsed, err := parse(v)
			if err != nil {
				return err
			}
			return set(ctx, parsed)
		}
	}
	return out
}

func (b Bool) declare() parameter {
	p := control.Parameter{Name: b.Name, Label: b.Label, Desc: b.Help, Type: control.Boolean}
	return typed(p, "", b.Get, BoolValue, b.Set, control.Value.Bool)
}

func (n Number) declare() parameter {
	p := control.Parameter{Name: n.Name, Label: n.Label, Desc: n.Help, Type: control.Double}
	if n.Min != 0 || n.Max != 0 {
		p.Min, p.Max = xs.FormatDouble(n.Min), xs.FormatDouble(n.Max)
	}
	return typed(p, n.Unit, n.Get, func(v float64) Value { return FloatValue(v, -1) }, n.Set, control.Value.Float)
}

func (i Integer) declare() parameter {
	p := control.Parameter{Name: i.Name, Label: i.Label, Desc: i.Help, Type: control.Int}
	if i.Min != 0 || i.Max != 0 {
		p.Min, p.Max = strconv.FormatInt(i.Min, 10), strconv.FormatInt(i.Max, 10)
	}
	if i.Min < math.MinInt32 || i.Max > math.MaxInt32 {
		p.Type = control.Long // which not everybody can write
	}
	return typed(p, i.Unit, i.Get, IntValue, i.Set, control.Value.Int)
}

func (c Choice) declare() parameter {
	p := control.Parameter{Name: c.Name, Label: c.Label, Desc: c.Help, Type: control.Enum, EnumType: c.Name}
	for _, o := range c.Options {
		p.Options = append(p.Options, form.Option{Value: o, Label: o})
	}
	value := func(word string) Value { return EnumValue(c.Name, word) }
	return typed(p, "", c.Get, value, c.Set, textOf)
}

func (t Text) declare() parameter {
	p := control.Parameter{Name: t.Name, Label: t.Label, Desc: t.Help, Type: control.String}
	return typed(p, "", t.Get, TextValue, t.Set, textOf)
}

func (c Colour) declare() parameter {
	p := control.Parameter{Name: c.Name, Label: c.Label, Desc: c.Help, Type: control.Color}
	value := func(v color.NRGBA) Value { return TextValue(control.NewColor("", v).Text) }
	return typed(p, "", c.Get, value, c.Set, control.Value.Color)
}

func (d Duration) declare() parameter {
	p := control.Parameter{Name: d.Name, Label: d.Label, Desc: d.Help, Type: control.Duration}
	return typed(p, "", d.Get, DurationValue, d.Set, durationOf)
}

func (t Time) declare() parameter {
	p := control.Parameter{Name: t.Name, Label: t.Label, Desc: t.Help, Type: control.DateTime}
	return typed(p, "", t.Get, TimeValue, t.Set, control.Value.Time)
}

func textOf(v control.Value) (string, error) { return v.Text, nil }

// durationOf refuses months, of which nobody knows how long they are.
func durationOf(v control.Value) (time.Duration, error) {
	d, err := v.Duration()
	if err != nil || d.Months != 0 {
		return 0, errMonths
	}
	return d.Rest, nil
}
