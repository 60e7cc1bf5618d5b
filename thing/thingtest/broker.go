// Package thingtest is a broker in memory, to test things with: one thing, the services that it needs, and people who befriend,
// read and control it. Nothing leaves the process, no port is opened, and it works inside synctest bubbles.
//
//	b := thingtest.NewBroker(t)
//	go thermometer().Run(ctx, b.Config(t.TempDir()))
//	b.Registered(ctx)
//	alice := b.Person("alice@example.org/phone")
//	b.Claim(ctx, alice)
//	report, err := alice.Read(ctx, sensordata.Request{Fields: []string{"Temperature"}})
//
// It does what the broker of a thing does, as far as a thing can tell: accounts by API key (XEP-0077, XEP-0348), a roster, a registry
// (XEP-0347) and decision support (XEP-0324), whose rules are a function.
//
// Missing: TLS, and whatever else is between two machines; several things at one time.
package thingtest

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/thing"
	"github.com/comity-iot/comity/xep/roster"
	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/mux"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream/streamtest"
)

// What a Broker is called, and the key that it takes.
const (
	Domain  = "broker.example"
	Service = "discovery.broker.example" // registry and decision support
	APIKey  = "3b9ee7c8f2a64a1d"
	Secret  = "s3cr3t"
)

// Rules say what is granted of what somebody wants who is not the owner; false for nothing.
type Rules func(thing.Question) (provisioning.Scope, bool)

// Broker is one broker for one thing.
type Broker struct {
	t       testing.TB
	mux     mux.Mux // of its services
	service jid.JID

	registered chan registry.Register

	mu         sync.Mutex
	accounts   streamtest.Accounts
	taken      int // how many more accounts are said to be taken
	online     *link
	people     map[jid.JID]*Person // by bare address
	roster     map[jid.JID]roster.Item
	owner      jid.JID
	tags       registry.Tags
	generation iot.Generation
	rules      Rules
	asked      []thing.Question
	away       bool
	hidden     bool
	shown      *stanza.Stanza // the thing's last presence to everybody
}

// NewBroker makes a broker without accounts, whose decision support denies everything. The thing must have ended before the
// test does.
func NewBroker(t testing.TB) *Broker {
	b := &Broker{
		t: t, service: jid.MustParse(Service), registered: make(chan registry.Register, 64),
		accounts: streamtest.Accounts{}, people: map[jid.JID]*Person{}, roster: map[jid.JID]roster.Item{},
	}
	b.serve()
	return b
}

// Config returns that of a thing at this broker, which keeps its state in a folder.
func (b *Broker) Config(state string) thing.Config {
	return thing.Config{
		Broker: Domain, Addr: Domain + ":5222", APIKey: APIKey, Secret: Secret, State: state,
		Adjust: func(c *client.Config) {
			c.AllowPlaintext, c.DialContext = true, b.dial
		},
	}
}

func (b *Broker) dial(context.Context, string, string) (net.Conn, error) {
	return streamtest.Run(b.t, Domain, b.session), nil
}

// Registered waits until the thing has registered, once more each time, and returns with which tags.
func (b *Broker) Registered(ctx context.Context) (registry.Tags, error) {
	select {
	case r := <-b.registered:
		return r.Tags, nil
	case <-ctx.Done():
		return registry.Tags{}, context.Cause(ctx)
	}
}

// SetRules changes the rules. The thing is not told: see ClearCache.
func (b *Broker) SetRules(r Rules) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rules = r
}

// Asked returns what decision support was asked, in order.
func (b *Broker) Asked() []thing.Question {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.asked)
}

// Leave takes decision support away, which then answers nothing, or brings it back.
func (b *Broker) Leave(away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = away
}

// Hide makes the services impossible to find, as at a broker that has none, or lets them be found again.
func (b *Broker) Hide(hidden bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hidden = hidden
}

// Accounts returns the names of the accounts that were made, sorted.
func (b *Broker) Accounts() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Sorted(maps.Keys(b.accounts))
}

// Refuse says of the next n accounts that are to be made that they are there already.
func (b *Broker) Refuse(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken = n
}

// Contact returns what the thing's roster says of somebody, a bare address.
func (b *Broker) Contact(who jid.JID) roster.Subscription {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.roster[who].Subscription
}

// Presence returns what the thing showed last to all who may see it; nil for nothing yet.
func (b *Broker) Presence() *stanza.Stanza {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.shown
}

// Thing returns the thing's full address, zero while it is not connected.
func (b *Broker) Thing() jid.JID {
	if l := b.link(); l != nil {
		return l.jid
	}
	return jid.JID{}
}

// Drop cuts the thing's connection.
func (b *Broker) Drop() {
	if l := b.link(); l != nil {
		l.conn.Close()
	}
}

func (b *Broker) link() *link {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.online
}

// errOffline is for who wants something of a thing that is not there.
var errOffline = errors.New("thingtest: the thing is not connected")

// Run runs a thing until the function that it returns is called, and waits until it has registered. What ends it before that fails
// the test.
func (b *Broker) Run(th *thing.Thing, c thing.Config) (stop func()) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error, 1)
	go func() { done <- th.Run(ctx, c) }()
	select {
	case <-b.registered:
	case err := <-done:
		cancel()
		b.t.Fatalf("Run = %v", err)
	}
	return func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			b.t.Errorf("Run = %v", err)
		}
	}
}
