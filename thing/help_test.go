package thing_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/thing"
	"github.com/comity-iot/comity/thing/thingtest"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a thing at a broker, and who has to do with it.
type world struct {
	*testing.T
	ctx    context.Context
	broker *thingtest.Broker
	thing  *thing.Thing
	dir    string
	config thing.Config

	owner, alice, mallory *thingtest.Person

	stop context.CancelFunc
	done chan error
}

// about is the thing of most tests.
var about = thing.About{Serial: "T-0042", Maker: "maker.example", Model: "Test Lamp", Version: "1.2", Name: "Lamp", Class: "Actuator"}

// live runs a test with a thing that is connected and registered, in a bubble of time. declare says what the thing has.
func live(t *testing.T, declare func(*world), test func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		if declare != nil {
			declare(w)
		}
		w.start()
		defer w.end()
		w.must(w.broker.Registered(w.ctx))
		test(w)
	})
}

func newWorld(t *testing.T) *world {
	ctx, cancel := context.WithTimeout(t.Context(), 48*time.Hour)
	t.Cleanup(cancel)
	w := &world{T: t, ctx: ctx, broker: thingtest.NewBroker(t), thing: thing.New(about), dir: t.TempDir()}
	w.config = w.broker.Config(w.dir)
	w.config.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.owner = w.broker.Person("owner@example.org/desk")
	w.alice = w.broker.Person("alice@example.org/phone")
	w.mallory = w.broker.Person("mallory@evil.example/cave")
	return w
}

// start runs the thing.
func (w *world) start() {
	ctx, stop := context.WithCancel(w.ctx)
	w.stop, w.done = stop, make(chan error, 1)
	go func() { w.done <- w.thing.Run(ctx, w.config) }()
}

// end stops it, and waits for that.
func (w *world) end() {
	w.Helper()
	w.stop()
	if err := <-w.done; !errors.Is(err, context.Canceled) {
		w.Errorf("Run = %v", err)
	}
}

// must takes two results, of which the second is an error that ends the test.
func (w *world) must(_ any, err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// ok takes an error that ends the test.
func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// friend lets somebody in.
func (w *world) friend(p *thingtest.Person) {
	w.Helper()
	if ok, err := p.Befriend(w.ctx); err != nil || !ok {
		w.Fatalf("%s is no friend: %v, %v", p.JID, ok, err)
	}
	synctest.Wait()
}

// allow grants everything.
func allow(q thing.Question) (provisioning.Scope, bool) {
	return provisioning.Scope{Names: q.Names, Categories: q.Categories}, true
}

// bulb is a lamp without a lamp.
type bulb struct {
	mu   sync.Mutex
	on   bool
	sets int
}

func (b *bulb) get(context.Context) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.on, nil
}

func (b *bulb) set(_ context.Context, on bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.on = on
	b.sets++
	return nil
}

func (b *bulb) isOn() bool {
	on, _ := b.get(context.Background())
	return on
}

type element = xmlstream.Element

// copyState and restoreState are a crash in between.
func copyState(t *testing.T, dir string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "thing.json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func restoreState(t *testing.T, dir string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "thing.json"), data, 0o600); err != nil {
		t.Fatal(err)
	}
}
