package bench

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/netip"
	"time"
)

// MaxN is the greatest number of sessions, pairs or whatever a scenario counts.
const MaxN = 100_000

// Options say what to load, and how.
type Options struct {
	Server   netip.AddrPort // a loopback address, see ParseServer
	Direct   bool           // streams start with TLS (XEP-0368)
	Domain   string         // of the accounts
	Accounts Accounts
	Roots    *x509.CertPool // that the server's certificate is checked against; only coldstart with STARTTLS does without

	PID     int    // of the server; 0 finds the process that listens at Server
	Command string // starts the server anew for each scenario (idle, coldstart: each round); by /bin/sh, with exec

	N           int           // 0 for the scenario's own
	Rounds      int           // of measuring
	Duration    time.Duration // of a round
	Warmup      time.Duration // before the first round
	Settle      time.Duration // from the last login to the reading of memory
	Period      time.Duration // telemetry: between two messages of a thing
	Window      int           // chat, busy: messages in flight per pair
	Collectors  int           // telemetry
	Contacts    int           // idle: in each roster, an even number
	Parallel    int           // logins at a time
	SM          bool          // idle: turn on XEP-0198
	PostQuantum bool          // offer X25519MLKEM768 too
	PubSub      string        // address of the PubSub service; empty to look for one, then for PEP

	Progress func(text string)   // may be nil; called by several goroutines
	Result   func(*Result) error // gets each result when it is there
}

// Error is what went wrong and what to do about it.
type Error struct {
	Err  error
	Next string // a sentence or a command
}

// Error says what went wrong.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the error without advice.
func (e *Error) Unwrap() error { return e.Err }

func advise(next, format string, args ...any) error {
	return &Error{fmt.Errorf(format, args...), next}
}

// Scenario is one kind of load.
type Scenario struct {
	Name  string
	About string // for a list
	N     int    // by default
	run   func(*run, context.Context) error
}

// Scenarios returns all there are, in the order of "all".
func Scenarios() []Scenario {
	return []Scenario{
		{"coldstart", "time to the first stream features, memory of the empty server (needs --command)", 1, (*run).coldstart},
		{"idle", "memory of a session that only is there; n sessions", 10_000, (*run).idle},
		{"login", "processor time of a login, with TLS in full and resumed; n accounts in turn", 200, (*run).login},
		{"chat", "processor time of a 200-byte message between n pairs, one in flight and busy", 500, (*run).chat},
		{"iq", "processor time of a round trip with a 600-byte result between n pairs", 500, (*run).iq},
		{"fanout", "processor time of presence to each of n contacts", 200, (*run).fanout},
		{"pubsub", "processor time of a 600-byte item to each of n subscribers", 200, (*run).pubsub},
		{"telemetry", "n things say 300 bytes each period to a few collectors: processor time, memory, latency", 5_000, (*run).telemetry},
		{"slow", "latency of others beside n half TLS records and n/10 closed windows", 10_000, (*run).slow},
	}
}

// choose returns the scenarios of these names.
func choose(names []string) ([]Scenario, error) {
	all := Scenarios()
	wanted := map[string]bool{}
	for _, n := range names {
		wanted[n] = true
	}
	var chosen []Scenario
	for _, s := range all {
		if wanted[s.Name] || wanted["all"] {
			chosen = append(chosen, s)
		}
		delete(wanted, s.Name)
	}
	delete(wanted, "all")
	for n := range wanted {
		return nil, advise("See: comity bench --help", "there is no scenario %q", n)
	}
	return chosen, nil
}

func (o *Options) check() error {
	switch {
	case !o.Server.IsValid() || !o.Server.Addr().IsLoopback():
		return errNotHere(o.Server.String())
	case o.N < 0 || o.N > MaxN:
		return advise("Choose fewer.", "n is from 1 to %d", MaxN)
	case o.Rounds < 1 || o.Rounds > 1000 || o.Window < 1 || o.Window > 1000 || o.Parallel < 1 || o.Parallel > 1000:
		return advise("See: comity bench --help", "rounds, window and parallel are from 1 to 1000")
	case o.Duration <= 0 || o.Duration > time.Hour || o.Warmup < 0 || o.Warmup > time.Hour || o.Settle < 0 || o.Settle > time.Hour:
		return advise("See: comity bench --help", "durations are up to an hour")
	case o.Period <= 0 || o.Period > time.Hour || o.Collectors < 1 || o.Collectors > 1000:
		return advise("See: comity bench --help", "the period is up to an hour, the collectors are from 1 to 1000")
	case o.Contacts < 0 || o.Contacts > 200 || o.Contacts%2 != 0:
		return advise("Choose another number, such as 10.", "contacts are an even number up to 200")
	}
	return nil
}
