package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/comity-iot/comity/store"
)

var benchSchema = store.Migrations{Name: "bench", FS: fstest.MapFS{"001_item.sql": {Data: []byte(`-- +goose Up
CREATE TABLE item (id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, payload BLOB NOT NULL);
`)}}}

func benchDB(b *testing.B) *DB {
	db := openFile(b, filepath.Join(b.TempDir(), "comity.db"), Options{})
	if err := db.Migrate(b.Context(), benchSchema); err != nil {
		b.Fatal(err)
	}
	return db
}

func insertItem(tx *store.Tx, payload []byte) error {
	_, err := tx.Exec("INSERT INTO item (owner, payload) VALUES (?1, ?2)", "alice@example.org", payload)
	return err
}

// BenchmarkUpdate is durable writes of 300 bytes, each an Update of its own.
func BenchmarkUpdate(b *testing.B) {
	for _, writers := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			db := benchDB(b)
			payload := make([]byte, 300)
			work := make(chan struct{}, writers)
			done := make(chan struct{})
			for range writers {
				go func() {
					for range work {
						err := db.Update(context.Background(), func(tx *store.Tx) error { return insertItem(tx, payload) })
						if err != nil {
							b.Error(err)
						}
					}
					done <- struct{}{}
				}()
			}
			b.ReportAllocs()
			for b.Loop() {
				work <- struct{}{}
			}
			close(work)
			for range writers {
				<-done
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
		})
	}
}

// BenchmarkView reads one row by its key, with and without a context that can end.
func BenchmarkView(b *testing.B) {
	cancellable, cancel := context.WithCancel(context.Background())
	defer cancel()
	for name, ctx := range map[string]context.Context{"background": context.Background(), "cancellable": cancellable} {
		b.Run(name, func(b *testing.B) {
			db := benchDB(b)
			err := db.Update(ctx, func(tx *store.Tx) error {
				for range 1000 {
					if err := insertItem(tx, make([]byte, 300)); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				err := db.View(ctx, func(tx *store.Tx) error {
					var payload []byte
					return tx.QueryRow("SELECT payload FROM item WHERE id = ?1", 1+i%1000).Scan(&payload)
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStatement compares a text that a connection keeps prepared with texts that it never saw.
func BenchmarkStatement(b *testing.B) {
	for _, kept := range []bool{true, false} {
		b.Run(fmt.Sprintf("kept=%v", kept), func(b *testing.B) {
			db := benchDB(b)
			query := "SELECT id FROM item WHERE id = ?1"
			b.ReportAllocs()
			err := db.View(context.Background(), func(tx *store.Tx) error {
				for i := 0; b.Loop(); i++ {
					if !kept {
						query = fmt.Sprintf("SELECT id FROM item WHERE id = ?1 -- %d", i)
					}
					if err := tx.QueryRow(query, 1).Scan(new(int64)); err != store.ErrNotFound {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkStart opens a database and finds its schema of 40 modules up to date; the first start creates it.
func BenchmarkStart(b *testing.B) {
	var sets []store.Migrations
	for i := range 40 {
		name := "module" + string(rune('a'+i/26)) + string(rune('a'+i%26))
		text := fmt.Sprintf("-- +goose Up\nCREATE TABLE %s_row (id INTEGER PRIMARY KEY, owner TEXT);\nCREATE INDEX %[1]s_owner ON %[1]s_row (owner);\n", name)
		sets = append(sets, store.Migrations{Name: name, FS: fstest.MapFS{"001_row.sql": {Data: []byte(text)}}})
	}
	start := func(b *testing.B, path string) {
		db, err := Open(context.Background(), path, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := db.Migrate(context.Background(), sets...); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.Run("first", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			start(b, filepath.Join(b.TempDir(), fmt.Sprint(i), "comity.db"))
		}
	})
	b.Run("again", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "comity.db")
		start(b, path)
		for b.Loop() {
			start(b, path)
		}
	})
}
