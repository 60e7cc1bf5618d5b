package storetest

import (
	"slices"
	"sync"
	"testing"

	"github.com/comity-iot/comity/store"
)

// Order has no lock of its own: the race detector sees that the functions run one after the other.
func testAfterOrder(t *testing.T, db store.DB) {
	migrated(t, db)
	put(t, db, "sequence", 0)
	const n = 100
	var order []int64
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			var mine []int64
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				v, err := get(tx, "sequence")
				if err != nil {
					return err
				}
				for _, v := range []int64{2*v + 1, 2*v + 2} {
					tx.AfterCommit(func() {
						order = append(order, v)
						mine = append(mine, v)
					})
				}
				return set(tx, "sequence", v+1)
			})
			if err != nil || len(mine) != 2 {
				t.Errorf("Update returned %v after %d functions", err, len(mine))
			}
		})
	}
	wg.Wait()
	if len(order) != 2*n || !slices.IsSorted(order) {
		t.Errorf("ran %v", order)
	}
}

func testAfterOnlyCommit(t *testing.T, db store.DB) {
	migrated(t, db)
	ran := 0
	_ = db.Update(t.Context(), func(tx *store.Tx) error {
		tx.AfterCommit(func() { ran++ })
		return errOops
	})
	func() {
		defer func() { _ = recover() }()
		_ = db.Update(t.Context(), func(tx *store.Tx) error {
			tx.AfterCommit(func() { ran++ })
			panic(errOops)
		})
	}()
	if ran != 0 {
		t.Errorf("%d functions ran after a rollback", ran)
	}
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		tx.AfterCommit(func() {
			ran++
			if got := contents(t, db); got["a"] != 1 { // a View from here sees the commit
				t.Errorf("a function after the commit sees %v", got)
			}
		})
		return insert(tx, "a", 1)
	})
	if err != nil || ran != 1 {
		t.Errorf("%d functions ran, %v", ran, err)
	}
}

func testAfterPanic(t *testing.T, db store.DB) {
	migrated(t, db)
	func() {
		defer func() {
			if v := recover(); v != errOops {
				t.Errorf("raised %v", v)
			}
		}()
		_ = db.Update(t.Context(), func(tx *store.Tx) error {
			tx.AfterCommit(func() { panic(errOops) })
			return insert(tx, "a", 1)
		})
	}()
	ran := false
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		tx.AfterCommit(func() { ran = true })
		return insert(tx, "b", 1)
	})
	if got := contents(t, db); err != nil || !ran || len(got) != 2 {
		t.Errorf("the next commit: %v, followed %v, holds %v", err, ran, got)
	}
}
