package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
)

// backupStep is how many pages are copied between looks at the context.
const backupStep = 1024

// Backup implements store.DB. It reads one snapshot while writers go on, into path.partial, which becomes path when it is
// whole and synced.
func (db *DB) Backup(ctx context.Context, path string) error {
	if err := db.backup(ctx, path); err != nil {
		return fmt.Errorf("sqlite: backup: %w", err)
	}
	return nil
}

func (db *DB) backup(ctx context.Context, path string) (err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(&fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}, err)
	}
	partial := path + ".partial"
	file, err := os.OpenFile(partial, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(partial))
		}
	}()
	if err := file.Close(); err != nil {
		return err
	}
	if err := db.readers.with(ctx, func(c *conn) error { return copyTo(ctx, c, partial) }); err != nil {
		return err
	}
	if err := syncFile(partial); err != nil {
		return err
	}
	if err := os.Rename(partial, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// copyTo copies the database as it is for the connection's transaction.
func copyTo(ctx context.Context, c *conn, path string) error {
	if _, err := c.single("SELECT count(*) FROM sqlite_schema"); err != nil { // fixes the snapshot
		return err
	}
	source := c.raw.(interface {
		NewBackup(string) (*sqlite.Backup, error)
	})
	b, err := source.NewBackup(dsn(path, nil))
	if err != nil {
		return wrap(err)
	}
	for more := true; more && err == nil; {
		if err = ctx.Err(); err == nil {
			more, err = b.Step(backupStep)
		}
	}
	return wrap(errors.Join(err, b.Finish()))
}

func syncFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
