package provisioning_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/xmpp/jid"
)

var alice = jid.MustParse("alice@example.org")

// rule returns a rule of alice's about her thing. Its ID is its version.
func rule(version int64, kind provisioning.OriginKind, token string, allow bool, names ...string) provisioning.Rule {
	return provisioning.Rule{
		ID: version, Version: version, Owner: alice, Thing: iot.Thing{JID: device}, Op: provisioning.Read, Allow: allow,
		Origin: provisioning.OriginOf(kind, bob, token), Scope: provisioning.Scope{Names: names},
	}
}

func contract(id string, names ...string) provisioning.Grant {
	return provisioning.Grant{
		Contract: id, Owner: alice, Consumer: bob, Thing: iot.Thing{JID: device}, Op: provisioning.Read, Scope: provisioning.Scope{Names: names},
	}
}

// bobReads is bob's request to read everything of alice's thing.
func bobReads(names ...string) provisioning.Request {
	return provisioning.Request{
		Op: provisioning.Read, Caller: bob, Thing: device, Targets: []provisioning.Target{{Owner: alice}},
		Asked: provisioning.Scope{Names: names},
	}
}

// The caller goes before tokens, those before the domain, that before everyone; the newest wins; a contract goes before
// all but a rule for the caller.
func TestPrecedence(t *testing.T) {
	const (
		caller  = provisioning.FromCaller
		domain  = provisioning.FromDomain
		service = provisioning.FromService
		dev     = provisioning.FromDevice
		user    = provisioning.FromUser
		anyone  = provisioning.FromAnyone
	)
	type rules = []provisioning.Rule
	type grants = []provisioning.Grant
	withTokens := bobReads()
	withTokens.Tokens = iot.Tokens{Service: []string{"S1", "S2"}, User: []string{"U"}}
	for _, test := range []struct {
		name   string
		req    provisioning.Request
		rules  rules
		grants grants
		reason provisioning.Reason
		rule   int64    // that decides
		names  []string // that are granted; nil for none, empty for all
	}{
		{"no rule", bobReads(), nil, nil, provisioning.NoRule, 0, nil},
		{"everyone", bobReads(), rules{rule(1, anyone, "", true)}, nil, provisioning.ByRule, 1, []string{}},
		{"domain before everyone", bobReads(), rules{rule(2, anyone, "", true), rule(1, domain, "", false)}, nil, provisioning.ByRule, 1, nil},
		{"token before domain", withTokens, rules{rule(2, domain, "", false), rule(1, service, "S2", true)}, nil, provisioning.ByRule, 1, []string{}},
		{"a token that is not shown", withTokens, rules{rule(2, domain, "", false), rule(1, service, "S3", true)}, nil, provisioning.ByRule, 2, nil},
		{"a token of another kind", withTokens, rules{rule(1, user, "S1", true), rule(2, dev, "U", true)}, nil, provisioning.NoRule, 0, nil},
		{"caller before token", withTokens, rules{rule(2, service, "S1", true), rule(1, caller, "", false)}, nil, provisioning.ByRule, 1, nil},
		{"the newest", bobReads(), rules{rule(1, caller, "", false), rule(2, caller, "", true)}, nil, provisioning.ByRule, 2, []string{}},
		{"the newest, given first", bobReads(), rules{rule(2, caller, "", false), rule(1, caller, "", true)}, nil, provisioning.ByRule, 2, nil},
		{"of two tokens the one that gives more", withTokens, rules{rule(1, service, "S1", true, "A", "B"), rule(2, user, "U", true, "C")}, nil, provisioning.ByRule, 1, []string{"A", "B"}},
		{"of two tokens the one that allows", withTokens, rules{rule(1, service, "S1", true), rule(2, user, "U", false)}, nil, provisioning.ByRule, 1, []string{}},
		{"of two tokens that give as much the newer", withTokens, rules{rule(2, service, "S1", true, "A"), rule(1, user, "U", true, "B")}, nil, provisioning.ByRule, 2, []string{"A"}},
		{"a contract before the domain", bobReads(), rules{rule(2, domain, "", false)}, grants{contract("c")}, provisioning.ByContract, 0, []string{}},
		{"a contract before tokens", withTokens, rules{rule(2, user, "U", false)}, grants{contract("c")}, provisioning.ByContract, 0, []string{}},
		{"no contract before a rule that denies the caller", bobReads(), rules{rule(1, caller, "", false)}, grants{contract("c")}, provisioning.ByRule, 1, nil},
		{"a contract that gives more than the rule", bobReads(), rules{rule(1, caller, "", true, "A")}, grants{contract("c", "A", "B")}, provisioning.ByContract, 0, []string{"A", "B"}},
		{"a contract that gives less than the rule", bobReads(), rules{rule(1, caller, "", true)}, grants{contract("c", "A")}, provisioning.ByRule, 1, []string{}},
		{"a contract where the rule gives nothing", bobReads("B"), rules{rule(1, caller, "", true, "A")}, grants{contract("c", "B")}, provisioning.ByContract, 0, []string{"B"}},
		{"a contract about something else", bobReads("B"), rules{rule(1, domain, "", true)}, grants{contract("c", "A")}, provisioning.ByRule, 1, []string{"B"}},
		{"of two contracts the one that gives more", bobReads(), nil, grants{contract("c", "A"), contract("d")}, provisioning.ByContract, 0, []string{}},
		{"a part", bobReads("C", "A"), rules{rule(1, caller, "", true, "A", "B")}, nil, provisioning.ByRule, 1, []string{"A"}},
		{"nothing of the part", bobReads("C"), rules{rule(1, caller, "", true, "A", "B"), rule(2, anyone, "", true)}, nil, provisioning.OutOfScope, 1, nil},
	} {
		v := provisioning.Decide(test.req, test.rules, test.grants)
		f := v.Findings[0]
		if f.Reason != test.reason || f.RuleID != test.rule || v.Allowed != (test.names != nil) || len(v.Findings) != 1 {
			t.Errorf("%s: %+v", test.name, v)
			continue
		}
		if v.Allowed && !slices.Equal(v.Scope.Names, test.names) {
			t.Errorf("%s: granted %v; want %v", test.name, v.Scope.Names, test.names)
		}
		if asks := len(v.Ask()) > 0; asks != (test.reason == provisioning.NoRule) {
			t.Errorf("%s: the owner is asked: %v", test.name, asks)
		}
	}
}

