package main

import (
	"testing"
	"testing/synctest"

	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/thing/thingtest"
)

// This machine tells something, whichever it is.
func TestMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := thingtest.NewBroker(t)
		th, _ := this()
		defer b.Run(th, b.Config(t.TempDir()))()
		owner := b.Person("owner@example.org/phone")
		if err := b.Claim(t.Context(), owner); err != nil {
			t.Fatal(err)
		}
		report, err := owner.Read(t.Context(), sensordata.Request{})
		if _, ok := report.Latest("Processors"); err != nil || !ok {
			t.Errorf("read %+v, %v", report, err)
		}
	})
}
