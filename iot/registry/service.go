package registry

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"errors"
	"io/fs"
	"math"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

//go:embed migrations/*.sql
var files embed.FS

// Label is the first part of the registry's address, which it shares with the services that build on it.
const Label = "discovery"

// Settings are what an operator may say about the registry.
type Settings struct {
	Things   int           `toml:"things" doc:"Things that one account may register, itself and those behind it."`
	Claims   int           `toml:"claims_per_minute" doc:"Claims that one account may try in vain in a minute."`
	Searches int           `toml:"searches_per_minute" doc:"Searches of one account in a minute."`
	Page     int           `toml:"page" doc:"Things on one page of a search or list, at most."`
	Scan     int           `toml:"scan" doc:"Things that one search may look at. What lies behind them is not found."`
	Disown   time.Duration `toml:"disown" doc:"Time that a thing has to hear that it is disowned."`
}

// Change is what became of a thing's ownership.
type Change uint8

const (
	WasClaimed  Change = iota + 1 // it has an owner now
	WasDisowned                   // it has none any more, or has left the registry
)

// Registry is the registry of one broker, for those services that ask who owns what.
type Registry struct {
	settings Settings
	// Changed is called in the transaction that changes who owns a thing. It is set before the broker opens.
	Changed []func(tx *store.Tx, h *module.Host, t iot.Thing, owner jid.JID, c Change) error
}

// New makes a registry.
func New() *Registry {
	return &Registry{settings: Settings{
		Things: 10_000, Claims: 10, Searches: 300, Page: 100, Scan: 50_000, Disown: 10 * time.Second,
	}}
}

// Module is the registry as a feature.
func (r *Registry) Module() module.Def {
	root, _ := fs.Sub(files, "migrations") // the folder is embedded
	return module.Def{
		Name:  "registry",
		Title: "Thing registry: things register, owners claim them, anyone searches the public ones",
		Specs: []module.Spec{
			{ID: "XEP-0347", Version: "0.5.1", Missing: "distributed searches"},
			{ID: "Neuro-Foundation Discovery", Version: "disco:1.0", Missing: "distributed searches"},
		},
		Config: &r.settings, Migrations: root, Init: r.init,
	}
}

func (r *Registry) init(h *module.Host) (*module.Hooks, error) {
	s := &service{
		Registry: r, host: h, addr: h.Service(Label), secret: h.Secret("registry claims"),
		failures: tries{limit: &r.settings.Claims}, searches: tries{limit: &r.settings.Searches},
	}
	hooks := &module.Hooks{
		Services: []module.Service{{Label: Label, Identity: disco.Identity{
			Category: "component", Type: "generic", Name: "Thing Registry",
		}}},
		Removed: s.removed,
	}
	var features []string
	for g, ns := range Space.All() {
		features = append(features, ns)
		hooks.IQ = append(hooks.IQ, module.IQ{
			Name: xmlstream.Name{Space: ns}, On: []module.Place{Label},
			Handle: func(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) { return s.handle(ctx, g, iq) },
		})
	}
	hooks.Announce = []module.Announcement{{On: Label, Features: features}}
	return hooks, nil
}

// service is the registry of one domain.
type service struct {
	*Registry
	host   *module.Host
	addr   jid.JID
	secret []byte // hashes claims

	failures tries // claims in vain
	searches tries
}

// handle answers a request. Get and set mean the same here: there are clients that take the one where others take the other.
func (s *service) handle(ctx context.Context, g iot.Generation, iq *stanza.IQ) (*xmlstream.Element, error) {
	from, el := iq.From.Bare(), iq.Payload
	switch el.Local() {
	case "register":
		return s.register(ctx, g, from, el)
	case "mine":
		return s.claim(ctx, g, from, el)
	case "update":
		return s.update(ctx, g, from, el)
	case "remove":
		return nil, s.remove(ctx, g, from, el)
	case "unregister":
		return nil, s.unregister(ctx, from, el)
	case "disown":
		return nil, s.disown(ctx, g, from, el)
	case "search":
		return s.search(ctx, g, from, el)
	}
	return nil, stanza.FeatureNotImplemented
}

// hash is what is kept of the tags of a claim: it finds the thing again, but does not tell the KEY. XEP-0347#claim
func (s *service) hash(tags Tags) []byte {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write(tags.CanonicalKey())
	return mac.Sum(nil)
}