// Of two rules of the same age, the one that denies counts, and of two that allow the one with the greater ID, in whichever
// order they are given.
func TestRulesOfTheSameAge(t *testing.T) {
	allow, deny, part := rule(1, provisioning.FromCaller, "", true), rule(1, provisioning.FromCaller, "", false), rule(1, provisioning.FromCaller, "", true, "A")
	deny.ID, part.ID = 2, 3
	for _, rules := range [][]provisioning.Rule{{allow, deny}, {deny, allow}, {part, deny, allow}} {
		if v := provisioning.Decide(bobReads(), rules, nil); v.Allowed || v.Findings[0].RuleID != 2 {
			t.Errorf("%+v", v)
		}
	}
	for _, rules := range [][]provisioning.Rule{{allow, part}, {part, allow}} {
		if v := provisioning.Decide(bobReads(), rules, nil); v.Findings[0].RuleID != 3 {
			t.Errorf("%+v", v)
		}
	}
	for _, grants := range [][]provisioning.Grant{{contract("c", "A"), contract("d", "B")}, {contract("d", "B"), contract("c", "A")}} {
		if v := provisioning.Decide(bobReads(), nil, grants); v.Findings[0].Contract != "c" {
			t.Errorf("%+v", v)
		}
	}
}

// What is about another thing, owner, operation or consumer counts for nothing.
func TestRulesOfOthers(t *testing.T) {
	eve := jid.MustParse("eve@example.org")
	good, grant := rule(1, provisioning.FromCaller, "", true), contract("c")
	for name, change := range map[string]func(*provisioning.Rule, *provisioning.Grant){
		"owner": func(r *provisioning.Rule, g *provisioning.Grant) { r.Owner, g.Owner = eve, eve },
		"thing": func(r *provisioning.Rule, g *provisioning.Grant) { r.Thing.JID, g.Thing.JID = rack, rack },
		"node":  func(r *provisioning.Rule, g *provisioning.Grant) { r.Thing.Node, g.Thing.Node = plc1, plc1 },
		"operation": func(r *provisioning.Rule, g *provisioning.Grant) {
			r.Op, g.Op = provisioning.Control, provisioning.Control
		},
		"party": func(r *provisioning.Rule, g *provisioning.Grant) {
			r.Origin, g.Consumer = provisioning.OriginOf(provisioning.FromCaller, eve, ""), eve
		},
	} {
		r, g := good, grant
		change(&r, &g)
		if v := provisioning.Decide(bobReads(), []provisioning.Rule{r}, []provisioning.Grant{g}); v.Allowed || v.Findings[0].Reason != provisioning.NoRule {
			t.Errorf("another %s: %+v", name, v)
		}
	}
}

