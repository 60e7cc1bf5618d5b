package home

import (
	"context"

	"github.com/comity-iot/comity/thing"
)

// Lamp is where yours goes: a relay and a dimmer. Its functions are never called two at a time, so it needs no lock.
type Lamp struct {
	On      bool
	Percent int64
}

// Thing says what the lamp is, and what can be set. With Get, a parameter can be read, too.
func (l *Lamp) Thing(serial string) *thing.Thing {
	t := thing.New(thing.About{
		Serial: serial, Maker: Maker, Model: "Lamp", Version: "1.0",
		Name: "Reading lamp", Class: "Actuator",
	})
	t.Parameter(thing.Bool{
		Name: "Relay", Help: "switches the lamp",
		Get: func(context.Context) (bool, error) { return l.On, nil },
		Set: func(_ context.Context, on bool) error {
			l.On = on // here you would switch the relay
			return nil
		},
	})
	t.Parameter(thing.Integer{
		Name: "Brightness", Unit: "%", Min: 1, Max: 100,
		Get: func(context.Context) (int64, error) { return l.Percent, nil },
		Set: func(_ context.Context, percent int64) error {
			l.Percent = percent // here you would turn the dimmer
			return nil
		},
	})
	return t
}
