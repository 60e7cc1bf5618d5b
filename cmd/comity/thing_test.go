package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// This machine becomes a thing, is claimed and read, and is the same thing again later.
func TestThingRun(t *testing.T) {
	p := newPlace(t, "alice")
	key := decode[apikeyLine](t, must(t, "apikey", "add", "--owner", "me", "--limit", "1", "--data", p.data, "--json").out)[0]
	ca, state := filepath.Join(p.data, authorityFile), filepath.Join(t.TempDir(), "state")
	args := []string{"thing", "run", "--json", "--broker", "example.org", "--addr", p.addr, "--ca", ca, "--state", state}
	address := ""
	for day := range 2 {
		signals := make(chan os.Signal)
		out := newWatched()
		e := &env{stdin: strings.NewReader(""), stdout: out, stderr: out, signals: signals}
		if day == 0 {
			e.environ = []string{"THING_API_KEY=" + key.ID, "THING_API_SECRET=" + key.Secret}
		}
		code := make(chan exitCode)
		go func() { code <- run(context.Background(), e, args) }()
		at := decode[thingEvent](t, out.wait(`{"event":"online"`))[0].JID
		if day == 0 {
			address = at
			claim := decode[thingEvent](t, out.wait(`{"event":"unclaimed"`))[0].Claim
			p.want(t, "alice", done, address, "claim", claim)
			if owner := decode[thingEvent](t, out.wait(`{"event":"owned"`))[0].Owner; owner != "alice@example.org" {
				t.Errorf("the owner is %s", owner)
			}
		}
		if at != address {
			t.Errorf("%s is %s now", address, at)
		}
		p.want(t, "alice", done, "Processors", "read", at)
		signals <- os.Interrupt
		if c := <-code; c != done {
			t.Errorf("code %d\n%s", c, out)
		}
	}
	for _, c := range []struct {
		args []string
		code exitCode
		want string
	}{
		{[]string{"thing", "run", "--state", state}, wrongUsage, "--api-key"},
		{[]string{"thing", "run", "--broker", "example.org"}, wrongUsage, "--state"},
		{[]string{"thing", "run", "--jid", "m@example.org"}, wrongUsage, "COMITY_PASSWORD"},
		{[]string{"thing", "run", "--broker", "other.example", "--state", state}, wrongUsage, "another folder"},
		{[]string{"thing", "run", "--broker", "example.org", "--addr", p.addr, "--ca", ca, "--state", t.TempDir(), "--api-key", key.ID, "--secret", key.Secret}, refused, "comity apikey list"},
		{[]string{"thing", "run", "--broker", "example.org", "--addr", p.addr, "--ca", ca, "--state", t.TempDir()}, refused, "comity apikey add"},
	} {
		if o := comity(t, c.args...); o.code != c.code || !strings.Contains(o.err, c.want) {
			t.Errorf("%q: code %d, want %d with %q in\n%s", c.args, o.code, c.code, c.want, o.err)
		}
	}
}
