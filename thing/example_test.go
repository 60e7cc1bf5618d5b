package thing_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/thing"
	"github.com/comity-iot/comity/thing/thingtest"
)

// A thing with one field and one parameter.
func Example() {
	heating := false
	t := thing.New(thing.About{Serial: "H-0001", Maker: "maker.example", Model: "Heater", Version: "1.0"})
	t.Field(thing.Field{Name: "Temperature", Unit: "°C", Read: func(context.Context) (thing.Value, error) {
		return thing.FloatValue(21.46, 1), nil
	}})
	t.Parameter(thing.Bool{
		Name: "Heating",
		Get:  func(context.Context) (bool, error) { return heating, nil },
		Set:  func(_ context.Context, on bool) error { heating = on; return nil },
	})
	err := t.Run(context.Background(), thing.Config{})
	fmt.Println(err)
	// Output: thing: bad configuration: no Broker
}

// How a maker tests a thing.
func TestExample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := thing.New(about)
		th.Field(temperature(21.46))

		b := thingtest.NewBroker(t)
		defer b.Run(th, b.Config(t.TempDir()))()
		owner := b.Person("owner@example.org/phone")
		if err := b.Claim(t.Context(), owner); err != nil {
			t.Fatal(err)
		}
		report, err := owner.Read(t.Context(), sensordata.Request{Fields: []string{"Temperature"}})
		if got, _ := report.Latest("Temperature"); err != nil || got.Value != "21.5" {
			t.Errorf("read %v, %v", report, err)
		}
	})
}
