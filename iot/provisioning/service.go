package provisioning

import (
	"context"
	"embed"
	"io/fs"
	"slices"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

//go:embed migrations/*.sql
var files embed.FS

// Settings are what an operator may say about decisions.
type Settings struct {
	Confirm   time.Duration `toml:"confirm" doc:"Time that a thing has to confirm that it forgot what an owner has withdrawn."`
	Cancel    bool          `toml:"cancel" doc:"Whether a friendship that an owner denies is ended by the broker itself, in the thing's roster."`
	Questions int           `toml:"questions" doc:"Open questions to one owner; above, strangers are refused without asking."`
	Rules     int           `toml:"rules" doc:"Rules of one owner."`
}

// Module is decision support for things and the owner's side of it, on top of the registry, which knows who owns what.
func Module(reg *registry.Registry) module.Def {
	settings := &Settings{Confirm: 10 * time.Second, Cancel: true, Questions: 1000, Rules: 100_000}
	root, _ := fs.Sub(files, "migrations") // the folder is embedded
	reg.Changed = append(reg.Changed, func(tx *store.Tx, h *module.Host, t iot.Thing, _ jid.JID, c registry.Change) error {
		// A thing forgets what it remembers of its former owner's will, and so do we.
		if c == registry.WasDisowned {
			if err := deleteRules(tx, t); err != nil {
				return err
			}
		}
		return tellThing(tx, h, reg, t, nil)
	})
	return module.Def{
		Name:  "provisioning",
		Title: "Decision support: things ask whether they may, owners decide, the broker learns",
		Specs: []module.Spec{
			{ID: "XEP-0324", Version: "0.5.1", Missing: "tokens, services and user privileges"},
			{ID: "Neuro-Foundation DecisionSupport", Version: "prov:d:1.0", Missing: "tokens"},
			{ID: "Neuro-Foundation Provisioning", Version: "prov:o:1.0"},
		},
		Config: settings, Migrations: root,
		Init: func(h *module.Host) (*module.Hooks, error) {
			s := &service{settings: settings, registry: reg, host: h, addr: h.Service(registry.Label)}
			return s.hooks(), nil
		},
	}
}

// service decides for one domain.
type service struct {
	settings *Settings
	registry *registry.Registry
	host     *module.Host
	addr     jid.JID
}

func (s *service) hooks() *module.Hooks {
	h := &module.Hooks{Removed: forget, Commands: s.commands()}
	var features []string
	answer := func(f iot.Family, handle func(context.Context, iot.Generation, *stanza.IQ) (*xmlstream.Element, error)) {
		for g, ns := range f.All() {
			features = append(features, ns)
			h.IQ = append(h.IQ, module.IQ{
				Name: xmlstream.Name{Space: ns}, On: []module.Place{registry.Label},
				Handle: func(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) { return handle(ctx, g, iq) },
			})
		}
	}
	answer(DeviceSpace, s.fromThing)
	answer(OwnerSpace, s.fromOwner)
	h.Announce = []module.Announcement{{On: registry.Label, Features: features}}
	return h
}

// fromThing answers a thing that asks what to do. An answer that can be given is never an error: there are things that
// remember errors for months.
func (s *service) fromThing(ctx context.Context, g iot.Generation, iq *stanza.IQ) (*xmlstream.Element, error) {
	thing, el := iq.From.Bare(), iq.Payload
	switch el.Local() {
	case "isFriend":
		req, err := ParseIsFriend(el)
		if err != nil {
			return nil, err
		}
		v, err := s.decide(ctx, g, Request{Op: Befriend, Thing: thing, Caller: req.Remote, Targets: []Target{{}}})
		return v.IsFriendResponse().Element(g), err
	case "canRead":
		req, err := ParseCanRead(el)
		if err != nil {
			return nil, err
		}
		v, err := s.decide(ctx, g, Request{
			Op: Read, Thing: thing, Caller: req.Remote, Targets: targets(req.Nodes), Tokens: req.Tokens,
			Asked: Scope{Categories: req.Categories, Names: req.Fields},
		})
		return v.CanReadResponse().Element(g), err
	case "canControl":
		req, err := ParseCanControl(el)
		if err != nil {
			return nil, err
		}
		v, err := s.decide(ctx, g, Request{
			Op: Control, Thing: thing, Caller: req.Remote, Targets: targets(req.Nodes), Tokens: req.Tokens,
			Asked: Scope{Names: req.Parameters},
		})
		return v.CanControlResponse(req.Style).Element(g), err
	}
	return nil, stanza.FeatureNotImplemented
}

// targets are the nodes asked about, or the address itself where there are none.
func targets(nodes []iot.Node) []Target {
	if len(nodes) == 0 {
		return []Target{{}}
	}
	out := make([]Target, len(nodes))
	for i, n := range nodes {
		out[i].Node = n
	}
	return out
}

// decide answers from the rules, asks the owners about what no rule covers, and notes in the log what was decided and why.
func (s *service) decide(ctx context.Context, g iot.Generation, req Request) (Verdict, error) {
	v, err := s.decided(ctx, g, req)
	if err == nil {
		s.host.Log.Debug("decided", "verdict", v)
	}
	return v, err
}

func (s *service) decided(ctx context.Context, g iot.Generation, req Request) (v Verdict, err error) {
	req.Service = s.addr
	var known iot.Generation
	err = s.host.DB.View(ctx, func(tx *store.Tx) (err error) {
		if v, err = s.verdict(tx, &req); err == nil {
			known, err = s.registry.Generation(tx, req.Thing)
		}
		return err
	})
	// Of who has no owner nothing is noted: anybody may ask.
	if err != nil || !req.hasOwner() || len(v.Ask()) == 0 && known == g {
		return v, err
	}
	err = s.host.DB.Update(ctx, func(tx *store.Tx) (err error) {
		if v, err = s.verdict(tx, &req); err != nil { // an owner may have answered meanwhile
			return err
		}
		if err := s.registry.Uses(tx, req.Thing, g); err != nil {
			return err
		}
		return s.ask(tx, req, v.Ask())
	})
	return v, err
}

// hasOwner reports whether any of the targets has.
func (r *Request) hasOwner() bool {
	return slices.ContainsFunc(r.Targets, func(t Target) bool { return !t.Owner.IsZero() })
}

// verdict completes a request with what the registry knows, and decides.
func (s *service) verdict(tx *store.Tx, req *Request) (v Verdict, err error) {
	for i := range req.Targets {
		t := &req.Targets[i]
		if t.Owner, err = s.registry.Owner(tx, iot.Thing{JID: req.Thing, Node: t.Node}); err != nil {
			return v, err
		}
	}
	if req.CallerOwner, err = s.registry.Owner(tx, iot.Thing{JID: req.Caller}); err != nil {
		return v, err
	}
	rules, err := selectRules(tx, req.Thing, req.Op)
	if err != nil {
		return v, err
	}
	return Decide(*req, rules, nil), nil
}

// ask puts the questions to the owners, each once while it is open.
func (s *service) ask(tx *store.Tx, req Request, nodes []iot.Node) error {
	for _, q := range req.Questions(nodes) {
		owner, err := s.registry.Owner(tx, q.Thing)
		if err != nil {
			return err
		}
		if n, err := countOpen(tx, owner); err != nil {
			return err
		} else if n >= s.settings.Questions {
			s.host.Log.Warn("owner has too many open questions", "owner", owner)
			continue
		}
		q.Key = newKey()
		if q.Key, err = putQuestion(tx, q, owner, s.host.Now()); err != nil {
			return err
		}
		if q.Key == "" {
			continue
		}
		g, err := s.registry.Generation(tx, owner)
		if err != nil {
			return err
		}
		err = s.host.Outbox.Put(tx, module.Push{
			Topic: "question " + q.Key, From: s.addr, To: owner, Payload: q.Element(g), Text: q.sentence(),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// tellThing pushes clearCache to a thing and, where advice is not nil, that behind it.
func tellThing(tx *store.Tx, h *module.Host, reg *registry.Registry, t iot.Thing, advice func(iot.Generation) *xmlstream.Element) error {
	g, err := reg.Generation(tx, t.JID)
	if err != nil {
		return err
	}
	from := h.Service(registry.Label)
	err = h.Outbox.Put(tx, module.Push{
		Topic: "clearCache " + t.Node.String(), From: from, To: t.JID, IQ: true, Payload: ClearCache{Node: t.Node}.Element(g),
	})
	if err != nil || advice == nil {
		return err
	}
	el := advice(g)
	return h.Outbox.Put(tx, module.Push{
		Topic: "friendship " + el.Attr("jid"), From: from, To: t.JID, Payload: el,
	})
}