func TestBefriend(t *testing.T) {
	service := jid.MustParse("discovery.example.org")
	req := func(caller, callerOwner, owner jid.JID) provisioning.Request {
		return provisioning.Request{
			Op: provisioning.Befriend, Caller: caller, Thing: device, Service: service, CallerOwner: callerOwner,
			Targets: []provisioning.Target{{Owner: owner}},
		}
	}
	none := jid.JID{}
	for name, test := range map[string]struct {
		req    provisioning.Request
		grants []provisioning.Grant
		want   provisioning.Reason
		allow  bool
	}{
		"owner":                      {req(alice, none, alice), nil, provisioning.ByOwner, true},
		"service":                    {req(service, none, alice), nil, provisioning.ByService, true},
		"service, no owner":          {req(service, none, none), nil, provisioning.ByService, true},
		"thing of the owner asking":  {req(bob, device, none), nil, provisioning.OwnThing, true},
		"thing of another":           {req(bob, alice, none), nil, provisioning.Unclaimed, false},
		"no owner":                   {req(bob, none, none), nil, provisioning.Unclaimed, false},
		"nobody known":               {req(none, none, none), nil, provisioning.Unclaimed, false},
		"stranger":                   {req(bob, none, alice), nil, provisioning.NoRule, false},
		"contract on a node behind":  {req(bob, none, alice), []provisioning.Grant{{Contract: "c", Owner: alice, Consumer: bob, Thing: iot.Thing{JID: device, Node: plc1}}}, provisioning.ByContract, true},
		"contract to read is not it": {req(bob, none, alice), []provisioning.Grant{contract("c")}, provisioning.NoRule, false},
	} {
		v := provisioning.Decide(test.req, nil, test.grants)
		if v.Allowed != test.allow || v.Findings[0].Reason != test.want || v.IsFriendResponse().Allowed != test.allow {
			t.Errorf("%s: %+v", name, v)
		}
	}
	reads := bobReads()
	reads.Service, reads.CallerOwner = bob, device
	if v := provisioning.Decide(reads, nil, nil); v.Allowed {
		t.Errorf("to be a friend is not to read: %+v", v)
	}
}

// Each node is decided on its own, by its own owner's rules; what is granted holds on every node that is named.
func TestNodes(t *testing.T) {
	eve := jid.MustParse("eve@example.org")
	on := func(version int64, owner jid.JID, n iot.Node, names ...string) provisioning.Rule {
		r := rule(version, provisioning.FromCaller, "", true, names...)
		r.Owner, r.Thing = owner, iot.Thing{JID: rack, Node: n}
		return r
	}
	plc3, plc4 := iot.Node{ID: "plc3"}, iot.Node{ID: "plc4"}
	v := provisioning.Decide(
		provisioning.Request{
			Op: provisioning.Read, Caller: bob, Thing: rack, Asked: provisioning.Scope{Categories: iot.Momentary},
			Targets: []provisioning.Target{{plc1, alice}, {plc2, eve}, {plc3, alice}, {plc4, alice}, {iot.Node{ID: "x"}, jid.JID{}}},
		},
		[]provisioning.Rule{
			on(1, alice, plc1, "T", "H"), on(2, eve, plc2, "H", "P"), on(3, alice, plc3, "P"), on(4, eve, plc4),
		}, nil,
	)
	if !v.Allowed || !slices.Equal(v.Nodes, []iot.Node{plc1, plc2}) || !slices.Equal(v.Scope.Names, []string{"H"}) || v.Scope.Categories != iot.Momentary {
		t.Errorf("granted %+v", v)
	}
	var reasons []provisioning.Reason
	for _, f := range v.Findings {
		reasons = append(reasons, f.Reason)
	}
	want := []provisioning.Reason{provisioning.ByRule, provisioning.ByRule, provisioning.Disjoint, provisioning.NoRule, provisioning.Unclaimed}
	if !slices.Equal(reasons, want) {
		t.Errorf("reasons %v; want %v", reasons, want)
	}
	if !slices.Equal(v.Ask(), []iot.Node{plc4}) {
		t.Errorf("asks about %v", v.Ask())
	}
}

// An owner is asked about one node at a time.
func TestQuestions(t *testing.T) {
	req := provisioning.Request{
		Op: provisioning.Read, Caller: bob, Thing: rack, Asked: provisioning.Scope{Categories: iot.Peak, Names: []string{"T"}}, Tokens: tokens,
		Targets: []provisioning.Target{{plc1, alice}, {plc2, alice}},
	}
	qs := req.Questions(provisioning.Decide(req, nil, nil).Ask())
	if len(qs) != 2 {
		t.Fatalf("%+v", qs)
	}
	for i, n := range []iot.Node{plc1, plc2} {
		q := qs[i]
		if q.Thing != (iot.Thing{JID: rack, Node: n}) || q.Remote != bob || !reflect.DeepEqual(q.Asked, req.Asked) || !reflect.DeepEqual(q.Tokens, tokens) {
			t.Errorf("%+v", q)
		}
	}
}

