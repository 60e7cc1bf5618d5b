//go:build interop && soak

package interop

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestSoak has pairs of clients talk for a long time, with connections that break and sessions that resume or end. Each message
// arrives once and in order, and the broker needs no more memory and sockets at the end. SOAK sets the time, five minutes without.
func TestSoak(t *testing.T) {
	const pairs = 6
	length := 5 * time.Minute
	if text := os.Getenv("SOAK"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	var accounts []string
	for i := range 2 * pairs {
		accounts = append(accounts, fmt.Sprint("p", i))
	}
	b := serve(t, accounts, "--log-level", "info")
	idle := b.sockets(t)
	end := time.Now().Add(length)
	var early int
	t.Run("pairs", func(t *testing.T) {
		for i := range pairs {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(uint64(i), 1))
				one, two := newManaged(t, b, accounts[2*i]), newManaged(t, b, accounts[2*i+1])
				befriend(t, one, two)
				rounds := 0
				for ; time.Now().Before(end); rounds++ {
					one.pester(t, b, two, rounds, random)
					if i == 0 && rounds == 20 {
						early = b.memory(t)
					}
				}
				t.Logf("%d rounds", rounds)
				for _, c := range []*slixmpp{one, two} {
					c.do(t, "close", nil)
					c.await(t, "end", is("disconnected"))
				}
			})
		}
	})
	late := b.memory(t)
	t.Logf("memory: %d MiB after 20 rounds, %d MiB at the end", early>>20, late>>20)
	if early == 0 || late > early+early/2+16<<20 {
		t.Errorf("memory grew from %d to %d bytes", early, late)
	}
	for deadline := time.Now().Add(patience); b.sockets(t) > idle; pause() {
		if time.Now().After(deadline) {
			t.Fatalf("%d sockets are open, %d before", b.sockets(t), idle)
		}
	}
}

// newManaged logs in a client whose session can be resumed.
func newManaged(t *testing.T, b *broker, name string) *slixmpp {
	t.Helper()
	c := newSlixmpp(t, name, password(name))
	c.do(t, "manage", nil)
	c.connect(t, b.starttls, b.trust, "starttls")
	return c
}

// pester sends a few messages to another client, which may be without a connection meanwhile, and sees them arrive.
func (c *slixmpp) pester(t *testing.T, b *broker, other *slixmpp, round int, random *rand.Rand) {
	t.Helper()
	cut := random.IntN(4) == 0
	if cut {
		other.do(t, "cut", nil)
		other.await(t, "loss of the connection", is("disconnected"))
	}
	messages := 1 + random.IntN(20)
	for i := range messages {
		c.say(t, other.jid, fmt.Sprintf("%d.%d %s", round, i, strings.Repeat("x", random.IntN(2000))))
	}
	if cut && !other.connect(t, b.starttls, b.trust, "starttls") {
		t.Fatalf("%s was not resumed", other.name)
	}
	for i := range messages {
		e := other.await(t, "message", is("message"))
		if want := fmt.Sprintf("%d.%d ", round, i); !strings.HasPrefix(e.Body, want) {
			t.Fatalf("%s got %.20q, want %q", other.name, e.Body, want)
		}
	}
}

// memory returns what the broker occupies, in bytes.
func (b *broker) memory(t *testing.T) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.cmd.Process.Pid))
	if err != nil {
		t.Error(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	size, err := strconv.Atoi(strings.Fields(rest + " 0")[0])
	if err != nil {
		t.Error(err)
	}
	return size << 10
}

// sockets returns how many sockets the broker has open.
func (b *broker) sockets(t *testing.T) int {
	open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", b.cmd.Process.Pid))
	if err != nil {
		t.Error(err)
	}
	n := 0
	for _, name := range open {
		if to, err := os.Readlink(name); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}
