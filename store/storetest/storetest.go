// Package storetest is the suite that every engine of package store passes. It states the promises of store.DB as tests:
// an engine that keeps them may take the place of another without a feature noticing.
package storetest

import (
	"errors"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"

	"github.com/comity-iot/comity/store"
)

// Run runs the suite. Open gives a new, empty database of which nothing is left when the suite has closed it.
func Run(t *testing.T, open func(t *testing.T) store.DB) {
	for name, test := range map[string]func(*testing.T, store.DB){
		"Update/commits what fn wrote":                     testCommit,
		"Update/undoes only the update that failed":        testFailureIsAlone,
		"Update/raises a panic in its caller":              testPanic,
		"Update/ends its caller's goroutine if fn does":    testGoexit,
		"Update/does not begin once its context has ended": testCancelled,
		"Update/is lost with its first failed statement":   testFirstFailureLoses,
		"Update/gives each its own verdict at the commit":  testDeferredConstraint,
		"Update/runs one fn at a time":                     testOneAtATime,
		"Update/lets one of many insert a key":             testOneWins,
		"Update/equals a map":                              testModel,
		"AfterCommit/runs in the order of commits":         testAfterOrder,
		"AfterCommit/runs only after a commit":             testAfterOnlyCommit,
		"AfterCommit/raises a panic in its caller":         testAfterPanic,
		"View/sees a snapshot":                             testSnapshot,
		"View/sees what has been acknowledged":             testReadYourWrites,
		"View/does not write":                              testViewReadOnly,
		"View/ends with its context":                       testViewCancelled,
		"View/returns its error, and runs what follows":    testViewEnd,
		"Query/finds one, all or none":                     testFind,
		"Query/counts rows, upserts and returns":           testUpsert,
		"Query/finishes what it left":                      testLeftLoop,
		"Query/refuses what some engine could not do":      testRefused,
		"Query/uses more texts than an engine keeps":       testManyTexts,
		"Values/come back as they were":                    testRoundTrip,
		"Values/scan only where they fit":                  testScan,
		"Values/are ordered by code point":                 testCodePoints,
		"Values/that differ between engines are refused":   testRefusedValues,
		"Migrate/applies each file once and adds":          testMigrate,
		"Migrate/refuses sets that cannot be right":        testMigrateRefused,
		"Migrate/leaves a failed migration out":            testMigrateFails,
		"Migrate/gives ids that are never used again":      testIdentity,
		"Backup/copies while writers write":                testBackup,
		"Close/refuses what comes after":                   testClosed,
		"Close/waits for what has begun":                   testCloseWaits,
	} {
		t.Run(name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			db := open(t)
			test(t, db)
			if err := db.Close(); err != nil {
				t.Error(err)
			}
			goleak.VerifyNone(t, before)
		})
	}
}

var errOops = errors.New("oops")

// schema has a table of each kind that the tests need.
var schema = store.Migrations{Name: "suite", FS: fstest.MapFS{"001_tables.sql": {Data: []byte(`-- +goose Up
CREATE TABLE pair (k TEXT PRIMARY KEY, v INTEGER NOT NULL);
CREATE TABLE parent (id INTEGER PRIMARY KEY);
CREATE TABLE child (
	id     INTEGER PRIMARY KEY,
	now    INTEGER REFERENCES parent (id),
	later  INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE thing (id INTEGER PRIMARY KEY, n INTEGER, s TEXT, b BLOB, r REAL);
`)}}}

func migrated(t *testing.T, db store.DB) store.DB {
	t.Helper()
	if err := db.Migrate(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	return db
}

// put writes a pair outside of what the test is about.
func put(t *testing.T, db store.DB, k string, v int64) {
	t.Helper()
	if err := db.Update(t.Context(), func(tx *store.Tx) error { return set(tx, k, v) }); err != nil {
		t.Fatal(err)
	}
}

func set(tx *store.Tx, k string, v int64) error {
	_, err := tx.Exec("INSERT INTO pair (k, v) VALUES (?1, ?2) ON CONFLICT (k) DO UPDATE SET v = excluded.v", k, v)
	return err
}

func insert(tx *store.Tx, k string, v int64) error {
	_, err := tx.Exec("INSERT INTO pair (k, v) VALUES (?1, ?2)", k, v)
	return err
}

func get(tx *store.Tx, k string) (int64, error) {
	return store.One(tx.Query("SELECT v FROM pair WHERE k = ?1", k), store.Column[int64])
}

func pairs(tx *store.Tx) (map[string]int64, error) {
	all := make(map[string]int64)
	for row, err := range tx.Query("SELECT k, v FROM pair") {
		if err != nil {
			return nil, err
		}
		var k string
		var v int64
		if err := row.Scan(&k, &v); err != nil {
			return nil, err
		}
		all[k] = v
	}
	return all, nil
}

// contents is all pairs, as a new View sees them.
func contents(t *testing.T, db store.DB) (all map[string]int64) {
	t.Helper()
	err := db.View(t.Context(), func(tx *store.Tx) (err error) {
		all, err = pairs(tx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
