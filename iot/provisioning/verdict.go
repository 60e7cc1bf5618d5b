package provisioning

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
)

// Reason is why a target was allowed or denied.
type Reason uint8

const (
	NoRule     Reason = iota // denied, and the owner is to be asked
	Unclaimed                // denied: the thing has no owner
	ByRule                   // the owner's rule says so
	OutOfScope               // denied: the owner's rule allows nothing of what was asked for
	ByContract               // allowed by a contract of the owner with the caller
	ByOwner                  // allowed: the caller owns the thing
	ByService                // allowed: the caller is the provisioning service
	OwnThing                 // allowed: who asks owns the caller
	Disjoint                 // denied: what is granted has nothing in common with what other nodes of the request grant
)

// Finding is what was decided on one target, and why.
type Finding struct {
	Node    iot.Node
	Allowed bool
	Reason  Reason
	Scope   Scope // what was granted here, before it was cut down to what all nodes of the answer grant

	RuleID, RuleVersion int64  // of ByRule and OutOfScope
	Origin              Origin // of ByRule and OutOfScope
	Contract            string // of ByContract
}

// Verdict is what was decided on a request.
type Verdict struct {
	Op      Operation
	Thing   jid.JID // who asked
	Caller  jid.JID // about whom
	Allowed bool    // something is granted
	Nodes   []iot.Node
	Scope   Scope // granted on each of Nodes. Names are all that the caller may have, or none for all
	// Findings has one for each target, in the order of the request.
	Findings []Finding
}

// add takes the next target into the verdict.
func (v *Verdict) add(f Finding) {
	if f.Allowed {
		s, ok := f.Scope, true
		if v.Allowed {
			s, ok = v.Scope.intersect(f.Scope)
		}
		if ok {
			v.Allowed, v.Scope = true, s
			v.Nodes = append(v.Nodes, f.Node)
		} else {
			f.Allowed, f.Reason = false, Disjoint
		}
	}
	v.Findings = append(v.Findings, f)
}

// Ask returns the nodes on which the owners have said nothing yet.
func (v Verdict) Ask() []iot.Node {
	var nodes []iot.Node
	for _, f := range v.Findings {
		if f.Reason == NoRule {
			nodes = append(nodes, f.Node)
		}
	}
	return nodes
}

// nodes returns the granted nodes without the address itself, which an answer does not name.
func (v Verdict) nodes() []iot.Node {
	var nodes []iot.Node
	for _, n := range v.Nodes {
		if !n.IsZero() {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// IsFriendResponse returns the verdict as the answer to a thing.
func (v Verdict) IsFriendResponse() IsFriendResponse {
	return IsFriendResponse{Remote: v.Caller, Allowed: v.Allowed}
}

// CanReadResponse returns the verdict as the answer to a thing. All that is granted is explicit: clients disagree on what is
// meant by what is left out.
func (v Verdict) CanReadResponse() CanReadResponse {
	if !v.Allowed {
		return CanReadResponse{Remote: v.Caller}
	}
	return CanReadResponse{v.Caller, true, v.nodes(), v.Scope.Categories, v.Scope.Names}
}

// CanControlResponse returns the verdict as the answer to a thing whose request named parameters in that style.
func (v Verdict) CanControlResponse(style ParameterStyle) CanControlResponse {
	if !v.Allowed {
		return CanControlResponse{Remote: v.Caller, Style: style}
	}
	return CanControlResponse{v.Caller, true, v.nodes(), v.Scope.Names, style}
}

// Why explains the verdict to people, a sentence for each target.
func (v Verdict) Why() string {
	if len(v.Findings) == 0 {
		return fmt.Sprintf("%s may not %s %s: nothing was asked for.", v.Caller, v.Op, v.Thing)
	}
	var b strings.Builder
	for i, f := range v.Findings {
		if i > 0 {
			b.WriteByte(' ')
		}
		may := "may not"
		if f.Allowed {
			may = "may"
		}
		fmt.Fprintf(&b, "%s %s %s %s: %s.", v.Caller, may, v.Op, iot.Thing{JID: v.Thing, Node: f.Node}, f.why(v))
	}
	return b.String()
}

// Reasons returns the same for each target in turn, without who may what, which the reader knows.
func (v Verdict) Reasons() []string {
	all := make([]string, len(v.Findings))
	for i, f := range v.Findings {
		all[i] = f.why(v)
	}
	return all
}

// LogValue is the verdict in a log, so that it can be seen there why somebody was let in or not. It costs something only where it is
// written.
func (v Verdict) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("thing", v.Thing.String()), slog.String("op", v.Op.String()), slog.String("caller", v.Caller.String()),
		slog.Bool("allowed", v.Allowed), slog.String("why", v.Why()),
	)
}

// why completes the sentence.
func (f Finding) why(v Verdict) string {
	switch f.Reason {
	case Unclaimed:
		return "it has no owner"
	case ByOwner:
		return "the owner may do everything"
	case ByService:
		return "it is the provisioning service"
	case OwnThing:
		return "it is a thing of " + v.Thing.String()
	case ByContract:
		return "contract " + f.Contract + " grants " + f.Scope.what(v.Op)
	case OutOfScope:
		return fmt.Sprintf("rule %d for %s allows nothing of what was asked for", f.RuleID, f.Origin)
	case Disjoint:
		return "what is granted here has nothing in common with what is granted on the other nodes; ask for it alone"
	case ByRule:
		if f.Allowed {
			return fmt.Sprintf("rule %d for %s allows %s", f.RuleID, f.Origin, f.Scope.what(v.Op))
		}
		return fmt.Sprintf("rule %d for %s denies it", f.RuleID, f.Origin)
	}
	return "there is no rule yet, and the owner is asked"
}

// what returns what is granted, for people to read.
func (s Scope) what(op Operation) string {
	if op == Befriend {
		return "it"
	}
	return s.String()
}
