package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/comity-iot/comity/store"
)

// update runs fn and fails the test with its error.
func update(t *testing.T, db store.DB, fn func(*store.Tx) error) {
	t.Helper()
	if err := db.Update(t.Context(), fn); err != nil {
		t.Error(err)
	}
}

func testFind(t *testing.T, db store.DB) {
	migrated(t, db)
	for i, k := range []string{"a", "b", "c"} {
		put(t, db, k, int64(i))
	}
	update(t, db, func(tx *store.Tx) error {
		var v int64
		if err := tx.QueryRow("SELECT v FROM pair WHERE k = ?1", "b").Scan(&v); err != nil || v != 1 {
			t.Errorf("QueryRow: %d, %v", v, err)
		}
		if err := tx.QueryRow("SELECT v FROM pair WHERE k = ?1", "z").Scan(&v); err != store.ErrNotFound {
			t.Errorf("QueryRow of nothing: %v", err)
		}
		if v, err := get(tx, "c"); err != nil || v != 2 {
			t.Errorf("One: %d, %v", v, err)
		}
		if _, err := get(tx, "z"); err != store.ErrNotFound {
			t.Errorf("One of nothing: %v", err)
		}
		all, err := store.All(tx.Query("SELECT k FROM pair WHERE v >= ?2 AND k <> ?1 ORDER BY k", "c", 0), store.Column[string])
		if err != nil || !slices.Equal(all, []string{"a", "b"}) {
			t.Errorf("All: %v, %v", all, err)
		}
		all, err = store.All(tx.Query("SELECT k FROM pair WHERE v > 9"), store.Column[string])
		if err != nil || all != nil {
			t.Errorf("All of nothing: %v, %v", all, err)
		}
		again := tx.Query("SELECT k FROM pair ORDER BY k DESC") // each loop runs it
		for range 2 {
			if k, err := store.One(again, store.Column[string]); err != nil || k != "c" {
				t.Errorf("a loop over a query kept: %s, %v", k, err)
			}
		}
		return nil // having found nothing does not lose the transaction
	})
}

func testUpsert(t *testing.T, db store.DB) {
	migrated(t, db)
	update(t, db, func(tx *store.Tx) error {
		for _, c := range []struct {
			query string
			rows  int64
		}{
			{"INSERT INTO pair (k, v) VALUES ('a', 1), ('b', 2)", 2},
			{"INSERT INTO pair (k, v) VALUES ('a', 9) ON CONFLICT DO NOTHING", 0},
			{"INSERT INTO pair (k, v) VALUES ('a', 9) ON CONFLICT (k) DO UPDATE SET v = pair.v + excluded.v", 1},
			{"UPDATE pair SET v = v + 1", 2},
			{"DELETE FROM pair WHERE k = 'z'", 0},
		} {
			if n, err := tx.Exec(c.query); n != c.rows || err != nil {
				t.Errorf("%s: %d rows, %v", c.query, n, err)
			}
		}
		var k string
		var v int64
		err := tx.QueryRow("INSERT INTO pair (k, v) VALUES (?1, ?2) ON CONFLICT (k) DO UPDATE SET v = excluded.v RETURNING k, v",
			"a", 7).Scan(&k, &v)
		if err != nil || k != "a" || v != 7 {
			t.Errorf("upsert returned %s, %d, %v", k, v, err)
		}
		err = tx.QueryRow("DELETE FROM pair WHERE k = 'z' RETURNING v").Scan(&v)
		if err != store.ErrNotFound {
			t.Errorf("a DELETE of nothing returned %v", err)
		}
		return nil
	})
}

// A statement that writes does all of it, and all its checks, however few of its rows are read.
func testLeftLoop(t *testing.T, db store.DB) {
	migrated(t, db)
	update(t, db, func(tx *store.Tx) error {
		for range tx.Query("INSERT INTO pair (k, v) VALUES ('a', 1), ('b', 1), ('c', 1) RETURNING k") {
			break
		}
		if err := tx.QueryRow("UPDATE pair SET v = 2 RETURNING v").Scan(new(int64)); err != nil {
			return err
		}
		twos, err := store.All(tx.Query("SELECT k FROM pair WHERE v = 2"), store.Column[string])
		if len(twos) != 3 {
			t.Errorf("updated %v", twos)
		}
		return err
	})
	orphan := "INSERT INTO child (id, now) VALUES (1, 404), (2, 404) RETURNING id"
	for name, fn := range map[string]func(*store.Tx) error{
		"QueryRow": func(tx *store.Tx) error { return tx.QueryRow(orphan).Scan(new(int64)) },
		"a loop that is left": func(tx *store.Tx) error {
			for range tx.Query(orphan) {
				break
			}
			return nil
		},
		"a loop that looks at no error": func(tx *store.Tx) error {
			for range tx.Query(orphan) {
				continue
			}
			return nil
		},
	} {
		if err := db.Update(t.Context(), fn); err == nil {
			t.Errorf("%s wrote a row without its parent", name)
		}
	}
}

func testRefused(t *testing.T, db store.DB) {
	migrated(t, db)
	exec := func(query string, args ...any) func(*store.Tx) error {
		return func(tx *store.Tx) error {
			_, err := tx.Exec(query, args...)
			return err
		}
	}
	var kept *store.Tx
	for name, fn := range map[string]func(*store.Tx) error{
		"a parameter without number": exec("DELETE FROM pair WHERE k = ?", "a"),
		"too few arguments":          exec("DELETE FROM pair WHERE k = ?1 AND v = ?2", "a"),
		"too many arguments":         exec("DELETE FROM pair WHERE k = ?1", "a", "b"),
		"two statements":             exec("DELETE FROM pair; DELETE FROM parent"),
		"the engine's own":           exec("COMMIT"),
		"a table that is not there":  exec("DELETE FROM nothing"),
		"no statement":               exec(" "),
		"a query in a query's loop": func(tx *store.Tx) error {
			kept = tx
			for _, err := range tx.Query("VALUES (1), (2)") {
				if err != nil {
					return err
				}
				if _, err := get(tx, "a"); err == nil || errors.Is(err, store.ErrNotFound) {
					return nil
				}
			}
			return errOops
		},
	} {
		if err := db.Update(t.Context(), fn); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	put(t, db, "a", 1) // now the engine has a COMMIT of its own
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		if err := insert(tx, "b", 2); err != nil {
			return err
		}
		_, err := tx.Exec("COMMIT")
		return err
	})
	if got := contents(t, db); err == nil || len(got) != 1 {
		t.Errorf("after a COMMIT in a transaction: %v, %v", got, err)
	}
	if _, err := kept.Exec("DELETE FROM pair"); err != store.ErrEnded {
		t.Errorf("a transaction used after its end: %v", err)
	}
}

func testManyTexts(t *testing.T, db store.DB) {
	for i := range 1000 {
		err := db.View(t.Context(), func(tx *store.Tx) error {
			v, err := store.One(tx.Query(fmt.Sprintf("SELECT %d + ?1", i), 1), store.Column[int])
			if v != i+1 {
				return fmt.Errorf("%d: %d, %w", i, v, err)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	long := "SELECT '" + strings.Repeat("x", 1<<16) + "'"
	err := db.View(t.Context(), func(tx *store.Tx) error {
		s, err := store.One(tx.Query(long), store.Column[string])
		if len(s) != 1<<16 {
			t.Errorf("%d bytes came back", len(s))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
