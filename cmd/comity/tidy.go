package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// A broker whose clients have all come at once, as after a restart, has a heap that grew with the garbage of their logins. Go gives that
// back slowly, and collects it two minutes later only where nothing more is allocated. tidy does both as soon as it is quiet: an idle
// broker is to cost what its sessions hold, and no more.

// How tidy decides. The figures are in bytes.
const (
	tidyEvery = 3 * time.Second
	tidyGain  = 4 << 20 // that must be there to be given back
)

// memory is what the runtime says of the heap.
type memory struct {
	allocated uint64 // ever
	live      uint64 // found alive by the last collection
	held      uint64 // from the system, in use or not
}

func readMemory() memory {
	samples := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(samples)
	value := func(i int) uint64 { return samples[i].Value.Uint64() }
	return memory{allocated: value(0), live: value(1), held: value(2) + value(3) + value(4)}
}

// worthTidying reports whether memory is to be given back: it is quiet, and there is something to gain. last is the time before, tidied
// the last time that something was done.
func (m memory) worthTidying(last, tidied memory) bool {
	quiet := m.allocated-last.allocated < m.live/16+1<<20
	news := m.allocated - tidied.allocated // what may be garbage since
	gain := m.held - min(m.held, m.live)
	return quiet && news > tidyGain && gain > tidyGain+m.live/8
}

// tidy gives memory back until the context ends.
func tidy(ctx context.Context) {
	ticks := time.NewTicker(tidyEvery)
	defer ticks.Stop()
	last, tidied := readMemory(), memory{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		now := readMemory()
		if now.worthTidying(last, tidied) {
			debug.FreeOSMemory()
			now = readMemory()
			tidied = now
		}
		last = now
	}
}
