package sqlite

import (
	"bytes"
	"context"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/store"
)

func logSize(t testing.TB, db *DB) int64 {
	t.Helper()
	info, err := os.Stat(db.path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestLogIsEmptiedWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := openItems(t, Options{})
		if err := putItem(t, db, 1, []byte{1}); err != nil {
			t.Fatal(err)
		}
		if logSize(t, db) == 0 {
			t.Error("a write is not in the log")
		}
		time.Sleep(logIdle + 1)
		synctest.Wait()
		if n := logSize(t, db); n != 0 {
			t.Errorf("the idle log has %d bytes", n)
		}
	})
}

// A View that is open keeps the log for itself; the writer tries again when it is idle again.
func TestLogIsEmptiedAfterView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := openItems(t, Options{})
		err := db.View(t.Context(), func(tx *store.Tx) error {
			if _, err := store.All(tx.Query("SELECT id FROM item"), store.Column[int]); err != nil {
				return err
			}
			written := make(chan error)
			go func() { written <- putItem(t, db, 1, []byte{1}) }()
			if err := <-written; err != nil {
				return err
			}
			time.Sleep(logIdle + 1)
			synctest.Wait()
			if logSize(t, db) == 0 {
				t.Error("the log was emptied under a reader")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(logIdle + 1)
		synctest.Wait()
		if n := logSize(t, db); n != 0 {
			t.Errorf("the idle log has %d bytes", n)
		}
	})
}

// Readers that overlap without a gap never leave SQLite a moment to start the log afresh by itself.
func TestLogIsBounded(t *testing.T) {
	const limit = 1 << 20
	db := openItems(t, Options{MaxLog: limit})
	stop := overlap(t, db)
	var largest int64
	for i := range 150 {
		if err := putItem(t, db, i%10, bytes.Repeat([]byte{byte(i)}, 64<<10)); err != nil {
			t.Fatal(err)
		}
		largest = max(largest, logSize(t, db))
	}
	stop()
	if largest > 2*limit {
		t.Errorf("the log grew to %d bytes", largest)
	}
}

// overlap keeps at least one View open until stop is called: two take turns, and each ends when the other has begun.
func overlap(t *testing.T, db *DB) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	turns := func(mine chan<- struct{}, other <-chan struct{}) {
		for ctx.Err() == nil {
			err := db.View(t.Context(), func(tx *store.Tx) error {
				if _, err := store.All(tx.Query("SELECT id FROM item"), store.Column[int]); err != nil {
					return err
				}
				mine <- struct{}{}
				select {
				case <-other:
				case <-ctx.Done():
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
	a, b := make(chan struct{}, 2), make(chan struct{}, 2) // room for the last ones
	wg.Go(func() { turns(a, b) })
	<-a
	wg.Go(func() { turns(b, a) })
	return func() {
		cancel()
		wg.Wait()
	}
}
