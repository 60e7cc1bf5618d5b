package thing_test

import (
	"context"
	"errors"
	"image/color"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/control"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/thing"
	"github.com/comity-iot/comity/xep/delay"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// everything has a parameter of each type, and what they were set to.
type everything struct{ set map[string]any }

func remember[T any](e *everything, name string) func(context.Context, T) error {
	return func(_ context.Context, v T) error {
		e.set[name] = v
		return nil
	}
}

func (e *everything) declare(w *world) {
	e.set = map[string]any{}
	w.thing.Parameter(thing.Bool{Name: "Light", Set: remember[bool](e, "Light")})
	w.thing.Parameter(thing.Number{
		Name: "Target", Unit: "°C", Min: 5, Max: 30, Set: remember[float64](e, "Target"),
		Get: func(context.Context) (float64, error) { return 21.5, nil },
	})
	w.thing.Parameter(thing.Integer{Name: "Speed", Min: -3, Max: 3, Set: remember[int64](e, "Speed")})
	w.thing.Parameter(thing.Choice{Name: "Mode", Options: []string{"eco", "comfort"}, Set: remember[string](e, "Mode")})
	w.thing.Parameter(thing.Text{Name: "Display", Set: remember[string](e, "Display")})
	w.thing.Parameter(thing.Colour{Name: "Glow", Set: remember[color.NRGBA](e, "Glow")})
	w.thing.Parameter(thing.Duration{Name: "Timer", Set: remember[time.Duration](e, "Timer")})
	w.thing.Parameter(thing.Time{Name: "Alarm", Set: remember[time.Time](e, "Alarm")})
}

// XEP-0325#set: all types, in all generations, typed and by form.
func TestSetEverything(t *testing.T) {
	alarm := time.Date(2018, 12, 25, 9, 27, 53, 0, time.UTC)
	want := map[string]any{
		"Light": true, "Target": 19.5, "Speed": int64(-2), "Mode": "eco", "Display": "hello",
		"Glow": color.NRGBA{R: 0xff, G: 0x80, A: 0xff}, "Timer": 90 * time.Second, "Alarm": alarm,
	}
	values := []control.Value{
		control.NewBool("Light", true), control.NewDouble("Target", 19.5), control.NewInt("Speed", -2),
		control.NewText("Mode", "eco"), control.NewText("Display", "hello"),
		control.NewColor("Glow", color.NRGBA{R: 0xff, G: 0x80, A: 0xff}),
		control.NewDuration("Timer", 90*time.Second), control.NewTime("Alarm", control.DateTime, alarm),
	}
	var e everything
	live(t, e.declare, func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		for g := range control.Family.All() {
			for _, form := range []bool{false, true} {
				clear(e.set)
				done, err := w.owner.Set(w.ctx, control.Command{Generation: g, Values: values, Form: form})
				if err != nil || len(done.Parameters) != len(values) || !reflect.DeepEqual(e.set, want) {
					w.Errorf("%v, form %v: %v, %v; set %v", g, form, done, err, e.set)
				}
			}
		}
	})
}

// What is out of bounds is never set. XEP-0325#errors
func TestOutOfBounds(t *testing.T) {
	var e everything
	live(t, e.declare, func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		for _, v := range []control.Value{
			control.NewDouble("Target", 30.1), control.NewInt("Target", 4), control.NewInt("Speed", 4),
			control.NewText("Mode", "party"), control.NewText("Light", "on"), control.NewDouble("Speed", 1),
		} {
			for g := range control.Family.All() {
				_, err := w.owner.Set(w.ctx, control.Command{Generation: g, Values: []control.Value{control.NewBool("Light", true), v}})
				name, _, ok := control.ParamOf(err)
				if !errors.Is(err, stanza.BadRequest) || !ok || name != v.Name {
					w.Errorf("%v in %v: %v", v, g, err)
				}
			}
		}
		months := control.Value{Name: "Timer", Type: control.Duration, Text: "P1M"}
		if _, err := w.owner.Set(w.ctx, control.Command{Values: []control.Value{months}}); !errors.Is(err, stanza.BadRequest) {
			w.Errorf("a month: %v; want bad-request", err)
		}
		if len(e.set) > 0 {
			w.Errorf("set %v", e.set)
		}
	})
}

// XEP-0325#controlform: the form has what can be set, its bounds, and what it is now.
func TestForm(t *testing.T) {
	var e everything
	live(t, e.declare, func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		f, err := w.owner.Form(w.ctx, control.FormRequest{})
		w.ok(err)
		parameters := control.Parameters(f)
		if len(parameters) != 8 {
			w.Fatalf("%d parameters", len(parameters))
		}
		target := parameters[1]
		if target.Name != "Target" || target.Min != "5" || target.Max != "30" || target.Value != "21.5" {
			w.Errorf("%+v", target)
		}
		// A parameter that can be read is a field, too.
		report, err := w.owner.Read(w.ctx, sensordata.Request{})
		w.ok(err)
		got, ok := report.Latest("Target")
		if !ok || !got.Writable || got.Unit != "°C" || got.Value != "21.5" || report.Len() != 1 {
			w.Errorf("read %+v", report)
		}
	})
}

