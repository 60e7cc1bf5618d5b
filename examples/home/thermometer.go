package home

import "github.com/comity-iot/comity/thing"

// Thermometer is a thing that only measures: what it is, and what it can tell.
func Thermometer(serial string, temperature, humidity Sensor) *thing.Thing {
	t := thing.New(thing.About{
		Serial: serial, Maker: Maker, Model: "Thermometer", Version: "1.0",
		Name: "Kitchen thermometer", Class: "Sensor",
	})
	t.Field(thing.Field{Name: "Temperature", Unit: "°C", Read: temperature})
	t.Field(thing.Field{Name: "Humidity", Unit: "%", Read: humidity})
	return t
}
