package sqlite

import (
	"context"
	"database/sql/driver"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"

	"github.com/comity-iot/comity/store"
)

// maxStatements bounds the prepared statements of a connection, at some 5 KiB each. The whole broker has fewer texts.
const maxStatements = 256

// conn is a connection with its prepared statements. It is used by one goroutine at a time.
type conn struct {
	raw        driver.Conn
	own        map[string]prepared   // the engine's; kept apart, so that a feature's "COMMIT" does not find it
	statements map[string]*statement // the features', by their texts
	clock      uint64                // counts uses of statements
}

type statement struct {
	prepared
	args int    // how many it takes
	used uint64 // the connection's clock at the last use
}

// prepared is what the driver's statements are.
type prepared interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// dial opens a connection, with the pragmas written as in "synchronous(FULL)".
func dial(ctx context.Context, path string, pragmas []string) (*conn, error) {
	connector, err := sqlite.NewConnector(dsn(path, pragmas))
	if err != nil {
		return nil, err
	}
	raw, err := connector.Connect(ctx)
	if err != nil {
		return nil, wrap(err)
	}
	return &conn{raw: raw, own: make(map[string]prepared), statements: make(map[string]*statement)}, nil
}

func dsn(path string, pragmas []string) string {
	path = filepath.ToSlash(path)
	file := url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(path, "/")} // also for C:/…
	q := url.Values{
		"_pragma":    pragmas,
		"_dqs":       {"0"}, // a misspelt "column" is an error, not a string
		"_defensive": {"1"}, // no statement can damage the file
		"mode":       {"rw"},
	}
	return file.String() + "?" + q.Encode()
}

func (c *conn) close() error {
	for _, s := range c.own {
		_ = s.Close() // repeats the error of its last execution, if anything
	}
	for query := range c.statements {
		c.forget(query)
	}
	return wrap(c.raw.Close())
}

// feature finds or prepares the statement of a feature's query.
func (c *conn) feature(ctx context.Context, query string) (*statement, error) {
	c.clock++
	if s := c.statements[query]; s != nil {
		s.used = c.clock
		return s, nil
	}
	text, args, err := store.Rewrite(query, "?")
	if err != nil {
		return nil, err
	}
	p, err := c.prepare(ctx, strings.TrimRight(text, "; \t\r\n")) // the driver keeps only what ends with the statement
	if err != nil {
		return nil, fmt.Errorf("%w, in %q", err, query)
	}
	if len(c.statements) >= maxStatements {
		c.forget(c.oldest())
	}
	s := &statement{prepared: p, args: args, used: c.clock}
	c.statements[query] = s
	return s, nil
}

// oldest is the query that was not used for the longest time. The search is short beside the preparing of another.
func (c *conn) oldest() (query string) {
	first := c.clock
	for q, s := range c.statements {
		if s.used < first {
			query, first = q, s.used
		}
	}
	return query
}

func (c *conn) forget(query string) {
	_ = c.statements[query].Close() // repeats the error of its last execution, if anything
	delete(c.statements, query)
}

// control runs a statement that package store refuses to features: BEGIN, COMMIT and their kind.
func (c *conn) control(text string) error {
	s := c.own[text]
	if s == nil {
		var err error
		if s, err = c.prepare(context.Background(), text); err != nil {
			return err
		}
		c.own[text] = s
	}
	_, err := s.ExecContext(context.Background(), nil)
	return wrap(err)
}

func (c *conn) prepare(ctx context.Context, text string) (prepared, error) {
	s, err := c.raw.(driver.ConnPrepareContext).PrepareContext(ctx, text)
	if err != nil {
		return nil, wrap(err)
	}
	return s.(prepared), nil
}

// single is the first column of the first row of one of the engine's own queries.
func (c *conn) single(text string) (driver.Value, error) {
	s, err := c.prepare(context.Background(), text)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	r, err := s.QueryContext(context.Background(), nil)
	if err != nil {
		return nil, wrap(err)
	}
	defer r.Close()
	row := make([]driver.Value, len(r.Columns()))
	if err := r.Next(row); err != nil {
		return nil, wrap(err)
	}
	return row[0], nil
}

func (c *conn) pragma(name string) (driver.Value, error) { return c.single("PRAGMA " + name) }
