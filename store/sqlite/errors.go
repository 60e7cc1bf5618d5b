package sqlite

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/comity-iot/comity/store"
)

// wrap puts SQLite's error into the one of package store that features know, if there is one.
// The codes are those of https://sqlite.org/rescode.html.
func wrap(err error) error {
	if err == nil {
		return nil
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	if kind := kindOf(e.Code()); kind != nil {
		return fmt.Errorf("%w: %w", kind, err)
	}
	return err
}

func kindOf(code int) error {
	switch code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return store.ErrConflict
	case sqlite3.SQLITE_IOERR_SHMSIZE: // the index of the log is the one file whose growth reports no SQLITE_FULL
		return store.ErrFull
	}
	switch code & 0xff {
	case sqlite3.SQLITE_FULL: // the bound of Options, or ENOSPC
		return store.ErrFull
	case sqlite3.SQLITE_READONLY:
		return store.ErrReadOnly
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return store.ErrCorrupt
	}
	return nil
}
