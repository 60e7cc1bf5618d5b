package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comity-iot/comity/store"
)

func TestOpenSettings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "a b?c=%41#d&e;'é", "comity.db")
	db := openFile(t, path, Options{})
	for pragma, want := range map[string]any{
		"journal_mode":  "wal",
		"synchronous":   int64(2), // FULL: an acknowledgement survives power loss
		"foreign_keys":  int64(1),
		"secure_delete": int64(1),
		"page_size":     int64(pageSize),
		"query_only":    int64(0),
	} {
		if got, err := db.writer.conn.pragma(pragma); got != want {
			t.Errorf("%s is %v, want %v; %v", pragma, got, want, err)
		}
	}
	if err := db.Migrate(t.Context(), itemSchema); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"comity.db", "comity.db-wal", "comity.db-shm", "lock"} {
		info, err := os.Stat(filepath.Join(filepath.Dir(path), name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 0 {
		t.Errorf("Close left a log of %d bytes", log.Size())
	}
	openFile(t, path, Options{})
}

func TestOpenTwice(t *testing.T) {
	folder := t.TempDir()
	db := openFile(t, filepath.Join(folder, "comity.db"), Options{})
	_, err := Open(t.Context(), filepath.Join(folder, "other.db"), Options{})
	if want := fmt.Sprintf("%s is in use by process %d", folder, os.Getpid()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a second database in the folder: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	openFile(t, filepath.Join(folder, "other.db"), Options{})
}

func TestOpenDamaged(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "comity.db")
	db := openFile(t, whole, Options{})
	if err := db.Migrate(t.Context(), itemSchema); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if err := putItem(t, db, i, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	schemaGone := bytes.Clone(good)
	clear(schemaGone[100:pageSize])
	for name, data := range map[string][]byte{
		"another kind of file": []byte(strings.Repeat("not a database ", 1000)),
		"cut short":            good[:len(good)/2],
		"without its schema":   schemaGone,
	} {
		path := filepath.Join(t.TempDir(), "comity.db")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = Open(t.Context(), path, Options{})
		if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
		lock, err := lockFolder(filepath.Dir(path))
		if err != nil {
			t.Fatalf("%s: the folder stays locked: %v", name, err)
		}
		if err := lock.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A page that is damaged later fails those who read it.
func TestReadDamaged(t *testing.T) {
	db := openItems(t, Options{})
	for i := range 100 {
		if err := putItem(t, db, i, bytes.Repeat([]byte("x"), 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(db.path)
	if err != nil {
		t.Fatal(err)
	}
	for at := pageSize; at < len(data); at += pageSize {
		clear(data[at : at+100])
	}
	if err := os.WriteFile(db.path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err = Open(t.Context(), db.path, Options{})
	if err == nil {
		defer db.Close()
		err = db.View(t.Context(), func(tx *store.Tx) error {
			_, err := store.All(tx.Query("SELECT payload FROM item"), store.Column[[]byte])
			return err
		})
	}
	if !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("read a damaged page: %v", err)
	}
}

func TestOpenForeign(t *testing.T) {
	path := filepath.Join(t.TempDir(), "places.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := dial(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.control("CREATE TABLE places (url TEXT)"), c.close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path, Options{}); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("opened another program's database: %v", err)
	}
}

func TestEphemeralLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	db, err := OpenEphemeral(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Migrate(t.Context(), itemSchema), putItem(t, db, 1, []byte{1}), db.Close()); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// What an owner erases is gone from the file, not only from the tables.
func TestErasureIsPhysical(t *testing.T) {
	db := openItems(t, Options{})
	secret := []byte("alice was at home at 21:40")
	for i := range 50 {
		if err := putItem(t, db, i, secret); err != nil {
			t.Fatal(err)
		}
	}
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec("DELETE FROM item WHERE id <> 7")
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	var found int
	err = filepath.WalkDir(filepath.Dir(db.path), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		found += bytes.Count(data, secret)
		return err
	})
	if err != nil || found != 1 { // the one that was kept shows that the search can find it
		t.Errorf("found %d of 1, %v", found, err)
	}
}
