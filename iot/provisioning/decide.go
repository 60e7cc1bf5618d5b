package provisioning

import (
	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
)

// Decide says what rules and contracts grant of a request. It is pure: rules that have expired and contracts that are not in
// force are for the caller to leave out. Those about other things, owners, operations or consumers count for nothing.
//
// Each target is looked at on its own, in this order [ours]:
//
//  1. The provisioning service itself, and things of the one who asks, may be befriended.
//  2. A thing without an owner grants nothing.
//  3. The owner may do everything.
//  4. The newest rule for exactly the caller. If it denies, that is all; if it allows, a contract may give more.
//  5. A contract with the caller.
//  6. Rules for tokens: the newest for each token, and of these the one that gives most (XEP-0324#multipletokens).
//  7. The newest rule for the caller's domain, then the newest for everyone.
//  8. Without any of these the answer is no, and the owner is to be asked.
//
// An answer is one list of nodes, one of names and one set of categories, each for all of the others. So what several targets
// grant is cut down to what all of them do; a target that would leave nothing of it is left out.
func Decide(req Request, rules []Rule, grants []Grant) Verdict {
	if req.Op == Read && req.Asked.Categories == 0 {
		req.Asked.Categories = iot.AllCategories // so that what is granted is always explicit
	}
	d := decision{req: req, rules: index(req, rules), grants: grants}
	v := Verdict{Op: req.Op, Thing: req.Thing, Caller: req.Caller}
	for _, t := range req.Targets {
		v.add(d.decide(t))
	}
	return v
}

// decision is a request and the rules that may apply to it.
type decision struct {
	req    Request
	rules  map[ruleKey]*Rule
	grants []Grant
}

// ruleKey is what there is one rule for.
type ruleKey struct {
	owner  jid.JID
	node   iot.Node
	origin Origin
}

// index keeps the newest rule for each key.
func index(req Request, rules []Rule) map[ruleKey]*Rule {
	newest := make(map[ruleKey]*Rule)
	for i := range rules {
		r := &rules[i]
		if r.Thing.JID != req.Thing || r.Op != req.Op {
			continue
		}
		key := ruleKey{r.Owner, r.Thing.Node, r.Origin}
		if old := newest[key]; old == nil || r.isNewer(old) {
			newest[key] = r
		}
	}
	return newest
}

// isNewer reports whether r counts rather than old. Of the same age the one that denies does, so that the order in which
// rules are given never matters.
func (r *Rule) isNewer(old *Rule) bool {
	switch {
	case r.Version != old.Version:
		return r.Version > old.Version
	case r.Allow != old.Allow:
		return !r.Allow
	}
	return r.ID > old.ID
}

func (d *decision) rule(t Target, o Origin) *Rule { return d.rules[ruleKey{t.Owner, t.Node, o}] }

// decide looks at one target.
func (d *decision) decide(t Target) Finding {
	switch {
	case d.req.Op == Befriend && !d.req.Service.IsZero() && d.req.Caller == d.req.Service:
		return d.all(t, ByService)
	case d.req.Op == Befriend && !d.req.CallerOwner.IsZero() && d.req.CallerOwner == d.req.Thing:
		return d.all(t, OwnThing)
	case t.Owner.IsZero():
		return Finding{Node: t.Node, Reason: Unclaimed}
	case d.req.Caller == t.Owner:
		return d.all(t, ByOwner)
	}
	if f, ok := d.forCaller(t); ok {
		return f
	}
	if f, ok := d.forTokens(t); ok {
		return f
	}
	for _, kind := range [...]OriginKind{FromDomain, FromAnyone} {
		if r := d.rule(t, OriginOf(kind, d.req.Caller, "")); r != nil {
			return d.byRule(t, r)
		}
	}
	return Finding{Node: t.Node, Reason: NoRule}
}

// all finds that everything that was asked for is granted.
func (d *decision) all(t Target, why Reason) Finding {
	return Finding{Node: t.Node, Allowed: true, Reason: why, Scope: d.req.Asked}
}

// byRule finds what a rule says.
func (d *decision) byRule(t Target, r *Rule) Finding {
	f := Finding{Node: t.Node, Reason: ByRule, RuleID: r.ID, RuleVersion: r.Version, Origin: r.Origin}
	if !r.Allow {
		return f
	}
	f.Scope, f.Allowed = d.req.Asked.intersect(r.Scope)
	if !f.Allowed {
		f.Reason = OutOfScope
	}
	return f
}

// forCaller finds what the rule for the caller and contracts with the caller say, of those that allow the most.
func (d *decision) forCaller(t Target) (Finding, bool) {
	var best Finding
	r := d.rule(t, OriginOf(FromCaller, d.req.Caller, ""))
	if r != nil {
		best = d.byRule(t, r)
		if !r.Allow {
			return best, true
		}
	}
	for i := range d.grants {
		g := &d.grants[i]
		if !g.covers(d.req, t) {
			continue
		}
		f := Finding{Node: t.Node, Reason: ByContract, Contract: g.Contract}
		if f.Scope, f.Allowed = d.req.Asked.intersect(g.Scope); !f.Allowed {
			continue // the contract is about something else
		}
		if f.gives(best) {
			best = f
		}
	}
	return best, best.Reason != NoRule
}

// covers reports whether the contract is about the target. Whoever may read or control a node must be able to reach the
// address that it is behind.
func (g *Grant) covers(req Request, t Target) bool {
	return g.Op == req.Op && g.Consumer == req.Caller && g.Owner == t.Owner && g.Thing.JID == req.Thing &&
		(g.Thing.Node == t.Node || req.Op == Befriend)
}

// forTokens finds what the rules for the tokens of the request say, of those that allow the most.
func (d *decision) forTokens(t Target) (Finding, bool) {
	var best Finding
	for _, kind := range [...]struct {
		OriginKind
		tokens []string
	}{{FromService, d.req.Tokens.Service}, {FromDevice, d.req.Tokens.Device}, {FromUser, d.req.Tokens.User}} {
		for _, token := range kind.tokens {
			r := d.rule(t, Origin{kind.OriginKind, token})
			if r == nil {
				continue
			}
			f := d.byRule(t, r)
			if best.Reason == NoRule || f.gives(best) {
				best = f
			}
		}
	}
	return best, best.Reason != NoRule
}

// gives reports whether f gives more than g. Where they give as much, a rule goes before a contract, and a newer rule
// before an older.
func (f Finding) gives(g Finding) bool {
	switch {
	case f.Allowed != g.Allowed:
		return f.Allowed
	case g.Scope.isLess(f.Scope):
		return true
	case f.Scope.isLess(g.Scope):
		return false
	case f.Reason == ByContract:
		return g.Reason == ByContract && f.Contract < g.Contract
	}
	return f.RuleVersion > g.RuleVersion
}
