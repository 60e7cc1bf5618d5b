package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// asComity makes the test program be comity itself, as a process that can be killed.
const asComity = "TEST_AS_COMITY"

func TestMain(m *testing.M) {
	if os.Getenv(asComity) != "" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// outcome is what a command did.
type outcome struct {
	code     exitCode
	out, err string
}

// comity runs a command line in an empty environment.
func comity(t *testing.T, args ...string) outcome {
	t.Helper()
	return comityWith(t, nil, "", args...)
}

func comityWith(t *testing.T, environ []string, stdin string, args ...string) outcome {
	t.Helper()
	var out, errs bytes.Buffer
	e := &env{stdin: strings.NewReader(stdin), stdout: &out, stderr: &errs, environ: environ}
	code := run(t.Context(), e, args)
	return outcome{code, out.String(), errs.String()}
}

// must is for commands that prepare a test.
func must(t *testing.T, args ...string) outcome {
	t.Helper()
	o := comity(t, args...)
	if o.code != done {
		t.Fatalf("comity %q: code %d\n%s%s", args, o.code, o.out, o.err)
	}
	return o
}

// decode reads lines of JSON.
func decode[T any](t *testing.T, text string) (all []T) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	for {
		var v T
		err := d.Decode(&v)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		all = append(all, v)
	}
}

func TestUsage(t *testing.T) {
	t.Chdir(t.TempDir()) // no settings file, no data
	if err := os.WriteFile("bad.toml", []byte("[c2s]\nlsten = []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code exitCode
		want string // in what is printed
	}{
		{nil, done, "comity init example.org"},
		{[]string{"--help"}, done, "Exit codes:"},
		{[]string{"serve", "--help"}, done, "quick start"},
		{[]string{"account", "add", "--help"}, done, "standard input"},
		{[]string{"version"}, done, "comity "},
		{[]string{"dance"}, wrongUsage, "See: comity --help"},
		{[]string{"account"}, wrongUsage, "See: comity account --help"},
		{[]string{"serve", "--dance"}, wrongUsage, "See: comity serve --help"},
		{[]string{"serve"}, wrongUsage, "comity init example.org"},
		{[]string{"serve", "--domain", "a@b"}, wrongUsage, "no domain"},
		{[]string{"serve", "--domain", "a.example", "--domain", "A.example"}, wrongUsage, "twice"},
		{[]string{"serve", "-c", "bad.toml"}, wrongUsage, "bad.toml:2: there is no setting \"lsten\" in [c2s]; is listen meant?"},
		{[]string{"serve", "-c", "none.toml"}, notFound, "comity init"},
		{[]string{"serve", "--set", "c2s.attempts"}, wrongUsage, "SECTION.KEY=VALUE"},
		{[]string{"serve", "--set", "c2s.attempts=many"}, wrongUsage, "whole number"},
		{[]string{"serve", "--log-level", "loud"}, wrongUsage, "debug, info, warn or error"},
		{[]string{"config", "--set", "c3s.attempts=1"}, wrongUsage, "[c2s] meant"},
		{[]string{"init", "a@b"}, wrongUsage, "comity init example.org"},
		{[]string{"account", "list"}, notFound, "--data"},
		{[]string{"account", "add", "alice@example.org", "--generate"}, notFound, "--data"}, // not a new store, here of all places
		{[]string{"account", "add"}, wrongUsage, "--from FILE"},
		{[]string{"account", "add", "alice"}, wrongUsage, "alice@example.org"},
		{[]string{"account", "add", "alice@example.org/phone"}, wrongUsage, "no address of an account"},
		{[]string{"account", "add", "alice@example.org", "--from", "x"}, wrongUsage, "--from"},
		{[]string{"account", "add", "--from", "none"}, notFound, "none"},
		{[]string{"account", "add", "a@b", "--password", "x", "--generate"}, wrongUsage, "--generate"},
		{[]string{"apikey", "add", "--owner", "ACME", "--limit", "0"}, wrongUsage, "--limit 1"},
		{[]string{"apikey", "disable", "x"}, notFound, "--data"},
	} {
		o := comity(t, c.args...)
		if o.code != c.code || !strings.Contains(o.out+o.err, c.want) {
			t.Errorf("comity %q: code %d, want %d with %q in\n%s%s", c.args, o.code, c.code, c.want, o.out, o.err)
		}
		if c.code != done && o.out != "" {
			t.Errorf("comity %q: errors go to stderr, not %q", c.args, o.out)
		}
	}
}

// Programs get their errors as JSON too.
func TestErrorJSON(t *testing.T) {
	for _, args := range [][]string{{"--json", "dance"}, {"account", "list", "--json", "--data", t.TempDir()}} {
		o := comity(t, args...)
		e := decode[struct {
			Error, Advice string
			Code          exitCode
		}](t, o.err)
		if len(e) != 1 || e[0].Error == "" || e[0].Advice == "" || e[0].Code != o.code || o.code == done {
			t.Errorf("%q: code %d, %s", args, o.code, o.err)
		}
	}
}

func TestVersion(t *testing.T) {
	b := decode[build](t, must(t, "version", "--json").out)
	if len(b) != 1 || b[0].Version == "" || !strings.HasPrefix(b[0].Go, "go1.") {
		t.Errorf("got %+v", b)
	}
}

// The first signal that asks to stop ends the context of a command.
func TestUntilSignal(t *testing.T) {
	signals := make(chan os.Signal)
	e := &env{signals: signals}
	ctx, stop := e.untilSignal(context.Background())
	defer stop()
	signals <- os.Interrupt
	<-ctx.Done()
}
