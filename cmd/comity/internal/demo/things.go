package demo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"sync"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/thing"
	"github.com/comity-iot/comity/thing/machine"
	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/jid"
)

// maker makes the thermometer and the lamp.
const maker = "comity.example"

// device is a thing that runs.
type device struct {
	*thing.Thing
	name   string
	about  thing.About
	online chan jid.JID // has the address when it is there
	claim  chan string  // has the text of the QR code while it is nobody's
	owned  chan jid.JID // has the owner when it has one
	ended  chan struct{}
	err    error // why it ended

	claimed string // by whom it is claimed: the text of the QR code
}

// run starts a thing.
func (s *Show) run(name string, about thing.About, t *thing.Thing) *device {
	d := &device{
		Thing: t, name: name, about: about,
		online: make(chan jid.JID, 1), claim: make(chan string, 1), owned: make(chan jid.JID, 1), ended: make(chan struct{}),
	}
	c := thing.Config{
		Broker: s.Domain.String(), Addr: s.Addr, TLS: s.TLS,
		APIKey: s.apiKey.ID, Secret: s.apiKey.Secret,
		State:  filepath.Join(s.Folder, "things", name),
		Log:    s.Log.With("thing", name),
		Adjust: func(c *client.Config) { s.tells.call(c.JID, name) }, // before it says anything
		Events: thing.Events{
			Online:    func(account jid.JID) { put(d.online, account) },
			Unclaimed: func(claim string) { put(d.claim, claim) },
			Owned:     func(owner jid.JID) { put(d.owned, owner) },
		},
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = append(s.stop, stop)
	s.work.Go(func() {
		defer close(d.ended)
		d.err = t.Run(ctx, c)
	})
	return d
}

// put puts the newest into a channel with room for one.
func put[T any](c chan T, v T) {
	select {
	case <-c:
	default:
	}
	select {
	case c <- v:
	default:
	}
}

// get waits for something of a thing.
func get[T any](ctx context.Context, d *device, c chan T, what string) (v T, err error) {
	select {
	case v = <-c:
		return v, nil
	case <-d.ended:
		return v, fmt.Errorf("the %s has ended: %w", d.name, errors.Join(d.err, errUnlike))
	case <-ctx.Done():
		return v, fmt.Errorf("%s of the %s: %w", what, d.name, context.Cause(ctx))
	}
}

// given are the values that sensors gave, for the search at the end.
type given struct {
	mu     sync.Mutex
	values []float64
}

// decimals of the thermometer are more than make sense, so that its values are found nowhere by chance.
const decimals = 9

// sensor is a field whose every value is another one.
func (g *given) sensor(name, unit string, from, to float64) thing.Field {
	return thing.Field{Name: name, Unit: unit, Categories: iot.Momentary, Read: func(context.Context) (thing.Value, error) {
		v := from + (to-from)*rand.Float64()
		v = math.Round(v*1e9) / 1e9
		g.mu.Lock()
		defer g.mu.Unlock()
		g.values = append(g.values, v)
		return thing.FloatValue(v, decimals), nil
	}}
}

func (g *given) all() []float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.values[:len(g.values):len(g.values)]
}

// startThermometer starts a thing that only measures.
func (s *Show) startThermometer() {
	about := thing.About{Serial: "T-2718281828", Maker: maker, Model: "Thermometer", Version: "1.0", Class: "Sensor"}
	t := thing.New(about)
	t.Field(s.given.sensor("Temperature", "°C", 18, 24))
	t.Field(s.given.sensor("Humidity", "%", 35, 60))
	s.thermometer = s.run("thermometer", about, t)
}

// startLamp starts a thing that only obeys.
func (s *Show) startLamp() {
	about := thing.About{Serial: "L-3141592653", Maker: maker, Model: "Lamp", Version: "1.1", Class: "Actuator"}
	relay := &relay{}
	l := thing.New(about)
	l.Parameter(thing.Bool{Name: "Relay", Help: "switches the lamp", Get: relay.get, Set: relay.set})
	s.lamp = s.run("lamp", about, l)
}

// startMachine makes a thing of what this runs on.
func (s *Show) startMachine() {
	this := machine.This()
	about := this.About()
	m := thing.New(about)
	this.Declare(m)
	s.machine = s.run("machine", about, m)
}

// things are those that were started.
func (s *Show) things() (all []*device) {
	for _, d := range []*device{s.thermometer, s.lamp, s.machine} {
		if d != nil {
			all = append(all, d)
		}
	}
	return all
}

// relay is the lamp's.
type relay struct {
	mu sync.Mutex
	on bool
}

func (r *relay) get(context.Context) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.on, nil
}

func (r *relay) set(_ context.Context, on bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.on = on
	return nil
}
