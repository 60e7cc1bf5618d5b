package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/comity-iot/comity/store"
)

const (
	killFolder = "COMITY_KILL_FOLDER" // set in the child: where it writes
	killRound  = "COMITY_KILL_ROUND"
	killRounds = "COMITY_KILLS" // how many rounds, if not 5
)

// TestMain makes the test binary its own victim.
func TestMain(m *testing.M) {
	if folder := os.Getenv(killFolder); folder != "" {
		if err := writeUntilKilled(folder, os.Getenv(killRound)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// writeUntilKilled writes from many goroutines and prints each key once it is acknowledged.
func writeUntilKilled(folder, round string) error {
	ctx := context.Background()
	db, err := Open(ctx, filepath.Join(folder, "comity.db"), Options{})
	if err != nil {
		return err
	}
	if err := db.Migrate(ctx, killSchema); err != nil {
		return err
	}
	failed := make(chan error)
	for worker := range 32 {
		go func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("%s-%d-%d", round, worker, i)
				err := db.Update(ctx, func(tx *store.Tx) error {
					if i > 0 { // each key replaces a row of another table too: two writes that must not part
						if _, err := tx.Exec("DELETE FROM latest WHERE worker = ?1", worker); err != nil {
							return err
						}
					}
					if _, err := tx.Exec("INSERT INTO latest (worker, k) VALUES (?1, ?2) ON CONFLICT (worker) DO UPDATE SET k = excluded.k",
						worker, key); err != nil {
						return err
					}
					_, err := tx.Exec("INSERT INTO acknowledged (k, payload) VALUES (?1, ?2)", key, make([]byte, 300))
					return err
				})
				if err == nil {
					_, err = os.Stdout.WriteString(key + "\n") // one system call: a line is whole or absent
				}
				if err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	return <-failed
}

var killSchema = testSchema("kill", `
CREATE TABLE acknowledged (k TEXT PRIMARY KEY, payload BLOB NOT NULL);
CREATE TABLE latest (worker INTEGER PRIMARY KEY, k TEXT NOT NULL);`)

// What was acknowledged survives kill -9.
func TestKill(t *testing.T) {
	rounds := 5
	if s := os.Getenv(killRounds); s != "" {
		var err error
		if rounds, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	folder := t.TempDir()
	acknowledged := make(map[string]bool)
	for round := range rounds {
		before := len(acknowledged)
		killOnce(t, folder, round, acknowledged)
		checkSurvivors(t, folder, acknowledged)
		t.Logf("round %d: %d keys acknowledged", round, len(acknowledged)-before)
	}
}

// killOnce runs a child, kills it after a random number of acknowledgements, and adds all that it printed.
func killOnce(t *testing.T, folder string, round int, acknowledged map[string]bool) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), killFolder+"="+folder, killRound+"="+strconv.Itoa(round))
	var stderr strings.Builder
	child.Stderr = &stderr
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	last := 1 + rand.IntN(2500)
	lines := bufio.NewScanner(stdout)
	for n := 1; lines.Scan(); n++ {
		acknowledged[lines.Text()] = true
		if n == 1 {
			_, err := Open(t.Context(), filepath.Join(folder, "comity.db"), Options{})
			if pid := fmt.Sprintf("process %d", child.Process.Pid); err == nil || !strings.Contains(err.Error(), pid) {
				t.Errorf("opened beside a process that has it open: %v", err)
			}
		}
		if n == last {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("the child was not killed: %v, %s", err, stderr.String())
	}
}

func checkSurvivors(t *testing.T, folder string, acknowledged map[string]bool) {
	t.Helper()
	db := openFile(t, filepath.Join(folder, "comity.db"), Options{})
	err := db.View(t.Context(), func(tx *store.Tx) error {
		keys, err := store.All(tx.Query("SELECT k FROM acknowledged"), store.Column[string])
		if err != nil {
			return err
		}
		missing := make(map[string]bool)
		for k := range acknowledged {
			missing[k] = true
		}
		for _, k := range keys {
			delete(missing, k)
		}
		if len(missing) > 0 {
			t.Errorf("%d of %d acknowledged keys are gone: %v", len(missing), len(acknowledged), missing)
		}
		orphans, err := store.One(tx.Query(
			"SELECT count(*) FROM latest WHERE k NOT IN (SELECT k FROM acknowledged)"), store.Column[int])
		if orphans != 0 {
			t.Errorf("%d updates survived by halves", orphans)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	checkIntegrity(t, db)
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}
