package storetest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/comity-iot/comity/store"
)

func testBackup(t *testing.T, db store.DB) {
	migrated(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				err := db.Update(ctx, func(tx *store.Tx) error { return insert(tx, fmt.Sprint(w, i), 1) })
				if err != nil && err != context.Canceled {
					t.Error(err)
				}
			}
		})
	}
	folder := t.TempDir()
	path := filepath.Join(folder, "copy")
	if err := db.Backup(t.Context(), path); err != nil {
		t.Error(err)
	}
	cancel()
	wg.Wait()
	if err := db.Backup(t.Context(), path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a backup onto a file that exists: %v", err)
	}
	if err := db.Backup(ctx, filepath.Join(folder, "cancelled")); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled backup: %v", err)
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 1 {
		t.Errorf("left %v, %v", left, err)
	}
}

func testClosed(t *testing.T, db store.DB) {
	for range 2 {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	fn := func(*store.Tx) error {
		t.Error("fn ran after Close")
		return nil
	}
	for name, err := range map[string]error{
		"Update":  db.Update(t.Context(), fn),
		"View":    db.View(t.Context(), fn),
		"Migrate": db.Migrate(t.Context(), schema),
		"Backup":  db.Backup(t.Context(), filepath.Join(t.TempDir(), "copy")),
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
}

// Close comes while Views and Updates are under way: each of them either happens whole or is refused.
func testCloseWaits(t *testing.T, db store.DB) {
	migrated(t, db)
	put(t, db, "a", 1)
	var wg sync.WaitGroup
	viewing := make(chan struct{})
	wg.Go(func() {
		err := db.View(t.Context(), func(tx *store.Tx) error {
			close(viewing)
			_, err := get(tx, "a")
			return err
		})
		if err != nil {
			t.Errorf("a View that had begun: %v", err)
		}
	})
	<-viewing
	for i := range 8 {
		wg.Go(func() {
			err := db.Update(t.Context(), func(tx *store.Tx) error { return insert(tx, fmt.Sprint(i), 1) })
			if err != nil && !errors.Is(err, store.ErrClosed) {
				t.Error(err)
			}
		})
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
}
