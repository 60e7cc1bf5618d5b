// Package clustertest is the suite that every engine of package cluster passes.
package clustertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/comity-iot/comity/cluster"
	"github.com/comity-iot/comity/xmpp/jid"
)

// Run tests an engine. open makes a cluster of n nodes, at least one; where the engine cannot have so many it makes as many as it
// can. The suite closes them.
func Run(t *testing.T, open func(t *testing.T, n int) []cluster.Cluster) {
	for name, test := range map[string]func(*testing.T, []cluster.Cluster){
		"sessions are known everywhere":    sessionsEverywhere,
		"a node that leaves takes its own": leaving,
		"messages come once and in order":  messages,
		"one owner at a time":              owners,
		"epochs rise":                      epochs,
		"closed is closed":                 closed,
	} {
		t.Run(name, func(t *testing.T) {
			nodes := open(t, 3)
			t.Cleanup(func() {
				for _, n := range nodes {
					n.Close()
				}
			})
			test(t, nodes)
		})
	}
}

var (
	phone  = jid.MustParse("juliet@example.com/phone")
	laptop = jid.MustParse("juliet@example.com/laptop")
)

// eventually waits for what other nodes learn a little later.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 10 seconds", what)
		}
		<-time.After(time.Millisecond)
	}
}

func places(c cluster.Cluster, bare jid.JID) []string {
	var all []string
	for _, p := range c.Where(bare) {
		all = append(all, p.Session.Resource()+" at "+p.Node)
	}
	slices.Sort(all)
	return all
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func sessionsEverywhere(t *testing.T, nodes []cluster.Cluster) {
	first, last := nodes[0], nodes[len(nodes)-1]
	must(t, first.Announce(phone))
	must(t, first.Announce(phone))
	must(t, last.Announce(laptop))
	want := []string{"laptop at " + last.Node(), "phone at " + first.Node()}
	for _, n := range nodes {
		eventually(t, "sessions at "+n.Node(), func() bool { return slices.Equal(places(n, phone.Bare()), want) })
		if got := places(n, jid.MustParse("romeo@example.com")); len(got) > 0 {
			t.Errorf("romeo is at %v", got)
		}
	}
	must(t, first.Withdraw(phone))
	for _, n := range nodes {
		eventually(t, "withdrawal at "+n.Node(), func() bool { return slices.Equal(places(n, phone.Bare()), want[:1]) })
	}
}

func leaving(t *testing.T, nodes []cluster.Cluster) {
	last := nodes[len(nodes)-1]
	must(t, last.Announce(phone))
	for _, n := range nodes {
		eventually(t, "announcement", func() bool { return len(n.Where(phone.Bare())) == 1 })
	}
	must(t, last.Close())
	for _, n := range nodes {
		eventually(t, "withdrawal of who left", func() bool { return len(n.Where(phone.Bare())) == 0 })
	}
}

func messages(t *testing.T, nodes []cluster.Cluster) {
	ctx := context.Background()
	if err := nodes[0].Forward(ctx, "nobody", []byte("x")); !errors.Is(err, cluster.ErrNoNode) {
		t.Errorf("message to nobody: %v", err)
	}
	if len(nodes) == 1 {
		return // there is nobody to send to
	}
	const n = 1000
	to := nodes[1]
	got := make(chan string, 2*n)
	to.Receive(func(from string, message []byte) { got <- from + " " + string(message) })
	for i := range n {
		must(t, nodes[0].Forward(ctx, to.Node(), fmt.Append(nil, i)))
	}
	for i := range n {
		if m, want := <-got, fmt.Sprintf("%s %d", nodes[0].Node(), i); m != want {
			t.Fatalf("message %d is %q, want %q", i, m, want)
		}
	}
	if len(got) > 0 {
		t.Errorf("%d messages came twice", len(got))
	}
}

func owners(t *testing.T, nodes []cluster.Cluster) {
	ctx := context.Background()
	claim, err := nodes[0].Claim(ctx, "room")
	must(t, err)
	for _, n := range nodes {
		if _, err := n.Claim(ctx, "room"); !errors.Is(err, cluster.ErrOwned) {
			t.Errorf("second claim, at %s: %v", n.Node(), err)
		}
	}
	other, err := nodes[len(nodes)-1].Claim(ctx, "other room")
	must(t, err)
	claim.Release()
	claim.Release()
	select {
	case <-claim.Lost():
	default:
		t.Error("a released claim is not lost")
	}
	select {
	case <-other.Lost():
		t.Error("releasing one claim lost another")
	default:
	}
	again, err := nodes[len(nodes)-1].Claim(ctx, "room")
	must(t, err)
	again.Release()
}

func epochs(t *testing.T, nodes []cluster.Cluster) {
	var last uint64
	for i := range 6 {
		claim, err := nodes[i%len(nodes)].Claim(context.Background(), "room")
		must(t, err)
		if claim.Epoch() <= last {
			t.Errorf("epoch %d behind %d", claim.Epoch(), last)
		}
		last = claim.Epoch()
		claim.Release()
	}
}

func closed(t *testing.T, nodes []cluster.Cluster) {
	ctx := context.Background()
	claim, err := nodes[0].Claim(ctx, "room")
	must(t, err)
	must(t, nodes[0].Close())
	must(t, nodes[0].Close())
	<-claim.Lost()
	if err := nodes[0].Announce(phone); !errors.Is(err, cluster.ErrClosed) {
		t.Errorf("announce: %v", err)
	}
	if err := nodes[0].Forward(ctx, "x", nil); !errors.Is(err, cluster.ErrClosed) {
		t.Errorf("forward: %v", err)
	}
	if _, err := nodes[0].Claim(ctx, "x"); !errors.Is(err, cluster.ErrClosed) {
		t.Errorf("claim: %v", err)
	}
}
