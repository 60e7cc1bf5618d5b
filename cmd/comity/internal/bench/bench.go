// Package bench loads an XMPP server, whichever, over its client port and says what that costs the server: processor time and
// memory, which it reads from /proc of the server's process (Linux). It speaks nothing but standard protocol: RFC 6120 and 6121,
// XEP-0030, XEP-0060 (1.26) with XEP-0163, XEP-0092, XEP-0198 (1.6.3) and XEP-0199.
//
// Client and server share one machine and the loopback interface: a server elsewhere is refused. Processor time is that of the
// server's process and its children, from the kernel's clock of the process, in nanoseconds; it does not contain what the client
// uses, but a busy client makes the server's caches colder, so compare servers on one machine and in one go. In each round what
// goes on is measured between two readings, without a pause between rounds; a figure is the median of the rounds, with the least
// and the greatest beside it.
//
// # Output
//
// As JSON each [Result] is one line:
//
//	scenario  string   as on the command line
//	variant   string   what was special, absent if nothing
//	time      string   RFC 3339, of the end
//	n         number   sessions, pairs, contacts, subscribers or things, by scenario
//	server    object   name, version (XEP-0092), address, tls (version), mechanism (SASL), pid
//	host      object   kernel, cpus, cpu (model), memory_kib
//	metrics   array    of objects: name, unit, median, min, max (numbers), rounds (array of numbers)
//	notes     array    of sentences, absent if none
//
// Names of metrics that can be compared between servers, with their units:
//
//	rss_per_session, pss_per_session            KiB   idle, telemetry: growth since before the first login, by sessions
//	rss_before, pss_before, rss, rss_left       MiB   before the first login, under load, after the last logout
//	kernel_per_socket                           KiB   idle: growth of all slab caches, by sockets of both ends; only root may see it
//	tcp_buffers_per_socket                      KiB   idle: growth of what waits in sockets, by sockets of both ends
//	cpu_idle                                    %     idle: of one processor, while nothing happens
//	cpu_per_message, cpu_per_request            µs    chat and telemetry; iq, by round trips
//	cpu_per_delivery                            µs    fanout, pubsub
//	cpu_per_login                               ms    login, which includes the logout
//	rate                                        /s    messages, round trips, deliveries or logins
//	cpu                                         %     of one processor, while that rate lasted
//	latency_p50, latency_p99                    ms    from the sender's write to the receiver's read; of an iq, to the answer; of a fan-out, to the last receiver
//	first_features, cpu_first_features          ms    coldstart: from exec to <stream:features/>; processor time until then
//	p99_quiet, p99_half, p99_closed             ms    slow: of others, before, beside half records, beside closed windows
//	rss_quiet, rss_half, rss_closed             MiB   slow: at the same times
//
// Missing: servers on other machines, other transports than TCP, the server's time in garbage collection (nothing outside can see
// it), and a client that acknowledges or resumes under load (XEP-0198 is switched on in idle only).
package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// run is one scenario under way.
type run struct {
	Options
	scenario Scenario
	proc     fs.FS // /proc
	host     Host
	server   *server
	who      Server // who the server is, where PID is that of server
	dialer   *dialer
}

// Run goes through the scenarios named, in the order of Scenarios. The error is an *Error where there is something to be done about
// it, and the cause of ctx where that ended.
func Run(ctx context.Context, o Options, names ...string) error {
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	if o.Roots == nil && (o.Direct || len(chosen) != 1 || chosen[0].Name != "coldstart") {
		return advise("Name it with --ca: of comity, ca.pem in its data folder; of others, their certificate if it is self-signed.",
			"nothing to check the server's certificate against")
	}
	proc := os.DirFS("/proc")
	if _, err := fs.Stat(proc, "self/stat"); err != nil {
		return advise("Run it on Linux.", "the server's processor time and memory are read from /proc, which is not here")
	}
	raiseFiles()
	for _, s := range chosen {
		r := &run{Options: o, scenario: s, proc: proc, host: readHost(proc)}
		if r.N == 0 || s.N == 1 {
			r.N = s.N
		}
		if s.Name == "coldstart" && o.Command == "" && len(chosen) > 1 {
			r.say("coldstart left out: it needs --command")
			continue
		}
		if err := r.one(ctx); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return nil
}

// one runs the scenario.
func (r *run) one(ctx context.Context) error {
	r.dialer = newDialer(&r.Options)
	if r.managesServer() {
		return r.scenario.run(r, ctx)
	}
	return r.withServer(ctx, func() error { return r.scenario.run(r, ctx) })
}

// managesServer reports whether the scenario starts servers itself, each round one.
func (r *run) managesServer() bool {
	return r.scenario.Name == "coldstart" || r.scenario.Name == "idle"
}

// withServer does something while there is a server: the one that is running, or one that is started for it.
func (r *run) withServer(ctx context.Context, do func() error) (err error) {
	if r.Command == "" {
		if r.server, err = findServer(r.proc, r.Server, r.PID); err != nil {
			return err
		}
		return do()
	}
	r.say("starting the server")
	if r.server, _, err = startServer(ctx, r); err != nil {
		return err
	}
	defer func() {
		r.say("ending the server")
		err = errors.Join(err, r.server.end(r.proc))
	}()
	return do()
}

func (r *run) say(format string, args ...any) {
	if r.Progress != nil {
		r.Progress(r.scenario.Name + ": " + fmt.Sprintf(format, args...))
	}
}

// sleep waits, unless ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
