package provisioning_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/xmpp/jid"
)

// A small world, in which rules and requests meet often.
var (
	callers = []jid.JID{bob, jid.MustParse("carol@b.example"), jid.MustParse("dave@d.example"), alice}
	owners  = []jid.JID{alice, jid.MustParse("eve@example.org")}
	places  = []iot.Node{{}, plc1, plc2}
)

func drawScope(t *rapid.T, label string) provisioning.Scope {
	return provisioning.Scope{
		Categories: iot.Categories(rapid.IntRange(0, 7).Draw(t, label+" categories")),
		Names:      rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"A", "B", "C"}), 0, 3, rapid.ID).Draw(t, label+" names"),
	}
}

func drawOp(t *rapid.T, label string) provisioning.Operation {
	return rapid.SampledFrom([]provisioning.Operation{provisioning.Befriend, provisioning.Read, provisioning.Read, provisioning.Control}).Draw(t, label)
}

func drawRequest(t *rapid.T) provisioning.Request {
	tokens := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"t1", "t2", "t3"}), 0, 2, rapid.ID)
	r := provisioning.Request{
		Op: drawOp(t, "asked op"), Caller: rapid.SampledFrom(callers).Draw(t, "caller"), Thing: device, Asked: drawScope(t, "asked"),
		Tokens: iot.Tokens{Service: tokens.Draw(t, "service tokens"), User: tokens.Draw(t, "user tokens")},
	}
	for _, n := range rapid.SliceOfNDistinct(rapid.SampledFrom(places), 1, 3, rapid.ID).Draw(t, "nodes") {
		r.Targets = append(r.Targets, provisioning.Target{Node: n, Owner: rapid.SampledFrom(append(owners, jid.JID{})).Draw(t, "owner")})
	}
	return r
}

func drawRules(t *rapid.T) []provisioning.Rule {
	var rules []provisioning.Rule
	for i := range rapid.IntRange(0, 12).Draw(t, "rules") {
		kind := provisioning.OriginKind(rapid.IntRange(0, 5).Draw(t, "kind"))
		rules = append(rules, provisioning.Rule{
			ID: int64(i + 1), Version: rapid.Int64Range(1, 5).Draw(t, "version"), Owner: rapid.SampledFrom(owners).Draw(t, "rule's owner"),
			Thing: iot.Thing{JID: device, Node: rapid.SampledFrom(places).Draw(t, "rule's node")}, Op: drawOp(t, "rule's op"),
			Origin: provisioning.OriginOf(kind, rapid.SampledFrom(callers).Draw(t, "for"), rapid.SampledFrom([]string{"t1", "t2"}).Draw(t, "token")),
			Allow:  rapid.Bool().Draw(t, "allow"), Scope: drawScope(t, "rule"),
		})
	}
	return rules
}

func drawGrants(t *rapid.T) []provisioning.Grant {
	var grants []provisioning.Grant
	for i := range rapid.IntRange(0, 4).Draw(t, "grants") {
		grants = append(grants, provisioning.Grant{
			Contract: fmt.Sprint("c", i), Owner: rapid.SampledFrom(owners).Draw(t, "grantor"), Consumer: rapid.SampledFrom(callers).Draw(t, "consumer"),
			Thing: iot.Thing{JID: device, Node: rapid.SampledFrom(places).Draw(t, "granted node")}, Op: drawOp(t, "granted op"), Scope: drawScope(t, "grant"),
		})
	}
	return grants
}

// isWithin reports whether a gives nothing that b does not. Zero categories and no names are all there are.
func isWithin(op provisioning.Operation, a, b provisioning.Scope) bool {
	if a.Categories == 0 {
		a.Categories = iot.AllCategories
	}
	if op == provisioning.Read && b.Categories != 0 && a.Categories&^b.Categories != 0 {
		return false
	}
	if len(b.Names) == 0 {
		return true
	}
	return len(a.Names) > 0 && !slices.ContainsFunc(a.Names, func(n string) bool { return !slices.Contains(b.Names, n) })
}