func TestWhy(t *testing.T) {
	denied := rule(8, provisioning.FromCaller, "", false)
	part := rule(7, provisioning.FromDomain, "", true, "Temperature")
	part.Scope.Categories = iot.Momentary | iot.Peak
	friend := rule(9, provisioning.FromAnyone, "", true)
	friend.Op = provisioning.Befriend
	service := rule(3, provisioning.FromService, "S", true, "A")
	token := bobReads("B")
	token.Tokens.Service = []string{"S"}
	befriend := bobReads()
	befriend.Op = provisioning.Befriend
	owner := bobReads()
	owner.Caller = alice
	nobody := bobReads()
	nobody.Targets[0].Owner = jid.JID{}
	stranger := befriend
	stranger.Service = bob
	own := befriend
	own.CallerOwner = device
	byDevice := rule(4, provisioning.FromDevice, "D", true)
	byUser := rule(5, provisioning.FromUser, "U", false)
	shown := bobReads()
	shown.Tokens = iot.Tokens{Device: []string{"D"}}
	signed := bobReads()
	signed.Tokens = iot.Tokens{User: []string{"U"}}
	two := bobReads()
	two.Targets = []provisioning.Target{{plc1, alice}, {plc2, bob}}
	for want, test := range map[string]struct {
		req    provisioning.Request
		rules  []provisioning.Rule
		grants []provisioning.Grant
	}{
		"bob@b.example may not read thing@example.org: there is no rule yet, and the owner is asked.":                                  {bobReads(), nil, nil},
		"bob@b.example may not read thing@example.org: rule 8 for bob@b.example denies it.":                                            {bobReads(), []provisioning.Rule{denied}, nil},
		"bob@b.example may read thing@example.org: rule 7 for everyone at b.example allows momentary, peak of Temperature.":            {bobReads(), []provisioning.Rule{part}, nil},
		"bob@b.example may read thing@example.org: contract c1 grants everything.":                                                     {bobReads(), nil, []provisioning.Grant{contract("c1")}},
		"bob@b.example may befriend thing@example.org: rule 9 for everyone allows it.":                                                 {befriend, []provisioning.Rule{friend}, nil},
		"bob@b.example may not read thing@example.org: rule 3 for who shows the service token S allows nothing of what was asked for.": {token, []provisioning.Rule{service}, nil},
		"alice@example.org may read thing@example.org: the owner may do everything.":                                                   {owner, nil, nil},
		"bob@b.example may befriend thing@example.org: it is the provisioning service.":                                                {stranger, nil, nil},
		"bob@b.example may befriend thing@example.org: it is a thing of thing@example.org.":                                            {own, nil, nil},
		"bob@b.example may read thing@example.org: rule 4 for who shows the device token D allows everything.":                         {shown, []provisioning.Rule{byDevice}, nil},
		"bob@b.example may not read thing@example.org: rule 5 for who shows the user token U denies it.":                               {signed, []provisioning.Rule{byUser}, nil},
		"bob@b.example may not read thing@example.org: it has no owner.":                                                               {nobody, nil, nil},
		"bob@b.example may not read thing@example.org (plc1 of Topology): there is no rule yet, and the owner is asked. " +
			"bob@b.example may read thing@example.org (plc2 of Topology): the owner may do everything.": {two, nil, nil},
		"bob@b.example may not read thing@example.org: nothing was asked for.": {provisioning.Request{Op: provisioning.Read, Caller: bob, Thing: device}, nil, nil},
	} {
		v := provisioning.Decide(test.req, test.rules, test.grants)
		if got := v.Why(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		for _, reason := range v.Reasons() {
			if !strings.Contains(want, ": "+reason+".") {
				t.Errorf("the reason %q is not in %s", reason, want)
			}
		}
		if len(v.Reasons()) != len(v.Findings) {
			t.Errorf("%d reasons for %d targets", len(v.Reasons()), len(v.Findings))
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	rules := []provisioning.Rule{
		rule(1, provisioning.FromAnyone, "", false), rule(2, provisioning.FromDomain, "", true),
		rule(3, provisioning.FromCaller, "", true, "Temperature", "Power"),
	}
	req := bobReads("Temperature")
	b.ReportAllocs()
	for b.Loop() {
		if !provisioning.Decide(req, rules, nil).Allowed {
			b.Fatal("denied")
		}
	}
}
