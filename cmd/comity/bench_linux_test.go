package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comity-iot/comity/cmd/comity/internal/bench"
)

// benchBriefly makes each scenario as short as it can be.
var benchBriefly = []string{
	"--rounds", "2", "--duration", "50ms", "--warmup", "0s", "--settle", "1ms", "--period", "20ms", "--window", "3", "--collectors", "1",
}

// benched is a broker in this process with as many accounts, and the flags to load it a little.
func benched(t *testing.T, accounts string) []string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	b := serve(t, "--domain", "example.org", "--data", data, "--c2s", "127.0.0.1:0", "--no-limits")
	file := filepath.Join(t.TempDir(), "accounts")
	lines := must(t, "bench", "accounts", "--n", accounts, "--domain", "example.org").out
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "account", "add", "--from", file, "--data", data)
	return append([]string{"--server", b.addr("c2s"), "--ca", b.events["ready"].Trust, "--accounts", file}, benchBriefly...)
}

// benchResults runs scenarios and returns their results.
func benchResults(t *testing.T, flags []string, more ...string) []bench.Result {
	t.Helper()
	return decode[bench.Result](t, must(t, append(append([]string{"bench", "--json"}, more...), flags...)...).out)
}

// Each scenario finds something out, of our own broker in this very process.
func TestBench(t *testing.T) {
	flags := benched(t, "14")
	for _, s := range []struct {
		name     string
		variants int
		figures  []string // that cannot be none
	}{
		{"idle", 1, []string{"rss_before", "rss", "rss_left"}},
		{"login", 2, []string{"cpu_per_login", "rate", "latency_p99"}},
		{"chat", 2, []string{"cpu_per_message", "rate", "cpu", "latency_p50", "rss"}},
		{"iq", 1, []string{"cpu_per_request", "latency_p50"}},
		{"fanout", 1, []string{"cpu_per_delivery", "latency_p50"}},
		{"telemetry", 1, []string{"cpu_per_message", "rate", "rss"}},
		{"slow", 1, []string{"p99_quiet", "p99_half", "p99_closed", "rss_closed"}},
	} {
		results := benchResults(t, flags, s.name, "--n", "4")
		if len(results) != s.variants {
			t.Errorf("%s has %d results", s.name, len(results))
		}
		for _, r := range results {
			if r.Scenario != s.name || r.N != 4 || r.Server.PID != os.Getpid() || r.Server.Name == "" || r.Server.TLS != "TLS 1.3" || r.Host.CPUs == 0 {
				t.Errorf("%+v", r)
			}
			for _, name := range s.figures {
				if m, ok := r.Metric(name); !ok || m.Min <= 0 || m.Min > m.Median || m.Median > m.Max {
					t.Errorf("%s: %s is %+v", s.name, name, m)
				}
			}
		}
	}
}

// A server without PubSub is told so, which is no failure.
func TestBenchPubSub(t *testing.T) {
	r := benchResults(t, benched(t, "2"), "pubsub", "--n", "1")[0]
	if _, measured := r.Metric("cpu_per_delivery"); !measured && len(r.Notes) == 0 {
		t.Errorf("%+v", r)
	}
}

// Contacts are made once, and stay.
func TestBenchContacts(t *testing.T) {
	flags := benched(t, "5")
	made := func() bool {
		r := benchResults(t, flags, "idle", "--n", "5", "--contacts", "2", "--sm")[0]
		if r.Variant != "2 contacts, XEP-0198 on" {
			t.Errorf("variant %q", r.Variant)
		}
		return strings.Contains(strings.Join(r.Notes, " "), "Contacts were made just now")
	}
	if !made() || made() {
		t.Error("contacts were not made once")
	}
}

// A command line is started and ended for each round; what is there already is left alone.
func TestBenchCommand(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	flags := append([]string{
		"--server", addr,
		"--command", "env " + asComity + "=1 " + os.Args[0] + " serve --domain localhost --ephemeral --data " + t.TempDir() + "/d --c2s " + addr,
	}, benchBriefly...)
	if o := comity(t, append([]string{"bench", "coldstart"}, flags...)...); o.code != failed || !strings.Contains(o.err, "listens at") {
		t.Errorf("with a listener there: %+v", o)
	}
	l.Close()
	m, _ := benchResults(t, flags, "coldstart")[0].Metric("first_features")
	if len(m.Rounds) != 2 || m.Min <= 0 {
		t.Errorf("%+v", m)
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("the broker is still there")
	}
}

// What cannot be is refused with advice.
func TestBenchMistakes(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"bench", "no scenario"},
		{"bench chatter", "chatter"},
		{"bench chat --server 192.0.2.1:5222", "loopback"},
		{"bench chat --server 127.0.0.1:1", "--ca"},
		{"bench chat --ca /nowhere", "nowhere"},
		{"bench chat --user me", "pattern"},
		{"bench accounts --n 0", "n is from"},
		{"bench compare /nowhere", "nowhere"},
	} {
		if o := comity(t, strings.Fields(c.args)...); o.code == done || !strings.Contains(o.err, c.want) {
			t.Errorf("%s: code %d, %s", c.args, o.code, o.err)
		}
	}
}

// What --out has written can be compared.
func TestBenchCompare(t *testing.T) {
	flags := benched(t, "2")
	file := filepath.Join(t.TempDir(), "out.json")
	must(t, append([]string{"bench", "chat", "--n", "1", "--out", file}, flags...)...)
	if table := must(t, "bench", "compare", file, file).out; strings.Count(table, "µs (") != 4 {
		t.Error(table)
	}
}
