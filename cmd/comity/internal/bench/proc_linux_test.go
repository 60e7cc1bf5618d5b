package bench

import (
	"net"
	"net/netip"
	"os"
	"testing"
	"time"
)

// The clock of a process runs while the process does, and says what /proc says in ticks.
func TestProcessClock(t *testing.T) {
	proc := os.DirFS("/proc")
	before, ok := processClock(os.Getpid())
	if !ok || before <= 0 {
		t.Fatalf("%v, %v", before, ok)
	}
	for used, sum := time.Duration(0), 0; used < 3*tick; sum++ {
		now, _ := processClock(os.Getpid())
		used = now - before
	}
	rough, err := readStat(proc, os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	u, err := readUsage(proc, os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if exact := u[os.Getpid()]; exact < rough.cpu-tick || rough.cpu < before-2*tick {
		t.Errorf("clock: %v before, %v after; /proc: %v between", before, exact, rough.cpu)
	}
	if _, ok := processClock(1 << 22); ok { // beyond the greatest there can be: proc(5), pid_max
		t.Error("a process that is not has a clock")
	}
}

// Connections beyond those that one address has ports for come from the next.
func TestDialerSource(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d := newDialer(&Options{Server: netip.MustParseAddrPort(l.Addr().String())})
	for i, want := range map[int]string{0: "127.0.0.1", perSource: "127.0.0.2", 3 * perSource: "127.0.0.4"} {
		c, err := d.socket(t.Context(), i, tinyWindow)
		if err != nil {
			t.Fatal(err)
		}
		if host, _, _ := net.SplitHostPort(c.LocalAddr().String()); host != want {
			t.Errorf("connection %d comes from %s, not %s", i, host, want)
		}
		c.Close()
	}
}
