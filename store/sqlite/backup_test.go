package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// A backup taken while a writer counts up holds every number up to one of them.
func TestBackupIsConsistent(t *testing.T) {
	db := openItems(t, Options{})
	const before = 200
	for i := range before {
		if err := putItem(t, db, i, make([]byte, 5000)); err != nil {
			t.Fatal(err)
		}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := before; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := putItem(t, db, i, make([]byte, 5000)); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := db.Backup(t.Context(), path); err != nil {
		t.Error(err)
	}
	close(stop)
	<-stopped
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	restored := openFile(t, path, Options{})
	checkIntegrity(t, restored)
	ids := items(t, restored)
	if len(ids) < before || ids[len(ids)-1] != len(ids)-1 {
		t.Errorf("the copy holds %d numbers up to %d", len(ids), ids[len(ids)-1])
	}
	if err := putItem(t, restored, 100000, []byte{1}); err != nil {
		t.Errorf("writing to the copy: %v", err)
	}
}

func TestBackupFails(t *testing.T) {
	db := openItems(t, Options{})
	folder := t.TempDir()
	if err := db.Backup(t.Context(), filepath.Join(folder, "no", "copy.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("into a folder that is not there: %v", err)
	}
	link := filepath.Join(folder, "link")
	if err := os.Symlink(db.path, link); err != nil {
		t.Fatal(err)
	}
	if err := db.Backup(t.Context(), link); !errors.Is(err, fs.ErrExist) {
		t.Errorf("onto a link to the database itself: %v", err)
	}
}
