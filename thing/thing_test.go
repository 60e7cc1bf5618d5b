package thing_test

import (
	"context"
	"testing"

	"github.com/comity-iot/comity/iot/sensordata"
	"github.com/comity-iot/comity/thing"
)

// temperature is a field.
func temperature(celsius float64) thing.Field {
	return thing.Field{Name: "Temperature", Unit: "°C", Read: func(context.Context) (thing.Value, error) {
		return thing.FloatValue(celsius, 1), nil
	}}
}

// The whole story: an account by API key, a claim, an owner who reads.
func TestOwnerReads(t *testing.T) {
	live(t, func(w *world) { w.thing.Field(temperature(21.46)) }, func(w *world) {
		w.ok(w.broker.Claim(w.ctx, w.owner))
		if w.thing.Owner() != w.owner.JID.Bare() {
			w.Errorf("the owner is %q", w.thing.Owner())
		}
		report, err := w.owner.Read(w.ctx, sensordata.Request{})
		w.ok(err)
		got, ok := report.Latest("Temperature")
		if !ok || got.Value != "21.5" || got.Unit != "°C" {
			w.Errorf("read %+v", report)
		}
		if asked := w.broker.Asked(); len(asked) != 0 {
			w.Errorf("asked %v about the owner", asked)
		}
	})
}
