// Package sqlite is the embedded engine of package store: SQLite 3 (modernc.org/sqlite, no cgo) in one file with a
// write-ahead log, one writer with group commit, and a pool of readers.
//
// An Update is acknowledged when the log has been synced (synchronous=FULL), so it survives kill -9 and, on a disk that
// tells the truth about syncing, power loss. While one batch is being synced the next one gathers: no delay is added
// to a lone write, and many writers share a sync.
//
// What is missing: encryption at rest (use the file system's), and more than one process on a database.
package sqlite

import (
	"errors"
	"log/slog"
	"runtime"
	"sync"

	"github.com/comity-iot/comity/store"
)

// Options has a useful zero value.
type Options struct {
	// Readers is how many Views run beside each other; more wait. 0: the number of processors, but at least 4. A reader's
	// connection is opened when it is first needed.
	Readers int
	// MaxBytes bounds the database without its log; past it, writes fail with store.ErrFull. 0: the disk is the bound.
	MaxBytes int64
	// MaxLog is how large the write-ahead log may grow, in bytes, before the writer stops to empty it. A View that stays
	// open longer than that takes holds it back. 0: 16 MiB.
	MaxLog int64
	// Log hears of what no caller can be told: a log that could not be emptied. nil: nobody.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Readers <= 0 {
		o.Readers = max(4, runtime.GOMAXPROCS(0))
	}
	if o.MaxLog <= 0 {
		o.MaxLog = 16 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// DB implements store.DB.
type DB struct {
	path    string
	writer  *writer
	readers *readers
	release []func() error // what Close does last, in order
	closing sync.Once
	failed  error // of closing
}

var _ store.DB = (*DB)(nil)

// Close implements store.DB. It leaves an empty log.
func (db *DB) Close() error {
	db.closing.Do(func() {
		db.writer.close()
		errs := []error{db.readers.close(), db.writer.conn.close()} // the last connection empties the log
		for _, release := range db.release {
			errs = append(errs, release())
		}
		db.failed = errors.Join(errs...)
	})
	return db.failed
}
