package sqlite

import (
	"io/fs"
	"sync/atomic"
	"testing"

	"github.com/comity-iot/comity/store"
)

// countingFS counts the files that are read; goose reads in parallel.
type countingFS struct {
	fs.FS
	opened *atomic.Int64
}

func (c countingFS) Open(name string) (fs.File, error) {
	if name != "." {
		c.opened.Add(1)
	}
	return c.FS.Open(name)
}

// A start that has nothing to migrate reads no migration.
func TestMigrateUpToDate(t *testing.T) {
	db := openItems(t, Options{})
	var opened atomic.Int64
	again := store.Migrations{Name: itemSchema.Name, FS: countingFS{itemSchema.FS, &opened}}
	if err := db.Migrate(t.Context(), again); err != nil || opened.Load() != 0 {
		t.Errorf("opened %d files, %v", opened.Load(), err)
	}
	again.Name = "other"
	if err := db.Migrate(t.Context(), again); err == nil || opened.Load() == 0 {
		t.Errorf("a set that is missing: opened %d files, %v", opened.Load(), err)
	}
}
