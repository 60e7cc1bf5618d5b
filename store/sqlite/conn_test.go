package sqlite

import (
	"slices"
	"testing"

	"github.com/comity-iot/comity/store"
)

// A connection keeps a bounded number of statements, and those in use.
func TestStatementsAreBounded(t *testing.T) {
	db := openItems(t, Options{Readers: 1})
	query := func(text string) {
		err := db.View(t.Context(), func(tx *store.Tx) error {
			_, err := store.All(tx.Query(text), store.Column[int])
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 * maxStatements {
		query("SELECT id FROM item")
		query("SELECT " + string(slices.Repeat([]byte("+"), i)) + "1")
	}
	c := <-db.readers.free
	defer func() { db.readers.free <- c }()
	if n := len(c.statements); n != maxStatements {
		t.Errorf("keeps %d statements", n)
	}
	if c.statements["SELECT id FROM item"] == nil {
		t.Error("forgot the one that it used all the time")
	}
}
