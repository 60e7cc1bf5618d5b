package provisioning

import (
	"slices"
	"strings"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
)

// Rule is an owner's standing answer about one thing and one operation.
type Rule struct {
	ID      int64 // names the rule in a Verdict
	Version int64 // the greater is the newer
	Owner   jid.JID
	Thing   iot.Thing // exactly: a rule about an address says nothing of the nodes behind it
	Op      Operation
	Origin  Origin
	Allow   bool
	Scope   Scope // what an Allow allows
}

// Grant is what a contract gives a consumer: one thing, one operation. It is one while the contract is in force.
type Grant struct {
	Contract string // names the contract in a Verdict
	Owner    jid.JID
	Consumer jid.JID   // bare
	Thing    iot.Thing // to Befriend, any node of an address does for it
	Op       Operation
	Scope    Scope
}

// Request is what someone wants with things at one address.
type Request struct {
	Op     Operation
	Caller jid.JID // bare: who wants it
	Thing  jid.JID // bare: who asks whether to let them
	// Targets are the things that it is about: the address itself, or nodes behind it.
	Targets []Target
	Asked   Scope
	Tokens  iot.Tokens

	// Service is the provisioning service itself, which things may befriend. It may be zero.
	Service jid.JID
	// CallerOwner is who owns Caller, where that is a thing: an owner asks too whether to befriend it. It may be zero.
	CallerOwner jid.JID
}

// Target is a thing and its owner.
type Target struct {
	Node  iot.Node
	Owner jid.JID // bare; zero where it has none
}

// intersect returns what both scopes have, or false where that is nothing.
func (s Scope) intersect(t Scope) (Scope, bool) {
	out := Scope{Categories: s.Categories, Names: s.Names}
	switch {
	case s.Categories == 0:
		out.Categories = t.Categories
	case t.Categories != 0:
		out.Categories &= t.Categories
		if out.Categories == 0 {
			return Scope{}, false
		}
	}
	switch {
	case len(s.Names) == 0:
		out.Names = t.Names
	case len(t.Names) > 0:
		if out.Names = common(s.Names, t.Names); len(out.Names) == 0 {
			return Scope{}, false
		}
	}
	return out, true
}

// common returns the names of a that are in b too.
func common(a, b []string) []string {
	in := make(map[string]bool, len(b))
	for _, n := range b {
		in[n] = true
	}
	return slices.DeleteFunc(slices.Clone(a), func(n string) bool { return !in[n] })
}

// isLess reports whether s gives less than t: a scope that is within another gives less than that, if they differ.
func (s Scope) isLess(t Scope) bool {
	if (len(s.Names) == 0) != (len(t.Names) == 0) {
		return len(t.Names) == 0
	}
	return max(len(s.Names), 1)*max(s.Categories.Len(), 1) < max(len(t.Names), 1)*max(t.Categories.Len(), 1)
}

// String returns the scope for people to read, as in "momentary, peak of Temperature".
func (s Scope) String() string {
	names := "everything"
	if len(s.Names) > 0 {
		names = strings.Join(s.Names, ", ")
	}
	if s.Categories == 0 || s.Categories == iot.AllCategories {
		return names
	}
	return s.Categories.String() + " of " + names
}
