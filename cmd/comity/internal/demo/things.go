package demo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"sync"

	"github.com/comity-iot/comity/examples/home"
	"github.com/comity-iot/comity/thing"
	"github.com/comity-iot/comity/thing/machine"
	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/jid"
)

// device is a thing that runs.
type device struct {
	*thing.Thing
	name   string
	online chan jid.JID // has the address when it is there
	claim  chan string  // has the text of the QR code while it is nobody's
	owned  chan jid.JID // has the owner when it has one
	ended  chan struct{}
	err    error // why it ended

	claimed string // by whom it is claimed: the text of the QR code
}

// run starts a thing.
func (s *Show) run(name string, t *thing.Thing) *device {
	d := &device{
		Thing: t, name: name,
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
	mu     sync.Mutex // while it is held, nothing is measured
	values []float64
}

// decimals of the thermometer are more than make sense, so that its values are found nowhere by chance.
const decimals = 9

// sensor makes up values, of which each is another one.
func (g *given) sensor(from, to float64) home.Sensor {
	return func(context.Context) (thing.Value, error) {
		v := from + (to-from)*rand.Float64()
		v = math.Round(v*1e9) / 1e9
		g.mu.Lock()
		defer g.mu.Unlock()
		g.values = append(g.values, v)
		return thing.FloatValue(v, decimals), nil
	}
}

func (g *given) all() []float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.values[:len(g.values):len(g.values)]
}

// startThermometer starts a thing that only measures.
func (s *Show) startThermometer() {
	s.thermometer = s.run("thermometer", home.Thermometer("T-2718281828", s.given.sensor(18, 24), s.given.sensor(35, 60)))
}

// startLamp starts a thing that only obeys.
func (s *Show) startLamp() {
	lamp := &home.Lamp{Percent: 100}
	s.lamp = s.run("lamp", lamp.Thing("L-3141592653"))
}

// startMachine makes a thing of what this runs on.
func (s *Show) startMachine() {
	this := machine.This()
	m := thing.New(this.About())
	this.Declare(m)
	s.machine = s.run("machine", m)
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
