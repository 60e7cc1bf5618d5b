package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"sync"
	"testing"

	"github.com/comity-iot/comity/store"
)

func testCommit(t *testing.T, db store.DB) {
	migrated(t, db)
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		if err := insert(tx, "a", 1); err != nil {
			return err
		}
		if v, err := get(tx, "a"); err != nil || v != 1 {
			t.Errorf("the transaction reads its own write as %d, %v", v, err)
		}
		return insert(tx, "b", 2)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := contents(t, db); !maps.Equal(got, map[string]int64{"a": 1, "b": 2}) {
		t.Errorf("committed %v", got)
	}
}

// Every third update fails after it has written; all of them are in flight together, so that batches mix both kinds.
func testFailureIsAlone(t *testing.T, db store.DB) {
	migrated(t, db)
	const n = 60
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				if err := insert(tx, fmt.Sprint(i), 1); err != nil {
					return err
				}
				if i%3 == 0 {
					return errOops
				}
				return nil
			})
			if failed := i%3 == 0; failed != (err == errOops) || !failed && err != nil {
				t.Errorf("update %d returned %v", i, err)
			}
		})
	}
	wg.Wait()
	got := contents(t, db)
	for i := range n {
		if _, ok := got[fmt.Sprint(i)]; ok == (i%3 == 0) {
			t.Errorf("update %d: written %v", i, ok)
		}
	}
}

func testPanic(t *testing.T, db store.DB) {
	migrated(t, db)
	func() {
		defer func() {
			p, ok := recover().(*store.PanicError)
			if !ok || p.Value != errOops || !errors.Is(p, errOops) || len(p.Stack) == 0 {
				t.Errorf("raised %v", p)
			}
		}()
		_ = db.Update(t.Context(), func(tx *store.Tx) error {
			_ = insert(tx, "a", 1)
			panic(errOops)
		})
		t.Error("Update returned")
	}()
	put(t, db, "b", 2)
	if got := contents(t, db); !maps.Equal(got, map[string]int64{"b": 2}) {
		t.Errorf("committed %v", got)
	}
}

// A test that calls t.FailNow in fn must end, and must not take the database with it.
func testGoexit(t *testing.T, db store.DB) {
	migrated(t, db)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			_ = db.Update(t.Context(), func(tx *store.Tx) error {
				_ = insert(tx, fmt.Sprint(i), 1)
				if i%5 == 0 {
					runtime.Goexit()
				}
				return nil
			})
			if i%5 == 0 {
				t.Error("Update returned")
			}
		})
	}
	wg.Wait()
	if got := contents(t, db); len(got) != 16 {
		t.Errorf("committed %v", got)
	}
}

func testCancelled(t *testing.T, db store.DB) {
	migrated(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	err := db.Update(ctx, func(tx *store.Tx) error {
		cancel() // too late: what has begun finishes
		return insert(tx, "a", 1)
	})
	if err != nil {
		t.Errorf("cancelled after its begin: %v", err)
	}
	err = db.Update(ctx, func(*store.Tx) error {
		t.Error("fn ran after its context had ended")
		return nil
	})
	if err != context.Canceled {
		t.Errorf("cancelled before: %v", err)
	}
	if got := contents(t, db); len(got) != 1 {
		t.Errorf("committed %v", got)
	}
}

// On PostgreSQL a failed statement aborts the transaction, so it does everywhere.
func testFirstFailureLoses(t *testing.T, db store.DB) {
	migrated(t, db)
	put(t, db, "a", 1)
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		if err := insert(tx, "b", 2); err != nil {
			return err
		}
		first := insert(tx, "a", 3)
		if !errors.Is(first, store.ErrConflict) {
			t.Errorf("a second row with the key: %v", first)
		}
		if second := insert(tx, "c", 4); second != first {
			t.Errorf("a statement after the failure: %v", second)
		}
		if _, err := get(tx, "a"); err != first {
			t.Errorf("a query after the failure: %v", err)
		}
		return nil // fn forgets; the transaction does not
	})
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("Update returned %v", err)
	}
	if got := contents(t, db); !maps.Equal(got, map[string]int64{"a": 1}) {
		t.Errorf("committed %v", got)
	}
}

// A deferred foreign key fails the commit, hence the whole batch, which then runs again: each keeps its own verdict, and
// what follows a commit follows it once.
func testDeferredConstraint(t *testing.T, db store.DB) {
	migrated(t, db)
	const n = 40
	var wg sync.WaitGroup
	followed := make([]int, n)
	for i := range n {
		bad := i%4 == 0
		wg.Go(func() {
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				tx.AfterCommit(func() { followed[i]++ })
				if err := insert(tx, fmt.Sprint(i), 1); err != nil || !bad {
					return err
				}
				_, err := tx.Exec("INSERT INTO child (id, later) VALUES (?1, 404)", i)
				return err
			})
			if bad != (err != nil) {
				t.Errorf("update %d returned %v", i, err)
			}
		})
	}
	wg.Wait()
	got := contents(t, db)
	for i := range n {
		want := 1
		if i%4 == 0 {
			want = 0
		}
		if _, ok := got[fmt.Sprint(i)]; ok != (want == 1) || followed[i] != want {
			t.Errorf("update %d: written %v, followed by %d", i, ok, followed[i])
		}
	}
}
