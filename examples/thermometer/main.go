// Thermometer is a thing that tells a temperature. Copy this page and put your sensor into readSensor.
//
// The broker, and the API key that it gave you, come from the environment:
//
//	THING_BROKER=example.org THING_API_KEY=... THING_API_SECRET=... go run .
//
// At its first start it prints a text. Claim the thing with that, and it is yours: only you can read it, and who you allow to.
package main

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"os/signal"

	"github.com/comity-iot/comity/thing"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	config := thing.FromEnvironment()
	config.Events.Unclaimed = func(claim string) { fmt.Println("nobody owns me yet; claim me with", claim) }
	config.Events.Owned = func(owner thing.Address) { fmt.Println("my owner is", owner) }

	if err := thermometer().Run(ctx, config); ctx.Err() == nil {
		log.Fatal(err)
	}
}

// thermometer says what the thing is, and what it can tell.
func thermometer() *thing.Thing {
	t := thing.New(thing.About{
		Serial: "T-0042", Maker: "maker.example", Model: "Thermometer", Version: "1.0",
		Name: "Kitchen thermometer", Class: "Sensor",
	})
	t.Field(thing.Field{Name: "Temperature", Unit: "°C", Read: readSensor})
	return t
}

// readSensor is where your sensor goes. This one makes up a temperature near 21 °C.
func readSensor(context.Context) (thing.Value, error) {
	celsius := 21 + rand.NormFloat64()/2
	return thing.FloatValue(celsius, 1), nil // with one decimal, as that is all that the sensor knows
}
