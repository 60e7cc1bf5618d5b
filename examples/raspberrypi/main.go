// Raspberrypi is a thing with a relay, at pin GPIO 17, and a DS18B20 thermometer, at the 1-wire bus: switch the relay and read the
// temperature from anywhere. It needs nothing but the kernel's files:
//
//   - for the thermometer, "dtoverlay=w1-gpio" in /boot/firmware/config.txt;
//   - for the relay, a user in the group gpio.
//
// Whatever is not there, it says so and goes on without it, so that it starts on any machine.
//
//	GOOS=linux GOARCH=arm64 go build . && scp raspberrypi pi:
//	THING_BROKER=example.org THING_API_KEY=... THING_API_SECRET=... ./raspberrypi
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

// relayPin is where the relay is, as the Raspberry Pi counts: GPIO 17 is the sixth pin from the top, on the inside.
const relayPin = 17

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	config := thing.FromEnvironment()
	config.Events.Unclaimed = func(claim string) { fmt.Println("nobody owns me yet; claim me with", claim) }

	t, end := pi("/sys")
	defer end()
	if err := t.Run(ctx, config); ctx.Err() == nil {
		log.Print(err)
	}
}

// pi declares what is found below a folder, which is /sys on a real one. end gives the pin back.
func pi(sys string) (t *thing.Thing, end func()) {
	about := machine.This().About() // which board it is
	about.Name, about.Class = "Relay and thermometer", "Actuator"
	t = thing.New(about)
	var missing []string

	relay, err := openRelay(sys, relayPin)
	if err != nil {
		missing = append(missing, "no relay: "+err.Error())
	} else {
		t.Parameter(thing.Bool{Name: "Relay", Get: relay.get, Set: relay.set})
	}
	sensors, err := findSensors(sys)
	if err != nil {
		missing = append(missing, "no thermometer: "+err.Error())
	}
	for name, sensor := range sensors {
		t.Field(thing.Field{Name: name, Unit: "°C", Read: sensor.read})
	}

	status := strings.Join(append(missing, "running"), "; ")
	fmt.Println(status)
	t.Field(thing.Field{Name: "Status", Categories: thing.Status, Read: func(context.Context) (thing.Value, error) {
		return thing.TextValue(status), nil
	}})
	return t, func() {
		if relay == nil {
			return
		}
		if err := relay.close(); err != nil {
			log.Print(err)
		}
	}
}
