package sqlite

import (
	"context"
	"time"

	"github.com/pressly/goose/v3/database"

	"github.com/comity-iot/comity/store"
)

// versions keeps goose's records of one module in the table that all modules share. It implements goose's
// database.Store on a table that exists already.
type versions struct{ module string }

var _ database.Store = versions{}

func (versions) Tablename() string { return "schema_version" }

func (versions) CreateVersionTable(context.Context, database.DBTxConn) error { return nil }

// Insert ignores version 0, with which goose marks a table that it has created.
func (v versions) Insert(ctx context.Context, db database.DBTxConn, r database.InsertRequest) error {
	if r.Version == 0 {
		return nil
	}
	_, err := db.ExecContext(ctx, "INSERT INTO schema_version (module, version, applied) VALUES (?1, ?2, ?3)",
		v.module, r.Version, store.Micros(time.Now()))
	return err
}

func (v versions) Delete(ctx context.Context, db database.DBTxConn, version int64) error {
	_, err := db.ExecContext(ctx, "DELETE FROM schema_version WHERE module = ?1 AND version = ?2", v.module, version)
	return err
}

func (v versions) GetMigration(ctx context.Context, db database.DBTxConn, version int64) (*database.GetMigrationResult, error) {
	list, err := v.list(ctx, db)
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		if m.version == version {
			return &database.GetMigrationResult{Timestamp: store.Time(m.applied), IsApplied: true}, nil
		}
	}
	return nil, database.ErrVersionNotFound
}

func (v versions) GetLatestVersion(ctx context.Context, db database.DBTxConn) (int64, error) {
	list, err := v.list(ctx, db)
	if err != nil {
		return 0, err
	}
	return list[0].version, nil
}

func (v versions) ListMigrations(ctx context.Context, db database.DBTxConn) ([]*database.ListMigrationsResult, error) {
	list, err := v.list(ctx, db)
	var results []*database.ListMigrationsResult
	for _, m := range list {
		results = append(results, &database.ListMigrationsResult{Version: m.version, IsApplied: true})
	}
	return results, err
}

type migration struct{ version, applied int64 }

// list is the module's migrations, newest first, and last the version 0 that goose expects of every table.
func (v versions) list(ctx context.Context, db database.DBTxConn) ([]migration, error) {
	rows, err := db.QueryContext(ctx,
		"SELECT version, applied FROM schema_version WHERE module = ?1 UNION ALL SELECT 0, 0 ORDER BY version DESC", v.module)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []migration
	for rows.Next() {
		var m migration
		if err := rows.Scan(&m.version, &m.applied); err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, rows.Err()
}
