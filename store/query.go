package store

import (
	"database/sql/driver"
	"fmt"
	"io"
	"iter"
)

// Row is one row of a result. The loop that gave it reuses it at its next turn.
type Row struct {
	values []driver.Value
	err    error
}

// Scan copies the row's columns into dest, one pointer for each column: *int64 and other integers, *bool (0 and 1),
// *float64, *string, *[]byte, their named types, *any, a **T or *sql.Null[T] where NULL is possible, or a sql.Scanner.
// Without a row it returns ErrNotFound, or why there is none.
func (r *Row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	if len(dest) != len(r.values) {
		return fmt.Errorf("store: %d columns into %d destinations", len(r.values), len(dest))
	}
	for i, d := range dest {
		if err := assign(d, r.values[i]); err != nil {
			return fmt.Errorf("store: column %d: %w", i+1, err)
		}
	}
	return nil
}

// Query gives the rows of a query, in a loop:
//
//	for row, err := range tx.Query("SELECT name FROM roster WHERE owner = ?1", owner) {
//		if err != nil {
//			return err
//		}
//		…row.Scan(&name)…
//	}
//
// The query runs when the loop begins. The loop may be left at any row; no other statement may run inside it.
func (tx *Tx) Query(query string, args ...any) iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		left := false // the loop; it cannot be told of a failure any more, but the transaction remembers
		err := tx.each(query, args, func(r *Row) bool {
			left = !yield(r, nil)
			return !left
		})
		if err != nil && !left {
			yield(&Row{err: err}, err)
		}
	}
}

// each calls visit with every row until it says no.
func (tx *Tx) each(query string, args []any, visit func(*Row) bool) (err error) {
	rows, err := tx.start(query, args)
	if err != nil {
		return err
	}
	defer func() {
		if e := tx.finish(); err == nil {
			err = e
		}
	}()
	row := &Row{values: make([]driver.Value, len(rows.Columns()))}
	for {
		if err := rows.Next(row.values); err == io.EOF {
			return nil
		} else if err != nil {
			return tx.fail(err)
		}
		if !visit(row) {
			return nil
		}
	}
}

// QueryRow gives the first row of a query. Its Scan returns ErrNotFound if there is none.
func (tx *Tx) QueryRow(query string, args ...any) *Row {
	row := &Row{err: ErrNotFound}
	err := tx.each(query, args, func(r *Row) bool {
		row = r
		return false
	})
	if err != nil {
		return &Row{err: err}
	}
	return row
}

// One is the first row of a query, or ErrNotFound: store.One(tx.Query(…), scanItem).
func One[T any](rows iter.Seq2[*Row, error], scan func(*Row) (T, error)) (T, error) {
	for row, err := range rows {
		if err != nil {
			var zero T
			return zero, err
		}
		return scan(row)
	}
	var zero T
	return zero, ErrNotFound
}

// All is every row of a query, nil if there are none. The query has its own LIMIT: what comes from outside is bounded.
func All[T any](rows iter.Seq2[*Row, error], scan func(*Row) (T, error)) ([]T, error) {
	var all []T
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		t, err := scan(row)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// Column scans rows of a single column: store.All(tx.Query("SELECT jid FROM …"), store.Column[string]).
func Column[T any](row *Row) (T, error) {
	var t T
	err := row.Scan(&t)
	return t, err
}