// nobody is a claim that no tags have.
func nobody() []byte {
	b := make([]byte, sha256.Size)
	rand.Read(b)
	return b
}

// register puts the sender, or a thing behind it, into the registry. XEP-0347#register
func (s *service) register(ctx context.Context, g iot.Generation, from jid.JID, el *xmlstream.Element) (*xmlstream.Element, error) {
	req, err := ParseRegister(el)
	if err != nil {
		return nil, err
	}
	thing := iot.Thing{JID: from, Node: req.Node}
	claim := s.hash(req.Tags)
	var answer *xmlstream.Element
	err = s.host.DB.Update(ctx, func(tx *store.Tx) error {
		answer = nil
		if err := setGeneration(tx, from, g); err != nil {
			return err
		}
		old, err := selectThing(tx, thing)
		switch {
		case err == nil && !old.owner.IsZero() && old.owner != from: // XEP-0347#register: it is claimed already
			answer = Claimed{Owner: old.owner, Node: req.Node, Public: old.listed()}.Element(g)
			return nil
		case err == nil:
			if err := deleteThing(tx, old.id); err != nil {
				return err
			}
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		if err := s.ownSelf(tx, thing, old.owner == from, req.SelfOwned); err != nil {
			return err
		}
		if n, err := countThings(tx, from); err != nil || n >= s.settings.Things {
			return errors.Join(err, stanza.ResourceConstraint.With("too many things of this account"))
		}
		var owner jid.JID
		if req.SelfOwned {
			owner = from
		}
		id, err := insertThing(tx, thing, owner, req.SelfOwned, claim, s.host.Now())
		if err != nil {
			return err
		}
		return replaceTags(tx, id, req.Tags)
	})
	return answer, err
}

// ownSelf tells of a thing that begins or ends to be its own owner.
func (s *service) ownSelf(tx *store.Tx, t iot.Thing, before, after bool) error {
	switch {
	case before == after:
		return nil
	case after:
		return s.changed(tx, t, t.JID, WasClaimed)
	}
	return s.changed(tx, t, t.JID, WasDisowned)
}

// unregister takes the sender, or a thing behind it, out of the registry; it always succeeds. XEP-0347#unregister
func (s *service) unregister(ctx context.Context, from jid.JID, el *xmlstream.Element) error {
	req, err := ParseUnregister(el)
	if err != nil {
		return err
	}
	thing := iot.Thing{JID: from, Node: req.Node}
	return s.host.DB.Update(ctx, func(tx *store.Tx) error {
		old, err := selectThing(tx, thing)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if !old.owner.IsZero() {
			if err := s.changed(tx, thing, old.owner, WasDisowned); err != nil {
				return err
			}
		}
		return deleteThing(tx, old.id)
	})
}

// removed takes an account out that is removed: its things, and its ownership of others, which are then nobody's as if they had been
// disowned.
func (s *service) removed(tx *store.Tx, account jid.JID) error {
	if err := forget(tx, account); err != nil {
		return err
	}
	things, err := selectOwned(tx, account, iot.Page{MaxCount: math.MaxInt32})
	if err != nil {
		return err
	}
	for _, r := range things {
		if err := s.changed(tx, r.thing, account, WasDisowned); err != nil {
			return err
		}
		if err := clearOwner(tx, r.id, nobody(), s.host.Now()); err != nil {
			return err
		}
	}
	return nil
}

// changed tells the services that build on ownership.
func (s *service) changed(tx *store.Tx, t iot.Thing, owner jid.JID, c Change) error {
	for _, f := range s.Changed {
		if err := f(tx, s.host, t, owner, c); err != nil {
			return err
		}
	}
	return nil
}

// push tells a thing something after the commit, in the generation that it used last.
func (s *service) push(tx *store.Tx, t iot.Thing, topic string, payload func(iot.Generation) *xmlstream.Element) error {
	g, err := selectGeneration(tx, t.JID)
	if err != nil {
		return err
	}
	g, _ = Space.For(g)
	return s.host.Outbox.Put(tx, module.Push{
		Topic: topic + " " + t.Node.String(), From: s.addr, To: t.JID, IQ: true, Payload: payload(g),
	})
}