func targetAt(r provisioning.Request, n iot.Node) provisioning.Target {
	return r.Targets[slices.IndexFunc(r.Targets, func(t provisioning.Target) bool { return t.Node == n })]
}

// Never more is granted than was asked for.
func TestNeverMoreThanAsked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		req := drawRequest(t)
		v := provisioning.Decide(req, drawRules(t), drawGrants(t))
		if v.Allowed != (len(v.Nodes) > 0) || len(v.Findings) != len(req.Targets) {
			t.Fatalf("%+v", v)
		}
		if !v.Allowed {
			return
		}
		if !isWithin(req.Op, v.Scope, req.Asked) || req.Op == provisioning.Read && v.Scope.Categories == 0 {
			t.Fatalf("granted %v of %v", v.Scope, req.Asked)
		}
		for _, n := range v.Nodes {
			if !slices.ContainsFunc(req.Targets, func(t provisioning.Target) bool { return t.Node == n }) {
				t.Fatalf("granted on %v", n)
			}
		}
	})
}

// Never more is granted than what is named as the reason gives, and that is one of those that apply.
func TestNeverMoreThanTheReasonGives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		req, rules, grants := drawRequest(t), drawRules(t), drawGrants(t)
		v := provisioning.Decide(req, rules, grants)
		for _, f := range v.Findings {
			if f.Allowed != slices.Contains(v.Nodes, f.Node) {
				t.Fatalf("%+v is not what was granted", f)
			}
			if !f.Allowed {
				continue
			}
			if !isWithin(req.Op, v.Scope, f.Scope) {
				t.Fatalf("granted %v, found %v", v.Scope, f.Scope)
			}
			target := targetAt(req, f.Node)
			switch f.Reason {
			case provisioning.ByOwner:
				if req.Caller != target.Owner {
					t.Fatalf("%v does not own %v", req.Caller, target)
				}
			case provisioning.ByRule:
				r := rules[f.RuleID-1]
				if !r.Allow || r.Op != req.Op || r.Owner != target.Owner || r.Thing.Node != target.Node || !applies(r.Origin, req) || !isWithin(req.Op, v.Scope, r.Scope) {
					t.Fatalf("granted %v by %+v", v.Scope, r)
				}
			case provisioning.ByContract:
				i := slices.IndexFunc(grants, func(g provisioning.Grant) bool { return g.Contract == f.Contract })
				if g := grants[i]; g.Op != req.Op || g.Owner != target.Owner || g.Consumer != req.Caller || !isWithin(req.Op, v.Scope, g.Scope) {
					t.Fatalf("granted %v by %+v", v.Scope, g)
				}
			default:
				t.Fatalf("granted for %v", f.Reason)
			}
		}
	})
}

// applies says of a rule what is said of its origin in Provisioning.md.
func applies(o provisioning.Origin, r provisioning.Request) bool {
	switch o.Kind {
	case provisioning.FromCaller:
		return o.Value == r.Caller.String()
	case provisioning.FromDomain:
		return o.Value == r.Caller.Domain()
	case provisioning.FromService:
		return slices.Contains(r.Tokens.Service, o.Value)
	case provisioning.FromDevice:
		return slices.Contains(r.Tokens.Device, o.Value)
	case provisioning.FromUser:
		return slices.Contains(r.Tokens.User, o.Value)
	}
	return true
}

// The owner is granted all that was asked for, whatever rules and contracts there are.
func TestOwnerMayAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		req := drawRequest(t)
		var all []iot.Node
		for i := range req.Targets {
			req.Targets[i].Owner = req.Caller
			all = append(all, req.Targets[i].Node)
		}
		v := provisioning.Decide(req, drawRules(t), drawGrants(t))
		if !v.Allowed || !slices.Equal(v.Nodes, all) || !isWithin(req.Op, req.Asked, v.Scope) || len(v.Ask()) > 0 {
			t.Fatalf("%+v is granted %+v", req, v)
		}
	})
}

