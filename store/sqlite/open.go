package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	// applicationID is "Comy" in the file's header: https://sqlite.org/fileformat2.html#application_id
	applicationID = 0x436f6d79
	pageSize      = 4096
	// writerPatience is how long a write waits for another program, such as the sqlite3 shell, that is writing.
	writerPatience = 5 * time.Second
)

// Open opens the database file at path, creating it and its folder if need be (both for the owner's eyes only), and
// locks the folder: a second broker on it gets an error that names the process of the first. A file that is damaged, or
// no database, gives store.ErrCorrupt.
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	lock, err := lockFolder(folder)
	if err != nil {
		return nil, err
	}
	db, err := open(ctx, path, "FULL", o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: %s: %w", path, err), lock.Close())
	}
	db.release = append(db.release, lock.Close)
	return db, nil
}

// OpenEphemeral opens a database that is gone when it is closed, for tests and "comity --ephemeral". It behaves as one
// of Open does, but syncs nothing.
func OpenEphemeral(ctx context.Context) (*DB, error) {
	folder, err := os.MkdirTemp("", "comity-ephemeral-")
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	remove := func() error { return os.RemoveAll(folder) }
	db, err := open(ctx, filepath.Join(folder, "comity.db"), "OFF", Options{})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: %w", err), remove())
	}
	db.release = append(db.release, remove)
	return db, nil
}

func open(ctx context.Context, path, synchronous string, o Options) (*DB, error) {
	o = o.withDefaults()
	// SQLite would create the file readable by all; its log and index take the file's mode.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	c, err := dial(ctx, path, writerPragmas(synchronous, o))
	if err != nil {
		return nil, err
	}
	if err := identify(c); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return &DB{
		path: path,
		writer: startWriter(c, logKeeper{path: path + "-wal", max: o.MaxLog, logger: o.Log},
			room{path: path, logger: o.Log}),
		readers: newReaders(path, o.Readers),
	}, nil
}

func commonPragmas() []string {
	return []string{
		fmt.Sprintf("busy_timeout(%d)", writerPatience.Milliseconds()),
		"temp_store(MEMORY)", // no copy of personal data in the folder for temporary files
		"trusted_schema(OFF)",
		// The system caches the file as well, once for all connections. What each keeps besides is for what it needs most.
		"cache_size(-512)",
	}
}

func writerPragmas(synchronous string, o Options) []string {
	pragmas := append(commonPragmas(),
		fmt.Sprintf("page_size(%d)", pageSize),
		"journal_mode(WAL)",
		"synchronous("+synchronous+")",
		"foreign_keys(ON)",
		// What an owner has erased must be gone from the file too, not only unlinked: freed bytes are zeroed.
		"secure_delete(ON)",
		"wal_autocheckpoint(1000)",
		fmt.Sprintf("journal_size_limit(%d)", o.MaxLog),
	)
	if o.MaxBytes > 0 {
		pragmas = append(pragmas, fmt.Sprintf("max_page_count(%d)", max(1, o.MaxBytes/pageSize)))
	}
	return pragmas
}

// identify refuses another program's database and marks a new one as ours.
func identify(c *conn) error {
	mode, err := c.pragma("journal_mode")
	if err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("no write-ahead log on this file system (journal mode %v)", mode)
	}
	id, err := c.pragma("application_id")
	if err != nil {
		return err
	}
	tables, err := c.single("SELECT count(*) FROM sqlite_schema") // reads the schema: finds a damaged one
	if err != nil {
		return err
	}
	switch {
	case id == int64(applicationID):
		return nil
	case id == int64(0) && tables == int64(0):
		return c.control(fmt.Sprintf("PRAGMA application_id(%d)", applicationID))
	}
	return errors.New("a database of another program")
}
