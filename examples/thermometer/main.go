// Thermometer is a thing that tells a temperature and a humidity. Copy this page, and what package home says of the thermometer, and
// put your sensors into readTemperature and readHumidity.
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

	"github.com/comity-iot/comity/examples/home"
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

func thermometer() *thing.Thing { return home.Thermometer("T-0042", readTemperature, readHumidity) }

// readTemperature is where your sensor goes. This one makes up a temperature near 21 °C.
func readTemperature(context.Context) (thing.Value, error) {
	celsius := 21 + rand.NormFloat64()/2
	return thing.FloatValue(celsius, 1), nil // with one decimal, as that is all that the sensor knows
}

// readHumidity makes up a humidity near 45 %.
func readHumidity(context.Context) (thing.Value, error) {
	return thing.IntValue(int64(45 + rand.NormFloat64())), nil
}