// Where nobody has said anything, the answer is no, and each owner is asked.
func TestWithoutRulesOwnersAreAsked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		req := drawRequest(t)
		req.Caller = bob // owns nothing
		var owned []iot.Node
		for _, t := range req.Targets {
			if !t.Owner.IsZero() {
				owned = append(owned, t.Node)
			}
		}
		v := provisioning.Decide(req, nil, nil)
		if v.Allowed || !slices.Equal(v.Ask(), owned) {
			t.Fatalf("%+v", v)
		}
	})
}

// A newer denial of the same origin beats whatever the same origin was allowed; one of the caller beats everything.
func TestNewerDenialWins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		req, rules, grants := drawRequest(t), drawRules(t), drawGrants(t)
		req.Caller = bob // owns nothing
		for _, f := range provisioning.Decide(req, rules, grants).Findings {
			if !f.Allowed || f.Reason != provisioning.ByRule {
				continue
			}
			denial := rules[f.RuleID-1]
			denial.ID, denial.Version, denial.Allow = 100, 100, false
			after := provisioning.Decide(req, append(slices.Clone(rules), denial), grants)
			for _, g := range after.Findings {
				if g.Node == f.Node && g.RuleID == f.RuleID {
					t.Fatalf("rule %d still allows: %+v", f.RuleID, g)
				}
			}
		}
		for _, target := range req.Targets {
			rules = append(rules, provisioning.Rule{
				ID: 200, Version: 200, Owner: target.Owner, Thing: iot.Thing{JID: device, Node: target.Node}, Op: req.Op,
				Origin: provisioning.OriginOf(provisioning.FromCaller, req.Caller, ""),
			})
		}
		if v := provisioning.Decide(req, rules, grants); v.Allowed || len(v.Ask()) > 0 {
			t.Fatalf("%+v is granted %+v", req, v)
		}
	})
}

// An older rule of the same origin changes nothing.
func TestOlderRuleIsForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		req, rules, grants := drawRequest(t), drawRules(t), drawGrants(t)
		want := provisioning.Decide(req, rules, grants)
		var with []provisioning.Rule
		for _, r := range rules {
			older := r
			older.ID, older.Version, older.Allow, older.Scope = r.ID+100, 0, rapid.Bool().Draw(t, "older"), provisioning.Scope{}
			with = append(with, older, r)
		}
		if got := provisioning.Decide(req, with, grants); !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v became %+v", want, got)
		}
	})
}

// The order in which rules and contracts are given means nothing.
func TestOrderMeansNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		req, rules, grants := drawRequest(t), drawRules(t), drawGrants(t)
		want := provisioning.Decide(req, rules, grants)
		got := provisioning.Decide(req, rapid.Permutation(rules).Draw(t, "order"), rapid.Permutation(grants).Draw(t, "order of grants"))
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v became %+v", want, got)
		}
	})
}

// A thing that takes the answer from the wire takes what was granted, in every generation.
func TestGrantSurvivesTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		req := drawRequest(t)
		req.Op = provisioning.Read
		req.Targets = slices.DeleteFunc(req.Targets, func(t provisioning.Target) bool { return t.Node.IsZero() })
		asked := provisioning.CanRead{Remote: req.Caller, Categories: req.Asked.Categories, Fields: req.Asked.Names}
		for _, t := range req.Targets {
			asked.Nodes = append(asked.Nodes, t.Node)
		}
		v := provisioning.Decide(req, drawRules(t), drawGrants(t))
		g := rapid.SampledFrom(generations).Draw(t, "g")
		r, err := provisioning.ParseCanReadResponse(v.CanReadResponse().Element(g))
		if err != nil {
			t.Fatal(err)
		}
		got := r.Within(asked, g)
		if got.Allowed != v.Allowed || !slices.Equal(got.Nodes, v.Nodes) || v.Allowed && (got.Categories != v.Scope.Categories || !slices.Equal(got.Fields, v.Scope.Names)) {
			t.Fatalf("granted %+v, taken %+v", v, got)
		}
	})
}
