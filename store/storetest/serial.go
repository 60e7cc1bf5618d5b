package storetest

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity-iot/comity/store"
)

func testOneAtATime(t *testing.T, db store.DB) {
	migrated(t, db)
	put(t, db, "counter", 0)
	const writers, each = 8, 25
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				err := db.Update(t.Context(), func(tx *store.Tx) error {
					v, err := get(tx, "counter")
					if err != nil {
						return err
					}
					return set(tx, "counter", v+1)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := contents(t, db)["counter"]; got != writers*each {
		t.Errorf("counted %d of %d", got, writers*each)
	}
}

func testOneWins(t *testing.T, db store.DB) {
	migrated(t, db)
	const writers = 16
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			errs[i] = db.Update(t.Context(), func(tx *store.Tx) error { return insert(tx, "claim", int64(i)) })
		})
	}
	wg.Wait()
	winner := contents(t, db)["claim"]
	for i, err := range errs {
		if won := int64(i) == winner; won != (err == nil) || !won && !errors.Is(err, store.ErrConflict) {
			t.Errorf("writer %d, winner %d: %v", i, winner, err)
		}
	}
}

// A database under random updates, some of which fail at their end, holds what a map would hold.
func testModel(t *testing.T, db store.DB) {
	migrated(t, db)
	rapid.Check(t, func(r *rapid.T) {
		model := contents(t, db)
		for range rapid.IntRange(1, 5).Draw(r, "updates") {
			fails := rapid.Bool().Draw(r, "fails")
			next := maps.Clone(model)
			keys := rapid.SliceOfN(rapid.StringMatching("[ab]{1,2}"), 1, 6).Draw(r, "keys")
			value := rapid.Int64().Draw(r, "value")
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				clear(next)
				maps.Copy(next, model) // fn may run twice
				for i, k := range keys {
					if _, ok := next[k]; ok && i%2 == 0 {
						delete(next, k)
						if n, err := tx.Exec("DELETE FROM pair WHERE k = ?1", k); n != 1 || err != nil {
							return fmt.Errorf("deleted %d rows: %w", n, err)
						}
						continue
					}
					next[k] = value
					if err := set(tx, k, value); err != nil {
						return err
					}
				}
				if got, err := pairs(tx); err != nil || !maps.Equal(got, next) {
					return fmt.Errorf("inside: %v, want %v: %w", got, next, err)
				}
				if fails {
					return errOops
				}
				return nil
			})
			switch {
			case fails && err != errOops, !fails && err != nil:
				r.Fatal(err)
			case !fails:
				model = next
			}
			if got := contents(t, db); !maps.Equal(got, model) {
				r.Fatalf("holds %v, want %v", got, model)
			}
		}
	})
}
