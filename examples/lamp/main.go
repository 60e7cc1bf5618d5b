// Lamp is a thing that can be switched and dimmed, by programs and by people: send it "?", "toggle" or "Brightness 40" from any
// chat client, once you are its owner or a friend who may.
//
//	THING_BROKER=example.org THING_API_KEY=... THING_API_SECRET=... go run .
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/comity-iot/comity/thing"
)

// lamp is where yours goes: the relay and the dimmer. Its functions are never called two at a time, so it needs no lock.
type lamp struct {
	on      bool
	percent int64
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	config := thing.FromEnvironment()
	config.Events.Unclaimed = func(claim string) { fmt.Println("nobody owns me yet; claim me with", claim) }
	config.Events.Set = func(by thing.Address, parameter, value string) { fmt.Println(by, "set", parameter, "to", value) }

	if err := (&lamp{percent: 100}).thing().Run(ctx, config); ctx.Err() == nil {
		log.Fatal(err)
	}
}

// thing says what the lamp is, and what can be set. With Get, a parameter can be read, too.
func (l *lamp) thing() *thing.Thing {
	t := thing.New(thing.About{
		Serial: "L-0007", Maker: "maker.example", Model: "Lamp", Version: "1.0",
		Name: "Reading lamp", Class: "Actuator",
	})
	t.Parameter(thing.Bool{
		Name: "Light", Help: "whether it shines",
		Get: func(context.Context) (bool, error) { return l.on, nil },
		Set: func(_ context.Context, on bool) error {
			l.on = on // here you would switch the relay
			return nil
		},
	})
	t.Parameter(thing.Integer{
		Name: "Brightness", Unit: "%", Min: 1, Max: 100,
		Get: func(context.Context) (int64, error) { return l.percent, nil },
		Set: func(_ context.Context, percent int64) error {
			l.percent = percent // here you would turn the dimmer
			return nil
		},
	})
	return t
}
