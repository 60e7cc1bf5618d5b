package sqlite

import (
	"context"
	"database/sql/driver"
	"fmt"
)

// session implements store.Session. The context interrupts a statement that runs for long.
type session struct {
	conn *conn
	ctx  context.Context
}

func (s *session) Exec(query string, args []driver.NamedValue) (int64, error) {
	st, err := s.prepare(query, args)
	if err != nil {
		return 0, err
	}
	result, err := st.ExecContext(s.ctx, args)
	if err != nil {
		return 0, wrap(err)
	}
	return result.RowsAffected()
}

func (s *session) Query(query string, args []driver.NamedValue) (driver.Rows, error) {
	st, err := s.prepare(query, args)
	if err != nil {
		return nil, err
	}
	r, err := st.QueryContext(s.ctx, args)
	if err != nil {
		return nil, wrap(err)
	}
	return rows{r}, nil
}

func (s *session) prepare(query string, args []driver.NamedValue) (*statement, error) {
	st, err := s.conn.feature(s.ctx, query)
	if err == nil && st.args != len(args) {
		err = fmt.Errorf("sqlite: %d arguments for %d parameters, in %q", len(args), st.args, query)
	}
	return st, err
}

// rows wraps errors.
type rows struct{ driver.Rows }

func (r rows) Next(dest []driver.Value) error { return wrap(r.Rows.Next(dest)) }

// Close ends the statement. One that writes has done all of it before its first row, and SQLite checks foreign keys here
// if they have not been checked at the last row. https://sqlite.org/lang_returning.html
func (r rows) Close() error { return wrap(r.Rows.Close()) }
