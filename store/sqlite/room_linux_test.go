package sqlite

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/store"
)

const limitEnv = "COMITY_LIMIT_FILES" // set in the child, whose files cannot grow

// Of a limit on the size of files, as of a quota, SQLite says no more than that it could not write: it is a full disk all the same.
// The log of the database is left alone more and more, and emptied when it can be.
func TestLimitOnFiles(t *testing.T) {
	if os.Getenv(limitEnv) == "" { // the limit is for a whole process
		child := exec.Command(os.Args[0], "-test.run=^TestLimitOnFiles$")
		child.Env = append(os.Environ(), limitEnv+"=1")
		if out, err := child.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	synctest.Test(t, func(t *testing.T) {
		var log lines
		db := openItems(t, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err := putItem(t, db, 1, []byte("before")); err != nil {
			t.Fatal(err)
		}
		grow := noGrowth(t)
		for range 10 {
			if err := putItem(t, db, 2, []byte("meanwhile")); !errors.Is(err, store.ErrFull) || !errors.Is(err, syscall.EFBIG) {
				t.Errorf("without room: %v", err)
			}
		}
		if got := items(t, db); len(got) != 1 {
			t.Errorf("holds %v", got)
		}
		time.Sleep(time.Hour)
		if n := log.count("log not emptied"); n < 3 || n > 6 || logSize(t, db) == 0 {
			t.Errorf("said %d times that the log is not emptied, which has %d bytes", n, logSize(t, db))
		}
		grow()
		time.Sleep(logRetry)
		if n := logSize(t, db); n != 0 {
			t.Errorf("the log has %d bytes with room again", n)
		}
		if err := putItem(t, db, 2, []byte("after")); err != nil {
			t.Error(err)
		}
		if n := log.count(`msg="disk full`); n != 1 || log.count("no longer full") != 1 {
			t.Errorf("said %d times that the disk is full", n)
		}
		if left, err := filepath.Glob(filepath.Dir(db.path) + "/*-room"); err != nil || len(left) > 0 {
			t.Errorf("left %q, %v", left, err)
		}
		checkIntegrity(t, db)
	})
}

// noGrowth keeps the files of this process as they are, until they may grow again.
func noGrowth(t *testing.T) (grow func()) {
	t.Helper()
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	set := func(l syscall.Rlimit) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
			t.Error(err)
		}
	}
	set(syscall.Rlimit{Max: was.Max})
	return func() { set(was) }
}
