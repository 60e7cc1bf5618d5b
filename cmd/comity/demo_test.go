package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/comity-iot/comity/cmd/comity/internal/demo"
	"github.com/comity-iot/comity/module"
)

// The story is played to its end, twice at the same time, and leaves nothing behind.
func TestDemoOnce(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			o := comity(t, "demo", "--once")
			if o.code != done {
				t.Errorf("code %d\n%s%s", o.code, o.out, o.err)
			}
			for i := 1; i <= 10; i++ {
				if !strings.Contains(o.out, fmt.Sprintf("\n%2d  ", i)) {
					t.Errorf("no step %d", i)
				}
			}
			for _, want := range []string{
				"QR code of the lamp", "\niotdisco:SN=T-", "may bob befriend me?", "“?”", "not delivered: I am not here", "They are in none.",
				"no: there is no rule yet", "yes, but only Temperature: rule ", "denies it",
			} {
				if !strings.Contains(o.out, want) {
					t.Errorf("no %q in\n%s", want, o.out)
				}
			}
		})
	}
	both.Wait()
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestDemoASCII(t *testing.T) {
	o := comity(t, "demo", "--once", "--listen", anyPort, "--ascii")
	if i := strings.IndexFunc(o.out, func(r rune) bool { return r > '~' }); o.code != done || i >= 0 {
		t.Errorf("code %d, not ASCII at %d: %s", o.code, i, o.err)
	}
	for line := range strings.Lines(o.out) {
		if len(line) > 81 && !strings.HasPrefix(line, "iotdisco:") {
			t.Errorf("%d columns: %s", len(line)-1, line)
		}
	}
	if e := (&env{environ: []string{"NO_COLOR=1"}}); !e.isPoor() {
		t.Error("NO_COLOR means nothing")
	}
}

// Somebody joins in, and the next day too.
func TestDemoJoin(t *testing.T) {
	data := filepath.Join(t.TempDir(), "demo")
	var before demoJoin
	for day := range 2 {
		signals := make(chan os.Signal)
		out := newWatched()
		e := &env{stdin: strings.NewReader(""), stdout: out, stderr: out, signals: signals}
		code := make(chan exitCode, 1)
		go func() {
			c := run(context.Background(), e, []string{"demo", "--json", "--data", data, "--listen", anyPort})
			if c != done {
				t.Errorf("day %d: code %d\n%s", day, c, out)
				fmt.Fprintln(out, `{"server":""}`) // or the wait for it would never end
			}
			code <- c
		}()
		join := decode[demoJoin](t, out.wait(`{"server":`))[0]
		if join.Server == "" {
			t.FailNow()
		}
		if day == 1 {
			before.Server, before.APIKey, before.Secret, before.Accounts = join.Server, "", "", 0
			if fmt.Sprint(join) != fmt.Sprint(before) {
				t.Errorf("got %+v, want %+v", join, before)
			}
		}
		before = join
		thermometer, lamp, alice, bob := join.Things[0], join.Things[1], join.People[0].Profile, join.People[1].Profile
		for _, c := range []struct {
			code exitCode
			args []string
		}{
			{done, []string{"read", thermometer, "--profile", alice}},
			{refused, []string{"read", thermometer, "--profile", bob}},
			{done, []string{"set", lamp, "Relay=true", "--profile", bob}},
		} {
			if o := comity(t, c.args...); o.code != c.code {
				t.Errorf("day %d: comity %q: code %d, want %d\n%s%s", day, c.args, o.code, c.code, o.out, o.err)
			}
		}
		out.wait("set Relay to true") // it is still told what passes
		signals <- os.Interrupt
		if c := <-code; c != done {
			t.Errorf("code %d\n%s", c, out)
		}
	}
	if o := comity(t, "demo", "--once", "--data", data); o.code != refused {
		t.Errorf("the story again: code %d\n%s", o.code, o.err)
	}
	if o := comity(t, "demo", "--once", "--data", t.TempDir()+"/.."); o.code != refused {
		t.Errorf("a folder with something else: code %d\n%s", o.code, o.err)
	}
}

// The usual port, or a free one where that is taken; never another than was asked for.
func TestDemoPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("TMPDIR", t.TempDir())
	if o := comity(t, "demo", "--once", "--listen", l.Addr().String()); o.code != failed || !strings.Contains(o.err, "cannot listen") {
		t.Errorf("code %d\n%s", o.code, o.err)
	}
}

// stageFor is a broker for a story that a test spoils.
func stageFor(t *testing.T, out *watched) demo.Stage {
	t.Helper()
	c := &demoCmd{Listen: anyPort}
	e := &env{stdin: strings.NewReader(""), stdout: out, stderr: out}
	wire := demo.NewWire()
	folder := t.TempDir()
	log, err := os.Create(filepath.Join(folder, demoLog))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	r, err := c.start(t.Context(), e, folder, wire, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.closeSoon(); err != nil {
			t.Error(err)
		}
	})
	stage, err := c.stage(e, r, wire)
	if err != nil {
		t.Fatal(err)
	}
	return stage
}

// forgetful is an operator whose keys are not counted.
type forgetful struct{ demo.Operator }

func (f forgetful) ListKeys(ctx context.Context) ([]module.APIKey, error) {
	all, err := f.Operator.ListKeys(ctx)
	for i := range all {
		all[i].Used = 0
	}
	return all, err
}

// A story that is not so is not told to its end: the steps check what they tell.
func TestDemoFails(t *testing.T) {
	for _, c := range []struct {
		name, want string
		spoil      func(s *demo.Stage, out *watched)
	}{
		{"no quota", "step 2 (Three things", func(s *demo.Stage, _ *watched) { s.Operator = forgetful{s.Operator} }},
		{"a leak", `measured values are in ["leak"`, func(s *demo.Stage, out *watched) {
			backup := s.Backup
			s.Backup = func(ctx context.Context, path string) error {
				_, rest, _ := strings.Cut(out.String(), "Temperature ")
				value, _, _ := strings.Cut(rest, " °C")
				return errors.Join(backup(ctx, path), os.WriteFile(filepath.Join(s.Folder, "leak"), []byte("t="+strings.TrimRight(value, "0")), 0o600))
			}
		}},
		{"a leak of the machine's", `measured values are in ["leak"`, func(s *demo.Stage, out *watched) {
			backup := s.Backup
			s.Backup = func(ctx context.Context, path string) error {
				told := regexp.MustCompile(`Processors\s+(\d+)`).FindStringSubmatch(out.String()) // there may be a new line between
				if told == nil {
					return errors.New("the machine has not told of its processors")
				}
				return errors.Join(backup(ctx, path), os.WriteFile(filepath.Join(s.Folder, "leak"), []byte("<q n='Processors' v='"+told[1]+"'/>"), 0o600))
			}
		}},
		{"no database", `"other.db", was not searched`, func(s *demo.Stage, _ *watched) { s.Database = "other.db" }},
		{"no log of writes", `"secret.key-wal", was not searched`, func(s *demo.Stage, _ *watched) { s.Database = secretFile }},
		{"no log", `"other.log", was not searched`, func(s *demo.Stage, _ *watched) { s.LogFile = "other.log" }},
		{"no backup", `"backup.db", was not searched`, func(s *demo.Stage, _ *watched) {
			s.Backup = func(context.Context, string) error { return nil }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := newWatched()
			stage := stageFor(t, out)
			c.spoil(&stage, out)
			show := demo.Open(stage)
			defer show.Close()
			if err := show.Play(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
