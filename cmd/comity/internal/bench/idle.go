package bench

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// idle counts what sessions cost that do nothing: memory is read as it is, some time after the last login. It grows from what the
// server had before the first, so each round needs a server of its own; without --command there is one round.
func (r *run) idle(ctx context.Context) error {
	rounds, notes := 1, []string{"One round, on a server that was running: only right if it was started just before."}
	if r.Command != "" {
		rounds, notes = r.Rounds, nil
		if err := r.prepareContacts(ctx); err != nil {
			return err
		}
	}
	var s stillness
	for i := range rounds {
		err := r.withServer(ctx, func() error {
			r.say("round %d of %d", i+1, rounds)
			return r.sit(ctx, &s)
		})
		if err != nil {
			return err
		}
	}
	if s.made {
		notes = append(notes, "Contacts were made just now, and that is in the figures: start the server anew and run it again.")
	}
	if r.SM && s.managed == 0 {
		notes = append(notes, "The server offers no XEP-0198.")
	}
	return r.tell(r.idleVariant(s.managed > 0), s.metrics(), notes...)
}

func (r *run) idleVariant(managed bool) string {
	var parts []string
	if r.Contacts > 0 {
		parts = append(parts, fmt.Sprintf("%d contacts", r.Contacts))
	}
	if managed {
		parts = append(parts, "XEP-0198 on")
	}
	if r.PostQuantum {
		parts = append(parts, "X25519MLKEM768 offered")
	}
	return strings.Join(parts, ", ")
}

// prepareContacts fills the rosters, in the life of a server that nothing is measured of.
func (r *run) prepareContacts(ctx context.Context) error {
	if r.Contacts == 0 {
		return nil
	}
	return r.withServer(ctx, func() error {
		c, ctx, err := r.gather(ctx, r.N, gathering{})
		if err != nil {
			return err
		}
		defer c.close()
		_, err = r.befriend(ctx, c, r.Contacts)
		return err
	})
}

// stillness is what rounds of idle have found.
type stillness struct {
	rss, pss, kernel, buffers []float64 // KiB: two by sessions, two by sockets
	before, under, left       []float64 // MiB
	cpu                       []float64 // percent
	made                      bool      // contacts had to be made
	managed                   int64     // sessions with XEP-0198
}

func (s *stillness) metrics() []Metric {
	all := []Metric{summary("rss_per_session", "KiB", s.rss)}
	if s.pss[0] != 0 {
		all = append(all, summary("pss_per_session", "KiB", s.pss))
	}
	all = append(all, summary("rss_before", "MiB", s.before), summary("rss", "MiB", s.under), summary("rss_left", "MiB", s.left),
		summary("cpu_idle", "%", s.cpu))
	if s.kernel[0] != 0 {
		all = append(all, summary("kernel_per_socket", "KiB", s.kernel))
	}
	return append(all, summary("tcp_buffers_per_socket", "KiB", s.buffers))
}

// sit is one round.
func (r *run) sit(ctx context.Context, s *stillness) error {
	// The process of a server that has just come up does the last of that.
	if err := sleep(ctx, min(r.Settle, time.Second)); err != nil {
		return err
	}
	before, err := readMemory(r.proc, r.server.pid)
	if err != nil {
		return err
	}
	slabBefore, tcpBefore := kernelMemory(r.proc)
	c, within, err := r.gather(ctx, r.N, gathering{sm: r.SM})
	if err != nil {
		return err
	}
	defer c.close()
	s.managed = c.managed.Load()
	if r.Contacts > 0 { // a client asks for its roster, so this is no help for the server
		made, err := r.befriend(within, c, r.Contacts)
		if err != nil {
			return err
		}
		s.made = s.made || made
	}
	r.say("%d are in, memory is read in %s", r.N, r.Settle)
	first, err := readUsage(r.proc, r.server.pid)
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := sleep(within, r.Settle); err != nil {
		return err
	}
	under, err := readMemory(r.proc, r.server.pid)
	if err != nil {
		return err
	}
	last, err := readUsage(r.proc, r.server.pid)
	if err != nil {
		return err
	}
	slab, tcp := kernelMemory(r.proc)
	n := float64(r.N)
	s.rss = append(s.rss, kib(under.rss-before.rss)/n)
	s.pss = append(s.pss, kib(under.pss-before.pss)/n)
	s.kernel = append(s.kernel, kib(slab-slabBefore)/(2*n))
	s.buffers = append(s.buffers, kib(tcp-tcpBefore)/(2*n))
	s.before, s.under = append(s.before, mib(before.rss)), append(s.under, mib(under.rss))
	s.cpu = append(s.cpu, 100*last.since(first).Seconds()/max(time.Since(begun).Seconds(), 1e-9))

	r.say("logging out")
	c.close()
	if err := sleep(ctx, r.Settle); err != nil {
		return err
	}
	after, err := readMemory(r.proc, r.server.pid)
	s.left = append(s.left, mib(after.rss))
	return err
}
