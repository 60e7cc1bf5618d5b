package roster

import (
	"strings"
	"testing"

	"github.com/comity-iot/comity/xmpp/stanza"
)

// The names of RFC 6121 §A.1.
var stateNames = map[string]state{
	"None":                  none,
	"None + Pending Out":    pendingOut,
	"None + Pending In":     pendingIn,
	"None + Pending Out+In": pendingOut | pendingIn,
	"To":                    to,
	"To + Pending In":       to | pendingIn,
	"From":                  from,
	"From + Pending Out":    from | pendingOut,
	"Both":                  to | from,
}

// The tables of RFC 6121 appendix A: existing state, whether it is routed or delivered, new state.
var appendixA = []struct {
	section string
	sent    bool
	stanza  stanza.Type
	table   string
}{
	{"A.2.1", true, stanza.Subscribe, `
		None                  | MUST | None + Pending Out
		None + Pending Out    | MUST | no state change
		None + Pending In     | MUST | None + Pending Out+In
		None + Pending Out+In | MUST | no state change
		To                    | MUST | no state change
		To + Pending In       | MUST | no state change
		From                  | MUST | From + Pending Out
		From + Pending Out    | MUST | no state change
		Both                  | MUST | no state change`},
	{"A.2.2", true, stanza.Unsubscribe, `
		None                  | MUST | no state change
		None + Pending Out    | MUST | None
		None + Pending In     | MUST | no state change
		None + Pending Out+In | MUST | None + Pending In
		To                    | MUST | None
		To + Pending In       | MUST | None + Pending In
		From                  | MUST | no state change
		From + Pending Out    | MUST | From
		Both                  | MUST | From`},
	{"A.2.3", true, stanza.Subscribed, `
		None                  | MUST NOT | no state change
		None + Pending Out    | MUST NOT | no state change
		None + Pending In     | MUST     | From
		None + Pending Out+In | MUST     | From + Pending Out
		To                    | MUST NOT | no state change
		To + Pending In       | MUST     | Both
		From                  | MUST NOT | no state change
		From + Pending Out    | MUST NOT | no state change
		Both                  | MUST NOT | no state change`},
	{"A.2.4", true, stanza.Unsubscribed, `
		None                  | MUST NOT | no state change
		None + Pending Out    | MUST NOT | no state change
		None + Pending In     | MUST     | None
		None + Pending Out+In | MUST     | None + Pending Out
		To                    | MUST NOT | no state change
		To + Pending In       | MUST     | To
		From                  | MUST     | None
		From + Pending Out    | MUST     | None + Pending Out
		Both                  | MUST     | To`},
	{"A.3.1", false, stanza.Subscribe, `
		None                  | MUST       | None + Pending In
		None + Pending Out    | MUST       | None + Pending Out+In
		None + Pending In     | SHOULD NOT | no state change
		None + Pending Out+In | SHOULD NOT | no state change
		To                    | MUST       | To + Pending In
		To + Pending In       | SHOULD NOT | no state change
		From                  | SHOULD NOT, reply subscribed | no state change
		From + Pending Out    | SHOULD NOT, reply subscribed | no state change
		Both                  | SHOULD NOT, reply subscribed | no state change`},
	{"A.3.2", false, stanza.Unsubscribe, `
		None                  | SHOULD NOT | no state change
		None + Pending Out    | SHOULD NOT | no state change
		None + Pending In     | MUST       | None
		None + Pending Out+In | MUST       | None + Pending Out
		To                    | SHOULD NOT | no state change
		To + Pending In       | MUST       | To
		From                  | MUST       | None
		From + Pending Out    | MUST       | None + Pending Out
		Both                  | MUST       | To`},
	{"A.3.3", false, stanza.Subscribed, `
		None                  | SHOULD NOT | no state change
		None + Pending Out    | MUST       | To
		None + Pending In     | SHOULD NOT | no state change
		None + Pending Out+In | MUST       | To + Pending In
		To                    | SHOULD NOT | no state change
		To + Pending In       | SHOULD NOT | no state change
		From                  | SHOULD NOT | no state change
		From + Pending Out    | MUST       | Both
		Both                  | SHOULD NOT | no state change`},
	{"A.3.4", false, stanza.Unsubscribed, `
		None                  | SHOULD NOT | no state change
		None + Pending Out    | MUST       | None
		None + Pending In     | SHOULD NOT | no state change
		None + Pending Out+In | MUST       | None + Pending In
		To                    | MUST       | None
		To + Pending In       | MUST       | None + Pending In
		From                  | SHOULD NOT | no state change
		From + Pending Out    | MUST       | From
		Both                  | MUST       | From`},
}

