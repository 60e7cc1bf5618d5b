package storetest

import (
	"slices"
	"testing"
	"testing/fstest"

	"github.com/comity-iot/comity/store"
)

// files makes a set of migrations from its files' names and statements.
func files(module string, nameAndText ...string) store.Migrations {
	set := fstest.MapFS{"notes.txt": {Data: []byte("not a migration")}}
	for i := 0; i < len(nameAndText); i += 2 {
		set[nameAndText[i]] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + nameAndText[i+1])}
	}
	return store.Migrations{Name: module, FS: set}
}

const (
	first  = "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);"
	second = "INSERT INTO a VALUES (2);\nALTER TABLE a ADD COLUMN y TEXT;"
	third  = "-- +goose StatementBegin\nINSERT INTO a VALUES (3, ';');\n-- +goose StatementEnd\n"
)

func testMigrate(t *testing.T, db store.DB) {
	one := files("one", "001_a.sql", first)
	both := files("one", "001_a.sql", first, "002_b.sql", second)
	all := files("one", "001_a.sql", first, "002_b.sql", second, "010_c.sql", third)
	two := files("two", "001_a.sql", "CREATE TABLE b (x INTEGER); INSERT INTO b VALUES (1);")
	for i, step := range []struct {
		sets []store.Migrations
		want []int
	}{
		{[]store.Migrations{one}, []int{1}},
		{[]store.Migrations{one}, []int{1}},
		{[]store.Migrations{two, both}, []int{1, 2}},
		{[]store.Migrations{two}, []int{1, 2}}, // a module that is switched off keeps its tables
		{[]store.Migrations{all, two}, []int{1, 2, 3}},
		{[]store.Migrations{all, two}, []int{1, 2, 3}},
	} {
		if err := db.Migrate(t.Context(), step.sets...); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		err := db.View(t.Context(), func(tx *store.Tx) error {
			got, err := store.All(tx.Query("SELECT x FROM a ORDER BY x"), store.Column[int])
			if !slices.Equal(got, step.want) {
				t.Errorf("step %d: applied %v, want %v", i, got, step.want)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func testMigrateRefused(t *testing.T, db store.DB) {
	applied := files("known", "001_a.sql", "CREATE TABLE known (x INTEGER);", "003_c.sql", "CREATE TABLE more (x INTEGER);")
	if err := db.Migrate(t.Context(), applied); err != nil {
		t.Fatal(err)
	}
	ok := files("ok", "001_a.sql", "CREATE TABLE ok (x INTEGER);")
	for name, sets := range map[string][]store.Migrations{
		"a name that is no identifier": {files("Not-OK", "001_a.sql", first)},
		"no name":                      {files("", "001_a.sql", first)},
		"no files":                     {files("none")},
		"a file without number":        {files("bad", "first.sql", first)},
		"a file numbered 0":            {files("bad", "000_a.sql", first)},
		"two files with one number":    {files("bad", "001_a.sql", first, "01_b.sql", second)},
		"two sets of one name":         {ok, ok},
		"a database newer than it":     {files("known", "001_a.sql", "CREATE TABLE known (x INTEGER);")},
		"a file added before others": {files("known", "001_a.sql", "CREATE TABLE known (x INTEGER);",
			"002_b.sql", "CREATE TABLE late (x INTEGER);", "003_c.sql", "CREATE TABLE more (x INTEGER);")},
	} {
		if err := db.Migrate(t.Context(), sets...); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func testMigrateFails(t *testing.T, db store.DB) {
	broken := files("one", "001_a.sql", first, "002_b.sql", "INSERT INTO a VALUES (2); INSERT INTO nowhere VALUES (1);")
	if err := db.Migrate(t.Context(), broken); err == nil {
		t.Error("a migration that fails returned no error")
	}
	fixed := files("one", "001_a.sql", first, "002_b.sql", second)
	if err := db.Migrate(t.Context(), fixed); err != nil {
		t.Fatal(err)
	}
	err := db.View(t.Context(), func(tx *store.Tx) error {
		got, err := store.All(tx.Query("SELECT x FROM a ORDER BY x"), store.Column[int])
		if !slices.Equal(got, []int{1, 2}) {
			t.Errorf("applied %v", got)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// An archive pages by id: the id of a message that was deleted must not come back on another.
func testIdentity(t *testing.T, db store.DB) {
	set := files("log", "001_log.sql", "CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, s TEXT);")
	if err := db.Migrate(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for range 3 {
		update(t, db, func(tx *store.Tx) error {
			id, err := store.One(tx.Query("INSERT INTO log (s) VALUES ('x') RETURNING id"), store.Column[int64])
			if err != nil {
				return err
			}
			ids = append(ids, id)
			_, err = tx.Exec("DELETE FROM log")
			return err
		})
	}
	if len(slices.Compact(ids)) != 3 || !slices.IsSorted(ids) {
		t.Errorf("ids %v", ids)
	}
}
