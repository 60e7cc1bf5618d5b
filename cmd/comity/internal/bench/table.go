package bench

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// WriteTable writes results for people.
func WriteTable(w io.Writer, results []*Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SCENARIO\tN\tFIGURE\tMEDIAN\tMIN–MAX\tUNIT")
	for _, r := range results {
		name := r.Scenario
		if r.Variant != "" {
			name += " (" + r.Variant + ")"
		}
		for _, m := range r.Metrics {
			fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s–%s\t%s\n", name, r.N, m.Name, number(m.Median), number(m.Min), number(m.Max), m.Unit)
		}
		if len(r.Metrics) == 0 {
			fmt.Fprintf(t, "%s\t%d\t–\t–\t–\t–\n", name, r.N)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range results {
		for _, n := range r.Notes {
			fmt.Fprintf(w, "%s: %s\n", r.Scenario, n)
		}
	}
	if len(results) > 0 {
		_, err := fmt.Fprintln(w, "\n"+results[len(results)-1].where())
		return err
	}
	return nil
}

// where says what was loaded, and on which machine.
func (r *Result) where() string {
	who := strings.TrimSpace(r.Server.Name + " " + r.Server.Version)
	if who == "" {
		who = "A server without a name"
	}
	s := who + " at " + r.Server.Address
	if r.Server.TLS != "" {
		s += ", " + r.Server.TLS + ", " + r.Server.Mechanism
	}
	return fmt.Sprintf("%s; %d × %s, Linux %s", s, r.Host.CPUs, r.Host.CPU, r.Host.Kernel)
}

// number writes three digits that count, and all of those before the point.
func number(f float64) string {
	if f == 0 {
		return "0"
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(f))))
	return fmt.Sprintf("%.*f", min(max(digits, 0), 6), f)
}

// headline are the figures that servers are compared by, in the order of the table.
func headline() []struct{ scenario, metric, title string } {
	return []struct{ scenario, metric, title string }{
		{"idle", "rss_per_session", "idle session, memory"},
		{"idle", "kernel_per_socket", "the kernel's part of it, per socket"},
		{"chat", "cpu_per_message", "chat, 200 bytes, per message"},
		{"iq", "cpu_per_request", "IQ, 600-byte result, per round trip"},
		{"fanout", "cpu_per_delivery", "presence to many, per delivery"},
		{"pubsub", "cpu_per_delivery", "PubSub item to many, per delivery"},
		{"login", "cpu_per_login", "login"},
		{"telemetry", "cpu_per_message", "telemetry, 300 bytes, per message"},
		{"telemetry", "rss_per_session", "telemetry, memory per thing"},
		{"slow", "p99_quiet", "latency (p99) of others, quiet"},
		{"slow", "p99_half", "… beside half records"},
		{"slow", "p99_closed", "… beside closed windows"},
		{"coldstart", "first_features", "start to first stream features"},
		{"coldstart", "rss_before", "empty server, memory"},
	}
}

// WriteComparison writes the results of several servers as one table in Markdown: a column for each, with the median and the least
// and greatest of the rounds. Of results for the same scenario and variant the last counts.
func WriteComparison(w io.Writer, servers [][]*Result) error {
	servers = slices.Clone(servers)
	for i := range servers {
		servers[i] = latest(servers[i])
	}
	fmt.Fprint(w, "| processor time or memory |")
	for _, results := range servers {
		fmt.Fprintf(w, " %s |", columnName(results))
	}
	fmt.Fprint(w, "\n|---|"+strings.Repeat("---|", len(servers))+"\n")
	for _, h := range headline() {
		for _, variant := range variants(servers, h.scenario, h.metric) {
			title := h.title
			if variant != "" {
				title += " (" + variant + ")"
			}
			fmt.Fprintf(w, "| %s |", title)
			for _, results := range servers {
				fmt.Fprintf(w, " %s |", cell(results, h.scenario, variant, h.metric))
			}
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
	}
	for _, results := range servers {
		for _, r := range results {
			for _, n := range r.Notes {
				fmt.Fprintf(w, "\n%s, %s: %s\n", columnName(results), r.Scenario, n)
			}
		}
	}
	return nil
}

// latest leaves out what was measured again later.
func latest(results []*Result) []*Result {
	var kept []*Result
	for i, r := range results {
		again := slices.ContainsFunc(results[i+1:], func(o *Result) bool { return o.Scenario == r.Scenario && o.Variant == r.Variant })
		if !again {
			kept = append(kept, r)
		}
	}
	return kept
}

func columnName(results []*Result) string {
	for _, r := range results {
		if name := strings.TrimSpace(r.Server.Name + " " + r.Server.Version); name != "" {
			return name
		}
	}
	return "a server"
}

// variants returns the variants of a scenario that have the metric at some server, as they come.
func variants(servers [][]*Result, scenario, metric string) []string {
	var all []string
	seen := map[string]bool{}
	for _, results := range servers {
		for _, r := range results {
			if _, ok := r.Metric(metric); ok && r.Scenario == scenario && !seen[r.Variant] {
				seen[r.Variant] = true
				all = append(all, r.Variant)
			}
		}
	}
	return all
}

func cell(results []*Result, scenario, variant, metric string) string {
	for _, r := range results {
		if m, ok := r.Metric(metric); ok && r.Scenario == scenario && r.Variant == variant {
			return fmt.Sprintf("%s %s (%s–%s)", number(m.Median), m.Unit, number(m.Min), number(m.Max))
		}
	}
	return "–"
}
