package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// login logs in and out: TLS, SASL, bind, presence, and a ping to know that the presence is seen to.
func (r *run) login(ctx context.Context) error {
	c, _, err := r.gather(ctx, 1, gathering{quiet: true}) // to know who the server is, and that it lets us in
	if err != nil {
		return err
	}
	c.close()
	for _, resumed := range []bool{false, true} {
		if err := r.logins(ctx, resumed); err != nil {
			return err
		}
	}
	return nil
}

// logins measures one variant of login.
func (r *run) logins(ctx context.Context, resumed bool) error {
	accounts, err := r.Accounts.first(r.N)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var (
		g       = newGauge()
		workers sync.WaitGroup
		next    atomic.Int64
		resumes atomic.Int64
	)
	for range min(r.Parallel, r.N) {
		d := r.dialer
		if resumed {
			d = d.remembering()
		}
		workers.Go(func() {
			for !g.stopped.Load() && ctx.Err() == nil {
				i := int(next.Add(1)-1) % r.N
				was, err := logInAndOut(ctx, d, i, accounts[i], g)
				if err != nil {
					stop(err)
					return
				}
				if was {
					resumes.Add(1)
				}
			}
		})
	}
	s, err := r.rounds(ctx, g, r.Warmup, r.Duration)
	g.stopped.Store(true)
	if err != nil {
		stop(err)
	}
	workers.Wait()
	if err != nil {
		return err
	}
	metrics := s.metrics("cpu_per_login")
	metrics[0] = summary("cpu_per_login", "ms", scaled(s.cpu, 1e-3))
	switch {
	case !resumed && r.PostQuantum:
		return r.tell("full handshake, X25519MLKEM768 offered", metrics)
	case !resumed:
		return r.tell("full handshake", metrics)
	}
	return r.tell("TLS resumed", metrics, fmt.Sprintf("%d of %d logins resumed a TLS session.", resumes.Load(), g.count.Load()))
}

// logInAndOut is one login and its end. resumed says whether TLS was resumed.
func logInAndOut(ctx context.Context, d *dialer, i int, a Account, g *gauge) (resumed bool, err error) {
	begun := time.Now()
	s, err := d.login(ctx, i, a, dialing{})
	if err != nil {
		return false, err
	}
	defer s.conn.Close()
	if _, err := s.enter(ctx, false); err != nil {
		return false, fmt.Errorf("%s: %w", s.jid, err)
	}
	g.latency.add(time.Since(begun))
	g.count.Add(1)
	s.conn.End() // the server's part in the end is not waited for
	return s.conn.TLS().DidResume, nil
}

func scaled(all []float64, by float64) []float64 {
	out := make([]float64, len(all))
	for i, v := range all {
		out[i] = v * by
	}
	return out
}
