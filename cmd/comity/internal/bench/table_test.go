package bench

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestNumber(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0", 1: "1.00", 12.34: "12.3", 123.4: "123", 12345.6: "12346", 0.0123: "0.0123", -1.5: "-1.50", 1e-9: "0.000000",
	} {
		if got := number(f); got != want {
			t.Errorf("%v is written %s, not %s", f, got, want)
		}
	}
}

func result(server, scenario, variant, metric string, rounds ...float64) *Result {
	return &Result{
		Scenario: scenario, Variant: variant, N: 10, Server: Server{Name: server, Version: "1", Address: "127.0.0.1:5222"},
		Metrics: []Metric{summary(metric, "µs", rounds)},
	}
}

func TestComparison(t *testing.T) {
	ours := []*Result{
		result("Comity", "chat", "one in flight", "cpu_per_message", 99), // measured again below
		result("Comity", "chat", "one in flight", "cpu_per_message", 20, 19, 24),
		{Scenario: "pubsub", Server: Server{Name: "Comity", Version: "1"}, Notes: []string{"The server offers no PubSub."}},
	}
	theirs := []*Result{
		result("Prosody", "chat", "one in flight", "cpu_per_message", 228, 427),
		result("Prosody", "pubsub", "", "cpu_per_delivery", 259),
	}
	var b strings.Builder
	if err := WriteComparison(&b, [][]*Result{ours, theirs}); err != nil {
		t.Fatal(err)
	}
	want := `| processor time or memory | Comity 1 | Prosody 1 |
|---|---|---|
| chat, 200 bytes, per message (one in flight) | 20.0 µs (19.0–24.0) | 328 µs (228–427) |
| PubSub item to many, per delivery | – | 259 µs (259–259) |

Comity 1, pubsub: The server offers no PubSub.
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	if err := WriteTable(&b, []*Result{result("Comity", "chat", "busy", "cpu_per_message", 7), {Scenario: "pubsub", N: 3, Notes: []string{"No."}}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"chat (busy)  10  cpu_per_message  7.00    7.00–7.00  µs\n", "pubsub       3   –", "pubsub: No.\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// What is written is what the package comment says.
func TestJSON(t *testing.T) {
	r := result("Comity", "chat", "busy", "cpu_per_message", 7, 9)
	r.Notes = []string{"Well."}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"scenario":"chat","variant":"busy","time":"0001-01-01T00:00:00Z","n":10,` +
		`"server":{"name":"Comity","version":"1","address":"127.0.0.1:5222","pid":0},"host":{"cpus":0},` +
		`"metrics":[{"name":"cpu_per_message","unit":"µs","median":8,"min":7,"max":9,"rounds":[7,9]}],"notes":["Well."]}`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
}
