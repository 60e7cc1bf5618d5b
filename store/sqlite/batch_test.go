package sqlite

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/comity-iot/comity/store"
)

// together submits fns in their order while the writer is held up, so that they make one batch.
func together(t *testing.T, db *DB, fns ...func(*store.Tx) error) []error {
	t.Helper()
	errs := make([]error, len(fns))
	var wg sync.WaitGroup
	err := db.writer.outside(t.Context(), func() error {
		for i, fn := range fns {
			wg.Go(func() { errs[i] = db.Update(t.Context(), fn) })
			synctest.Wait()
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	wg.Wait()
	return errs
}

// What waits while the writer is busy shares one commit, in the order of arrival; one that breaks the commit has all of
// them run again, each by itself.
func TestBatchIsRunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := openItems(t, Options{})
		if err := db.Migrate(t.Context(), testSchema("family", `CREATE TABLE child (
			id INTEGER PRIMARY KEY REFERENCES item (id) DEFERRABLE INITIALLY DEFERRED);`)); err != nil {
			t.Fatal(err)
		}
		var ran, followed []int
		update := func(i int, query string) func(*store.Tx) error {
			return func(tx *store.Tx) error {
				ran = append(ran, i)
				tx.AfterCommit(func() { followed = append(followed, i) })
				_, err := tx.Exec(query, i)
				return err
			}
		}
		const fine, breaks = "INSERT INTO item (id, payload) VALUES (?1, '')", "INSERT INTO child (id) VALUES (?1)"
		errs := together(t, db, update(1, fine), update(2, fine), update(3, fine))
		if errors.Join(errs...) != nil || !slices.Equal(ran, []int{1, 2, 3}) || !slices.Equal(followed, ran) {
			t.Errorf("a batch that commits: %v, ran %v, followed %v", errs, ran, followed)
		}
		ran, followed = nil, nil
		errs = together(t, db, update(4, fine), update(44, breaks), update(4, fine), update(5, fine))
		if errs[0] != nil || errs[1] == nil || !errors.Is(errs[2], store.ErrConflict) || errs[3] != nil {
			t.Errorf("verdicts %v", errs)
		}
		if !slices.Equal(ran, []int{4, 44, 4, 5, 4, 44, 4, 5}) || !slices.Equal(followed, []int{4, 5}) {
			t.Errorf("ran %v, followed %v", ran, followed)
		}
		if got := items(t, db); !slices.Equal(got, []int{1, 2, 3, 4, 5}) {
			t.Errorf("holds %v", got)
		}
	})
}

// An update whose caller goes away while it waits never runs.
func TestAbandonedUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := openItems(t, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		err := db.writer.outside(t.Context(), func() error {
			verdict := make(chan error)
			go func() {
				verdict <- db.Update(ctx, func(*store.Tx) error {
					t.Error("ran")
					return nil
				})
			}()
			synctest.Wait()
			cancel()
			if err := <-verdict; err != context.Canceled {
				t.Errorf("returned %v", err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if err := putItem(t, db, 1, []byte{}); err != nil { // it would have run before this one
			t.Error(err)
		}
	})
}

// A full disk fails those who need room, and no one else; it ends when there is room again.
func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := openItems(t, Options{MaxBytes: 256 << 10})
		page := bytes.Repeat([]byte("x"), pageSize)
		n, err := 0, error(nil)
		for ; err == nil; n++ {
			err = putItem(t, db, n, page)
		}
		if !errors.Is(err, store.ErrFull) || n < 20 {
			t.Fatalf("write %d: %v", n, err)
		}
		insert := func(id int, size int) func(*store.Tx) error {
			return func(tx *store.Tx) error {
				_, err := tx.Exec("INSERT INTO item (id, payload) VALUES (?1, ?2)", id, page[:size])
				return err
			}
		}
		overwrite := func(tx *store.Tx) error {
			_, err := tx.Exec("UPDATE item SET payload = ?1 WHERE id = 0", bytes.Repeat([]byte("y"), pageSize))
			return err
		}
		forgets := func(tx *store.Tx) error {
			_, _ = tx.Exec("INSERT INTO item (id, payload) VALUES (?1, ?2)", 1001, page)
			return nil
		}
		errs := together(t, db, overwrite, insert(1000, pageSize), overwrite, forgets)
		if errs[0] != nil || !errors.Is(errs[1], store.ErrFull) || errs[2] != nil || !errors.Is(errs[3], store.ErrFull) {
			t.Errorf("verdicts %v", errs)
		}
		if got := items(t, db); len(got) != n-1 {
			t.Errorf("holds %d rows, %d were acknowledged", len(got), n-1)
		}
		errs = together(t, db, func(tx *store.Tx) error {
			_, err := tx.Exec("DELETE FROM item WHERE id < 5")
			return err
		}, insert(1000, pageSize))
		if err := errors.Join(errs...); err != nil {
			t.Errorf("with room again: %v", err)
		}
		checkIntegrity(t, db)
	})
}
