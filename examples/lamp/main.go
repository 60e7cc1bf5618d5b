// Lamp is a thing that can be switched and dimmed, by programs and by people: send it "?", "toggle" or "Brightness 40" from any
// chat client, once you are its owner or a friend who may. Package home says what it is.
//
//	THING_BROKER=example.org THING_API_KEY=... THING_API_SECRET=... go run .
package main

import (
	"context"
	"fmt"
	"log"
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
	config.Events.Set = func(by thing.Address, parameter, value string) { fmt.Println(by, "set", parameter, "to", value) }

	lamp := &home.Lamp{Percent: 100}
	if err := lamp.Thing("L-0007").Run(ctx, config); ctx.Err() == nil {
		log.Fatal(err)
	}
}
