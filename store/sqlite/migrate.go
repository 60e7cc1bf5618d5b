package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"

	"github.com/comity-iot/comity/store"
)

const createVersions = `CREATE TABLE IF NOT EXISTS schema_version (
	module  TEXT NOT NULL,
	version INTEGER NOT NULL,
	applied INTEGER NOT NULL,
	PRIMARY KEY (module, version)
) WITHOUT ROWID`

// Migrate implements store.DB. One query decides whether anything is missing, because goose with its transactions for
// each module would cost more than the rest of the broker's start.
func (db *DB) Migrate(ctx context.Context, sets ...store.Migrations) error {
	return db.writer.outside(ctx, func() error {
		missing, err := db.missing(ctx, sets)
		if err == nil && len(missing) > 0 {
			err = db.apply(ctx, missing)
		}
		if err != nil {
			return fmt.Errorf("sqlite: migrating: %w", err)
		}
		return nil
	})
}

// missing selects the sets with a version that the database has not seen. It refuses a database that has seen more than
// the sets know: an older broker would misread what a newer one wrote.
func (db *DB) missing(ctx context.Context, sets []store.Migrations) ([]store.Migrations, error) {
	applied, err := db.applied(ctx)
	if err != nil {
		return nil, err
	}
	var missing []store.Migrations
	seen := make(map[string]bool)
	for _, set := range sets {
		if seen[set.Name] {
			return nil, fmt.Errorf("two sets named %s", set.Name)
		}
		seen[set.Name] = true
		versions, err := set.Versions()
		if err != nil {
			return nil, err
		}
		has, newest := applied[set.Name], versions[len(versions)-1]
		if n := len(has); n > 0 && has[n-1] > newest {
			return nil, fmt.Errorf("%s is at version %d, this program knows %d: use a newer program or an older backup",
				set.Name, has[n-1], newest)
		}
		if !slices.Equal(has, versions) {
			missing = append(missing, set)
		}
	}
	return missing, nil
}

// applied gives the versions of each module, rising.
func (db *DB) applied(ctx context.Context) (map[string][]int64, error) {
	tables, err := db.writer.conn.single("SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version'")
	if err != nil || tables == int64(0) {
		return nil, err
	}
	applied := make(map[string][]int64)
	_, err = store.Run(&session{conn: db.writer.conn, ctx: ctx}, func(tx *store.Tx) error {
		for row, err := range tx.Query("SELECT module, version FROM schema_version ORDER BY module, version") {
			var module string
			var version int64
			if err == nil {
				err = row.Scan(&module, &version)
			}
			if err != nil {
				return err
			}
			applied[module] = append(applied[module], version)
		}
		return nil
	})
	return applied, err
}

// apply has goose run what is missing, on a connection of its own that syncs only at the end (synchronous=NORMAL keeps
// the file whole at power loss, and what is lost is applied again): a first start has some fifty of these transactions.
func (db *DB) apply(ctx context.Context, sets []store.Migrations) (err error) {
	connector, err := sqlite.NewConnector(dsn(db.path, append(commonPragmas(),
		"synchronous(NORMAL)", "foreign_keys(ON)", "secure_delete(ON)")))
	if err != nil {
		return err
	}
	pool := sql.OpenDB(connector)
	defer func() { err = errors.Join(err, pool.Close()) }()
	if _, err := pool.ExecContext(ctx, createVersions); err != nil {
		return wrap(err)
	}
	for _, set := range sets {
		provider, err := goose.NewProvider(goose.DialectCustom, pool, set.FS,
			goose.WithStore(versions{set.Name}), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
		if err != nil {
			return fmt.Errorf("%s: %w", set.Name, err)
		}
		if _, err := provider.Up(ctx); err != nil {
			return fmt.Errorf("%s: %w", set.Name, wrap(err))
		}
	}
	_, err = checkpoint(db.writer.conn) // syncs: the writer's connection has synchronous=FULL
	return err
}
