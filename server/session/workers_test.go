package session_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/comity-iot/comity/server/session"
	"go.uber.org/goleak"
)

func TestWorkersRunEverythingAndEnd(t *testing.T) {
	defer goleak.VerifyNone(t)
	w := session.NewWorkers(3)
	var ran atomic.Int64
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for range 100 {
				w.Go(func() { ran.Add(1) })
			}
		})
	}
	wg.Wait()
	w.Close()
	if n := ran.Load(); n != 1000 {
		t.Errorf("%d jobs were run, want 1000", n)
	}
}

// However many jobs block, others run.
func TestWorkersDoNotWaitForEachOther(t *testing.T) {
	defer goleak.VerifyNone(t)
	w := session.NewWorkers(1)
	hold := make(chan struct{})
	for range 50 {
		w.Go(func() { <-hold })
	}
	done := make(chan struct{})
	w.Go(func() { close(done) })
	<-done
	close(hold)
	w.Close()
}
