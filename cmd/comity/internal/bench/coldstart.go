package bench

import (
	"context"
	"time"
)

// emptySettle is the time from the first stream features to the reading of memory, at most.
const emptySettle = 2 * time.Second

// coldstart starts the server and waits for its first stream features, which it looks for twice in a millisecond. The command goes
// through /bin/sh, which takes about a millisecond.
func (r *run) coldstart(ctx context.Context) error {
	if r.Command == "" {
		return advise("Give the command line that starts the server with --command.", "nothing to start")
	}
	var features, cpu, rss, pss []float64
	for i := range r.Rounds {
		r.say("round %d of %d", i+1, r.Rounds)
		up, m, err := r.oneStart(ctx)
		if err != nil {
			return err
		}
		features, cpu = append(features, millis(up.features)), append(cpu, millis(up.cpu))
		rss, pss = append(rss, mib(m.rss)), append(pss, mib(m.pss))
	}
	return r.tell("", []Metric{
		summary("first_features", "ms", features), summary("cpu_first_features", "ms", cpu),
		summary("rss_before", "MiB", rss), summary("pss_before", "MiB", pss),
	})
}

func (r *run) oneStart(ctx context.Context) (up start, m memory, err error) {
	if r.server, up, err = startServer(ctx, r); err != nil {
		return up, m, err
	}
	if err = sleep(ctx, min(r.Settle, emptySettle)); err == nil {
		m, err = readMemory(r.proc, r.server.pid)
	}
	if e := r.server.end(r.proc); err == nil {
		err = e
	}
	return up, m, err
}
