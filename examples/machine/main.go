// Machine makes a thing of the machine that it runs on: load, memory, disk, how long it runs, and the temperatures that its sensors
// have.
//
//	THING_BROKER=example.org THING_API_KEY=... THING_API_SECRET=... go run .
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"

	"github.com/comity-iot/comity/thing"
	"github.com/comity-iot/comity/thing/machine"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	config := thing.FromEnvironment()
	config.Events.Unclaimed = func(claim string) { fmt.Println("nobody owns me yet; claim me with", claim) }

	t, missing := this()
	if len(missing) > 0 {
		fmt.Println("cannot be read here:", strings.Join(missing, "; "))
	}
	if err := t.Run(ctx, config); ctx.Err() == nil {
		log.Fatal(err)
	}
}

// this returns the machine as a thing, and the names of what it cannot tell.
func this() (t *thing.Thing, missing []string) {
	m := machine.This()
	t = thing.New(m.About())
	return t, m.Declare(t)
}
