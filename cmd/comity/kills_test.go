package main

import (
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite" // to look into a file behind the broker's back

	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/stanza"
)

const killsEnv = "COMITY_KILLS" // how many kills, if not 5

// kill -9 while clients write: nothing that was acknowledged to them as stored is lost, whether by the result of a request or, for
// messages to who is away, by <a h='…'/> (XEP-0198). What was under way is there or not, but not in part. Now and then a broker is killed
// that has only begun to start.
func TestKills(t *testing.T) {
	kills := many(t, killsEnv, 5)
	seed := many(t, seedEnv, 1+rand.IntN(1e9))
	t.Logf("%s=%d %s=%d", killsEnv, kills, seedEnv, seed)
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	data := filepath.Join(t.TempDir(), "data")
	args := append(serveArgs(data), "--no-limits", "--set", "registry.things=1000000")

	writers := newWriters()
	for kill := 0; ; kill++ {
		c := spawn(t, args...)
		if kill == 0 {
			for _, w := range writers {
				for _, name := range w.as {
					must(t, "account", "add", name+"@example.org", "--password", killPassword, "--data", data)
				}
			}
		}
		each(writers, func(w *writer) {
			if err := w.check(t, c.addr); err != nil {
				t.Errorf("%s: %v", w.name, err)
			}
		})
		if t.Failed() || kill == kills {
			if code := c.end(t, syscall.SIGTERM); code != int(done) {
				t.Errorf("code %d\n%s", code, c.log)
			}
			break
		}
		load(t, c, writers, time.Duration(50+random.IntN(500))*time.Millisecond)
		checkFile(t, data)
		if random.IntN(3) == 0 {
			killEarly(t, args, time.Duration(random.IntN(100))*time.Millisecond)
		}
	}
	for _, w := range writers {
		t.Logf("%s: %d writes acknowledged, %d under way when the broker was killed", w.name, w.acknowledged, w.doubtful)
		if w.acknowledged < kills {
			t.Errorf("%s has hardly written anything", w.name)
		}
	}
}

const killPassword = "kill me if you can"

// each does something for all writers at once.
func each(writers []*writer, do func(*writer)) {
	var all sync.WaitGroup
	for _, w := range writers {
		all.Go(func() { do(w) })
	}
	all.Wait()
}

// load lets all write at once, and kills the broker in the middle of it.
func load(t *testing.T, c *child, writers []*writer, d time.Duration) {
	t.Helper()
	var begun sync.WaitGroup
	begun.Add(len(writers))
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		begun.Wait()
		<-time.After(d)
		c.end(t, syscall.SIGKILL)
	}()
	each(writers, func(w *writer) {
		// An error is how the death of the broker looks; but it must not come before.
		err := w.write(t.Context(), c.addr, sync.OnceFunc(begun.Done))
		if _, refused := errors.AsType[*stanza.Error](err); refused || errors.Is(err, client.ErrNoAcks) {
			t.Errorf("%s: %v", w.name, err)
		}
	})
	<-killed
}

// killEarly kills a broker that starts.
func killEarly(t *testing.T, args []string, after time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"serve"}, args...)...)
	cmd.Env = []string{asComity + "=1"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-time.After(after)
	cmd.Process.Kill()
	cmd.Wait()
}

// checkFile looks whether the database is whole. It looks at a copy, so that the broker itself finds what it has left.
func checkFile(t *testing.T, data string) {
	t.Helper()
	dir := t.TempDir()
	for _, suffix := range []string{"", "-wal"} {
		raw, err := os.ReadFile(filepath.Join(data, databaseFile+suffix))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, databaseFile+suffix), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity: %s, %v", verdict, err)
	}
	var table string
	if err := db.QueryRow(`SELECT "table" FROM pragma_foreign_key_check`).Scan(&table); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("rows without what they refer to in %s: %v", table, err)
	}
}
