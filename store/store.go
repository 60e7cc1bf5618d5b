// Package store is the seam between the features and the database: transactions, migrations, and what a commit
// promises. It holds no engine; store/sqlite is the embedded one, and every engine passes the suite in store/storetest.
//
// # SQL that every engine understands
//
// A feature keeps one text of each query. What may stand in it:
//
//   - Parameters are numbered, ?1 to ?n, never a bare "?", and a query is one statement (Rewrite checks both).
//   - Columns are INTEGER (64 bits), TEXT, BLOB, and REAL where a measured quantity must be compared. Text is UTF-8
//     without NUL, compared and ordered by code point; folding and normalisation happen in Go, in key columns of their own.
//   - Times are INTEGER microseconds since 1970 UTC (Micros, Time); booleans are 0 and 1.
//   - "id INTEGER PRIMARY KEY AUTOINCREMENT" numbers its own rows; ids rise and are never used again.
//   - Upserts (INSERT … ON CONFLICT … DO UPDATE, DO NOTHING) and RETURNING are allowed.
//   - No PRAGMA, no BEGIN, COMMIT or SAVEPOINT: the engine owns the transaction.
//
// What is missing: listening for changes, and statements longer than one transaction. Bulk work comes in chunks.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The errors that features tell apart with errors.Is. An engine wraps its own message in them.
var (
	// ErrNotFound says that a query which must give a row gave none.
	ErrNotFound = errors.New("store: not found")
	// ErrConflict says that a row with the same unique key exists.
	ErrConflict = errors.New("store: conflict")
	// ErrFull says that there is no room: a quota or the disk. Reads go on; writes succeed again once there is room.
	ErrFull = errors.New("store: disk full")
	// ErrReadOnly says that a View tried to write.
	ErrReadOnly = errors.New("store: read-only transaction")
	// ErrCorrupt says that the database cannot be read as one: restore it from a backup.
	ErrCorrupt = errors.New("store: corrupt database")
	// ErrClosed says that the database has been closed.
	ErrClosed = errors.New("store: closed")
	// ErrEnded says that a Tx was used after its function had returned.
	ErrEnded = errors.New("store: transaction has ended")
)

// DB is an open database. All its methods may be called from any goroutine, but not from inside a transaction's
// function, which touches only its own transaction: an Update inside an Update would wait for itself.
type DB interface {
	// View runs fn on a consistent snapshot that includes every Update which returned before. Any number of Views run
	// beside each other and beside the writer. A View holds back the recycling of the log: keep it short.
	View(ctx context.Context, fn func(*Tx) error) error

	// Update runs fn as a savepoint in the writer's batch, and returns nil only when the batch survives kill -9 and
	// power loss. Fns run one at a time. An error of fn undoes its own writes, no one else's, and is returned as it is.
	//
	// Fn may run twice, when the batch it was in could not be committed; whatever it fills outside its transaction, it
	// must reset first. A panic of fn is undone and raised again in the caller, as a *PanicError.
	//
	// When ctx ends before fn begins, fn never runs and ctx.Err() is returned. Once begun, it finishes.
	Update(ctx context.Context, fn func(*Tx) error) error

	// Migrate brings the schema of each set up to date. It may be called again, with more sets or with longer ones.
	Migrate(ctx context.Context, sets ...Migrations) error

	// Backup writes a consistent copy to a new file at path while the database stays in use. It fails with
	// fs.ErrExist when the file exists, and leaves nothing behind when it fails.
	Backup(ctx context.Context, path string) error

	// Close waits for what has begun, refuses the rest with ErrClosed, and frees everything. A second Close does nothing.
	Close() error
}

// Micros is how a time is stored: microseconds since 1970 UTC. What is finer is cut off.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// Time is the time that Micros stored, in UTC.
func Time(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// PanicError carries a panic from the goroutine of the writer to the caller of Update, which panics with it.
type PanicError struct {
	Value any    // what the transaction's function panicked with
	Stack []byte // where it did
}

// Error gives the value and the stack: what a crash should print.
func (p *PanicError) Error() string { return fmt.Sprintf("%v\n\n%s", p.Value, p.Stack) }

// Unwrap gives the value if it is an error.
func (p *PanicError) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}