// XEP-0324#restrictingparameterscontrol
func TestPartialControl(t *testing.T) {
	var e everything
	live(t, e.declare, func(w *world) {
		w.broker.SetRules(func(q thing.Question) (provisioning.Scope, bool) {
			return provisioning.Scope{Names: []string{"Light"}}, true
		})
		w.friend(w.alice)
		both := []control.Value{control.NewBool("Light", true), control.NewText("Display", "x")}
		done, err := w.alice.Set(w.ctx, control.Command{Values: both})
		w.ok(err)
		if !slices.Equal(done.Parameters, []string{"Light"}) || len(e.set) != 1 {
			w.Errorf("done %v, set %v", done, e.set)
		}
		if _, err := w.alice.Set(w.ctx, control.Command{Values: both[1:]}); !errors.Is(err, stanza.Forbidden) {
			w.Errorf("the other: %v; want forbidden", err)
		}
		f, err := w.alice.Form(w.ctx, control.FormRequest{})
		w.ok(err)
		if p := control.Parameters(f); len(p) != 1 || p[0].Name != "Light" {
			w.Errorf("form of %v", p)
		}
		unknown := append(both, control.NewBool("Fan", true))
		if _, err := w.alice.Set(w.ctx, control.Command{Values: unknown}); !errors.Is(err, stanza.ItemNotFound) {
			w.Errorf("with one that is not there: %v; want item-not-found", err)
		}
		want := thing.Question{Op: thing.Control, From: w.alice.JID.Bare(), Names: []string{"Light", "Display"}}
		if got := w.broker.Asked()[1]; !reflect.DeepEqual(got, want) {
			w.Errorf("asked %+v; want %+v", got, want)
		}
	})
}

// Requirement: without provisioning strangers keep toggling your relay.
func TestStrangersControlNothing(t *testing.T) {
	var e everything
	live(t, e.declare, func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		for g, space := range control.Family.All() {
			c := control.Command{Generation: g, Values: []control.Value{control.NewBool("Light", true)}}
			if _, err := w.mallory.Set(w.ctx, c); !errors.Is(err, stanza.Forbidden) {
				w.Errorf("%v: %v; want forbidden", g, err)
			}
			if _, err := w.mallory.Form(w.ctx, control.FormRequest{Generation: g}); !errors.Is(err, stanza.Forbidden) {
				w.Errorf("form in %s: %v; want forbidden", space, err)
			}
			w.mallory.Send(control.Tell(jid.JID{}, c))
		}
		synctest.Wait()
		if len(e.set) > 0 || len(w.broker.Asked()) > 0 {
			w.Errorf("set %v, asked %v", e.set, w.broker.Asked())
		}
	})
}

// XEP-0325#controlcommands: a message commands too, unless it was meant for another time.
func TestCommandByMessage(t *testing.T) {
	var e everything
	live(t, e.declare, func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		for g := range control.Family.All() {
			clear(e.set)
			m := control.Tell(jid.JID{}, control.Command{Generation: g, Values: []control.Value{control.NewBool("Light", true)}})
			w.owner.Send(m.With(delay.Note{At: time.Now().Add(-time.Hour)}.Element()))
			synctest.Wait()
			if len(e.set) > 0 {
				w.Errorf("%v: obeyed what was said an hour ago", g)
			}
			w.owner.Send(m)
			synctest.Wait()
			if e.set["Light"] != true {
				w.Errorf("%v: not obeyed", g)
			}
		}
	})
}

// What the maker's function says of itself is for the log; a stanza error is for who commands.
func TestSetFails(t *testing.T) {
	var fails error
	var events []string
	live(t, func(w *world) {
		w.thing.Parameter(thing.Bool{Name: "Light", Set: func(context.Context, bool) error { return fails }})
		w.config.Events.Set = func(by jid.JID, name, value string) { events = append(events, by.String()+" "+name+" "+value) }
	}, func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		for _, test := range []struct{ err, want error }{
			{errors.New("secret"), stanza.InternalServerError},
			{stanza.Conflict.With("somebody is in the shower"), stanza.Conflict},
			{nil, nil},
		} {
			fails = test.err
			_, err := w.owner.Set(w.ctx, control.Command{Values: []control.Value{control.NewBool("Light", true)}})
			if !errors.Is(err, test.want) {
				w.Errorf("%v: %v; want %v", test.err, err, test.want)
			}
		}
		if want := []string{"owner@example.org Light true"}; !slices.Equal(events, want) {
			w.Errorf("events %q; want %q", events, want)
		}
	})
}

// Several who command at one time are obeyed one after the other, and reading waits its turn too.
func TestOneAtATime(t *testing.T) {
	busy := 0
	once := func(context.Context, bool) error {
		busy++
		defer func() { busy-- }()
		time.Sleep(time.Second)
		if busy != 1 {
			t.Errorf("%d at one time", busy)
		}
		return nil
	}
	live(t, func(w *world) {
		w.thing.Parameter(thing.Bool{Name: "Light", Set: once, Get: func(ctx context.Context) (bool, error) {
			return true, once(ctx, true)
		}})
		w.config.Policy = thing.Everybody
	}, func(w *world) {
		done := make(chan error, 8)
		for _, p := range []string{"a@x.example/1", "b@x.example/1", "c@x.example/1", "d@x.example/1"} {
			p := w.broker.Person(p)
			w.friend(p)
			go func() {
				_, err := p.Set(w.ctx, control.Command{Values: []control.Value{control.NewBool("Light", true)}})
				done <- err
			}()
			go func() {
				_, err := p.Read(w.ctx, sensordata.Request{Generation: iot.NFI})
				done <- err
			}()
		}
		for range cap(done) {
			w.ok(<-done)
		}
	})
}
