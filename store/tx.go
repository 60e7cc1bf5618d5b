package store

import (
	"database/sql/driver"
	"errors"
	"fmt"
)

// Session is the half of a transaction that an engine implements: statements with arguments that Tx has checked and
// converted (nil, int64, float64, string or []byte). Errors are wrapped in this package's where one fits.
type Session interface {
	// Exec runs a statement to its end and counts the rows that an INSERT, UPDATE or DELETE touched.
	Exec(query string, args []driver.NamedValue) (int64, error)
	// Query starts a statement that gives rows. What the rows hold belongs to the reader. Close finishes the statement.
	Query(query string, args []driver.NamedValue) (driver.Rows, error)
}

// Tx is a transaction, alive while the function that was given it runs, and used by one goroutine at a time.
//
// The first failure of a statement loses the whole transaction, as it does on PostgreSQL: later statements return that
// same failure, and so does Update, even if fn returns nil. To go on after a row that may exist, write ON CONFLICT.
type Tx struct {
	session Session
	args    []driver.NamedValue // reused by each statement
	rows    driver.Rows         // the query being read; one at a time
	err     error               // the failure that lost the transaction
	after   []func()
}

// Run gives fn a transaction on s and returns what must follow the commit. It is for engines, which commit if err is nil
// and roll back if not, also when fn panics.
func Run(s Session, fn func(*Tx) error) (after []func(), err error) {
	tx := &Tx{session: s}
	defer func() {
		tx.session = nil
		if tx.rows != nil { // fn panicked, or left an iter.Pull unstopped
			err = errors.Join(err, tx.rows.Close())
		}
	}()
	if err := fn(tx); err != nil {
		return nil, err
	}
	if tx.err != nil {
		return nil, tx.err
	}
	return tx.after, nil
}

// AfterCommit has f run once, after the transaction has become durable, and never if it does not.
//
// Fs run in the order of the commits, and within one in the order given, on the goroutine that called Update and before
// it returns; no lock is held. Later commits' fs wait for f, so f is short and does not call Update. In a View, f runs
// when the View has ended without an error.
func (tx *Tx) AfterCommit(f func()) { tx.after = append(tx.after, f) }

// Exec runs a statement that gives no rows and returns how many it touched, if it is an INSERT, UPDATE or DELETE.
func (tx *Tx) Exec(query string, args ...any) (int64, error) {
	if err := tx.ready(query, args); err != nil {
		return 0, err
	}
	n, err := tx.session.Exec(query, tx.args)
	return n, tx.fail(err)
}

// start begins a query; the caller closes it with tx.finish.
func (tx *Tx) start(query string, args []any) (driver.Rows, error) {
	if err := tx.ready(query, args); err != nil {
		return nil, err
	}
	rows, err := tx.session.Query(query, tx.args)
	if err != nil {
		return nil, tx.fail(err)
	}
	tx.rows = rows
	return rows, nil
}

func (tx *Tx) finish() error {
	rows := tx.rows
	tx.rows = nil
	return tx.fail(rows.Close())
}

// ready refuses what an engine would not do, and converts the arguments.
func (tx *Tx) ready(query string, args []any) error {
	switch {
	case tx.session == nil:
		return ErrEnded
	case tx.err != nil:
		return tx.err
	case tx.rows != nil:
		// PostgreSQL's protocol cannot interleave statements, so no engine does.
		return tx.fail(fmt.Errorf("store: %q inside the loop over another query: read that with All first", query))
	}
	var err error
	if tx.args, err = bind(tx.args[:0], args); err != nil {
		return tx.fail(fmt.Errorf("%w, in %q", err, query))
	}
	return nil
}

// fail remembers the first failure.
func (tx *Tx) fail(err error) error {
	if err != nil && tx.err == nil {
		tx.err = err
	}
	return err
}
