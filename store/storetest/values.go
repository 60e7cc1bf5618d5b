package storetest

import (
	"database/sql"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity-iot/comity/store"
)

type (
	kind  string
	level int8
	token []byte
)

// A row of thing is written and read back through the four columns.
func testRoundTrip(t *testing.T, db store.DB) {
	migrated(t, db)
	now := time.Date(2026, 2, 28, 23, 59, 59, 123456789, time.FixedZone("", 7200))
	text, number := "text", int64(5)
	for _, c := range []struct {
		column    string
		arg, want any // want gives the type to scan into
	}{
		{"n", int64(math.MinInt64), int64(math.MinInt64)},
		{"n", int64(math.MaxInt64), int64(math.MaxInt64)},
		{"n", -1, -1},
		{"n", uint32(math.MaxUint32), uint32(math.MaxUint32)},
		{"n", true, true},
		{"n", false, false},
		{"n", true, int64(1)},
		{"n", level(-3), level(-3)},
		{"n", nil, (*int64)(nil)},
		{"n", &number, &number},
		{"n", (*int64)(nil), (*int64)(nil)},
		{"n", sql.Null[int64]{}, sql.Null[int64]{}},
		{"n", sql.Null[int64]{V: 3, Valid: true}, sql.Null[int64]{V: 3, Valid: true}},
		{"n", store.Micros(now), store.Micros(now)},
		{"s", "", ""},
		{"s", "Zürich, 日本, \U0001F44B", "Zürich, 日本, \U0001F44B"},
		{"s", "it's \"quoted\" -- ?1; /*", "it's \"quoted\" -- ?1; /*"},
		{"s", "12", "12"},
		{"s", strings.Repeat("é", 1<<17), strings.Repeat("é", 1<<17)},
		{"s", kind("thing"), kind("thing")},
		{"s", "bytes", []byte("bytes")},
		{"s", nil, (*string)(nil)},
		{"s", &text, &text},
		{"b", []byte{0, 1, 0xff, 0}, []byte{0, 1, 0xff, 0}},
		{"b", []byte{}, []byte{}},
		{"b", []byte(nil), []byte(nil)},
		{"b", token{1, 2}, token{1, 2}},
		{"b", nil, []byte(nil)},
		{"r", 0.1, 0.1},
		{"r", -math.MaxFloat64, -math.MaxFloat64},
		{"r", math.Inf(1), math.Inf(1)},
		{"r", nil, (*float64)(nil)},
	} {
		got := reflect.New(reflect.TypeOf(c.want))
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			if _, err := tx.Exec("DELETE FROM thing"); err != nil {
				return err
			}
			if _, err := tx.Exec("INSERT INTO thing (id, "+c.column+") VALUES (1, ?1)", c.arg); err != nil {
				return err
			}
			return tx.QueryRow("SELECT " + c.column + " FROM thing").Scan(got.Interface())
		})
		if err != nil || !reflect.DeepEqual(got.Elem().Interface(), c.want) {
			t.Errorf("%s: %.40v came back as %.40v, want %.40v; %v", c.column, c.arg, got.Elem(), c.want, err)
		}
	}
	if got := store.Time(store.Micros(now)); !got.Equal(now.Truncate(time.Microsecond)) || got.Location() != time.UTC {
		t.Errorf("the time came back as %v", got)
	}
	if !store.Time(store.Micros(time.Time{})).IsZero() {
		t.Error("the zero time does not come back")
	}
}

func testScan(t *testing.T, db store.DB) {
	migrated(t, db)
	for query, dest := range map[string]any{
		"SELECT 300":            new(int8),
		"SELECT -1":             new(uint),
		"SELECT 2":              new(bool),
		"SELECT '1'":            new(int),
		"SELECT 1":              new(string),
		"SELECT 1 + 1":          new([]byte),
		"SELECT NULL":           new(int64),
		"SELECT NULL AS s":      new(string),
		"SELECT 'x'":            new(float64),
		"SELECT 5 AS no_access": 5,
		"SELECT 6 AS nil":       (*level)(nil),
	} {
		err := db.View(t.Context(), func(tx *store.Tx) error { return tx.QueryRow(query).Scan(dest) })
		if err == nil {
			t.Errorf("%s was scanned into %T", query, dest)
		}
	}
	err := db.View(t.Context(), func(tx *store.Tx) error {
		if err := tx.QueryRow("SELECT 1, 2").Scan(new(int)); err == nil {
			t.Error("two columns were scanned into one")
		}
		var v any
		return tx.QueryRow("SELECT 1").Scan(&v) // a bad Scan does not lose the transaction
	})
	if err != nil {
		t.Error(err)
	}
}

func testCodePoints(t *testing.T, db store.DB) {
	migrated(t, db)
	// U+FFFD sorts after U+1F600 in UTF-16, é before f in a locale, and "é" (NFD) equals "é" (NFC) in some.
	want := []string{"", "A", "Z", "_", "a", "a ", "aa", "e\u0301", "f", "ß", "é", "日", "\uFFFD", "\U0001F600"}
	for i := len(want) - 1; i >= 0; i-- {
		put(t, db, want[i], int64(i))
	}
	err := db.View(t.Context(), func(tx *store.Tx) error {
		got, err := store.All(tx.Query("SELECT k FROM pair ORDER BY k"), store.Column[string])
		if !slices.Equal(got, want) {
			t.Errorf("ordered %q, want %q", got, want)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func testRefusedValues(t *testing.T, db store.DB) {
	for name, arg := range map[string]any{
		"a NUL in text":    "a\x00b",
		"text not UTF-8":   "a\xffb",
		"named text":       kind("\xff"),
		"a time":           time.Now(),
		"a number too big": uint64(math.MaxUint64),
		"not a number":     math.NaN(),
		"a struct":         struct{}{},
	} {
		err := db.View(t.Context(), func(tx *store.Tx) error { return tx.QueryRow("SELECT ?1", arg).Scan(new(any)) })
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
