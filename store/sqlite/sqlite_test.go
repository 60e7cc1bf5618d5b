package sqlite

import (
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/store/storetest"
)

func TestSuite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.DB { return openFile(t, filepath.Join(t.TempDir(), "comity.db"), Options{}) })
}

func TestSuiteEphemeral(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.DB {
		db, err := OpenEphemeral(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	})
}

func openFile(t testing.TB, path string, o Options) *DB {
	t.Helper()
	db, err := Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// openItems opens a database with a table item (id, payload) in a folder of the test's own.
func openItems(t testing.TB, o Options) *DB {
	t.Helper()
	db := openFile(t, filepath.Join(t.TempDir(), "comity.db"), o)
	if err := db.Migrate(t.Context(), itemSchema); err != nil {
		t.Fatal(err)
	}
	return db
}

var itemSchema = testSchema("item", "CREATE TABLE item (id INTEGER PRIMARY KEY, payload BLOB NOT NULL);")

func testSchema(name, statements string) store.Migrations {
	return store.Migrations{Name: name, FS: fstest.MapFS{"001_tables.sql": {Data: []byte("-- +goose Up\n" + statements)}}}
}

func putItem(t testing.TB, db *DB, id int, payload []byte) error {
	return db.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec("INSERT INTO item (id, payload) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET payload = excluded.payload",
			id, payload)
		return err
	})
}

func items(t testing.TB, db *DB) (ids []int) {
	t.Helper()
	err := db.View(t.Context(), func(tx *store.Tx) (err error) {
		ids, err = store.All(tx.Query("SELECT id FROM item ORDER BY id"), store.Column[int])
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return ids
}

func checkIntegrity(t testing.TB, db *DB) {
	t.Helper()
	err := db.readers.with(t.Context(), func(c *conn) error {
		verdict, err := c.pragma("integrity_check")
		if verdict != "ok" {
			t.Errorf("integrity: %v", verdict)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
