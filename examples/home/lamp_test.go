package home_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/examples/home"
	"github.com/comity-iot/comity/iot/control"
	"github.com/comity-iot/comity/thing/thingtest"
)

// The lamp is switched by its owner: in words, and by the protocol.
func TestLamp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := thingtest.NewBroker(t)
		l := &home.Lamp{Percent: 100}
		defer b.Run(l.Thing("L-0007"), b.Config(t.TempDir()))()
		owner := b.Person("owner@example.org/phone")
		if err := b.Claim(t.Context(), owner); err != nil {
			t.Fatal(err)
		}
		for _, talk := range [][2]string{
			{"toggle", "Relay is now on."},
			{"brightness 40", "Brightness is now 40 %."},
			{"?", "Reading lamp\nRelay: on\nBrightness: 40 %\n" +
				"Relay on|off: switches the lamp\nBrightness 1..100 %\ntoggle: on if off, off if on"},
		} {
			time.Sleep(time.Second) // as people do; the clock is the bubble's
			if got, err := owner.Say(t.Context(), talk[0]); err != nil || got != talk[1] {
				t.Errorf("%q: %q, %v; want %q", talk[0], got, err, talk[1])
			}
		}
		off := control.Command{Values: []control.Value{control.NewBool("Relay", false), control.NewInt("Brightness", 101)}}
		if _, err := owner.Set(t.Context(), off); err == nil || !l.On {
			t.Errorf("101 %%: %v, on %v", err, l.On)
		}
		off.Values = off.Values[:1]
		if _, err := owner.Set(t.Context(), off); err != nil || l.On {
			t.Errorf("off: %v, on %v", err, l.On)
		}
	})
}