func TestAppendixA(t *testing.T) {
	for _, tt := range appendixA {
		lines := strings.Split(strings.TrimSpace(tt.table), "\n")
		if len(lines) != len(stateNames) {
			t.Errorf("%s has %d lines", tt.section, len(lines))
		}
		for _, line := range lines {
			col := strings.Split(line, "|")
			existing := named(t, col[0])
			goesOn := strings.TrimSpace(col[1]) == "MUST"
			replies := strings.Contains(col[1], "reply")
			want := existing
			if strings.TrimSpace(col[2]) != "no state change" {
				want = named(t, col[2])
			}
			var got state
			var pass, accept bool
			if tt.sent {
				got, pass = existing.send(tt.stanza)
				got &^= approved // which A.2.3, note 1, leaves to §3.4
			} else {
				got, pass, accept = existing.receive(tt.stanza)
			}
			if got != want || pass != goesOn || accept != replies {
				t.Errorf("%s: %s: new state %05b, goes on %v, replies %v", tt.section, line, got, pass, accept)
			}
		}
	}
}

func named(t *testing.T, name string) state {
	t.Helper()
	s, ok := stateNames[strings.TrimSpace(name)]
	if !ok {
		t.Fatalf("no state %q", name)
	}
	return s
}

// RFC 6121 §3.4.2: an approval waits for the request, and is cancelled like a subscription.
func TestPreApprovalStates(t *testing.T) {
	for _, s := range []state{none, pendingOut, to} {
		waiting, route := s.send(stanza.Subscribed)
		if waiting != s|approved || route {
			t.Errorf("%05b: approved beforehand is %05b, routed %v", s, waiting, route)
		}
		if next, deliver, accept := waiting.receive(stanza.Subscribe); next != s|from|approved || deliver || !accept {
			t.Errorf("%05b: request is met with %05b, delivered %v, accepted %v", s, next, deliver, accept)
		}
		if next, route := waiting.send(stanza.Unsubscribed); next != s || route {
			t.Errorf("%05b: approval taken back is %05b, routed %v", s, next, route)
		}
		// §4.3.2: the answer to a probe does not cancel it.
		if next, _, _ := waiting.receive(stanza.Unsubscribed); !next.has(approved) {
			t.Errorf("%05b: unsubscribed from the contact cancels the approval", s)
		}
	}
}

// A state that cannot be, as of a damaged row, stays as it is.
func TestImpossibleStates(t *testing.T) {
	for _, s := range []state{to | pendingOut, from | pendingIn} {
		for typ := range outbound {
			if next, route := s.send(typ); next != s || route {
				t.Errorf("%05b sends %s: %05b, %v", s, typ, next, route)
			}
			if next, deliver, accept := s.receive(typ); next != s || deliver || accept {
				t.Errorf("%05b receives %s: %05b, %v, %v", s, typ, next, deliver, accept)
			}
		}
	}
}

// Whatever two parties send each other, in every order, each knows how it stands with the other.
func TestMirroredStates(t *testing.T) {
	type pair [2]state
	seen := map[pair]bool{{}: true}
	for open := []pair{{}}; len(open) > 0; open = open[1:] {
		for typ := range outbound {
			for me := range 2 {
				next := open[0]
				var route, accept bool
				if next[me], route = next[me].send(typ); route {
					next[1-me], _, accept = next[1-me].receive(typ)
				}
				if accept {
					next[me], _, _ = next[me].receive(stanza.Subscribed)
				}
				if !mirrored(next[0], next[1]) {
					t.Fatalf("%05b: %d sends %s: %05b", open[0], me, typ, next)
				}
				if !seen[next] {
					seen[next] = true
					open = append(open, next)
				}
			}
		}
	}
	if len(seen) < 9 {
		t.Errorf("only %d pairs of states are ever reached", len(seen))
	}
}

func mirrored(a, b state) bool {
	return a.has(to) == b.has(from) && a.has(from) == b.has(to) &&
		a.has(pendingOut) == b.has(pendingIn) && a.has(pendingIn) == b.has(pendingOut)
}
