package main

import (
	"testing"
	"testing/synctest"

	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/thing/thingtest"
)

// The thermometer gets an owner, who reads it.
func TestThermometer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := thingtest.NewBroker(t)
		defer b.Run(thermometer(), b.Config(t.TempDir()))()
		owner := b.Person("owner@example.org/phone")
		if err := b.Claim(t.Context(), owner); err != nil {
			t.Fatal(err)
		}
		report, err := owner.Read(t.Context(), sensordata.Request{})
		if err != nil {
			t.Fatal(err)
		}
		got, _ := report.Latest("Temperature")
		if celsius, err := got.Float(); err != nil || celsius < 10 || celsius > 32 || got.Unit != "°C" {
			t.Errorf("read %+v, %v", report, err)
		}
		got, _ = report.Latest("Humidity")
		if percent, err := got.Float(); err != nil || percent < 30 || percent > 60 || got.Unit != "%" {
			t.Errorf("read %+v, %v", report, err)
		}
	})
}
