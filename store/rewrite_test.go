package store

import (
	"strings"
	"testing"
)

func TestRewrite(t *testing.T) {
	for _, c := range []struct {
		query, want string
		args        int
	}{
		{"SELECT 1", "SELECT 1", 0},
		{"SELECT ?1", "SELECT $1", 1},
		{"SELECT ?2, ?1, ?2, ?12", "SELECT $2, $1, $2, $12", 12},
		{"SELECT ?1+?2-?1/?2", "SELECT $1+$2-$1/$2", 2},
		{"SELECT '?1', \"?2\", 'it''s ?3', ?4", "SELECT '?1', \"?2\", 'it''s ?3', $4", 4},
		{"SELECT ?1 -- why? it's so\n, ?2 -- ?9", "SELECT $1 -- why? it's so\n, $2 -- ?9", 2},
		{"SELECT /* ?1; ' */ ?2", "SELECT /* ?1; ' */ $2", 2},
		{"SELECT ?1 ;\n", "SELECT $1 ;\n", 1},
		{"SELECT ';'", "SELECT ';'", 0},
		{"INSERT INTO t VALUES (?1) ON CONFLICT DO NOTHING", "INSERT INTO t VALUES ($1) ON CONFLICT DO NOTHING", 1},
	} {
		got, args, err := Rewrite(c.query, "$")
		if got != c.want || args != c.args || err != nil {
			t.Errorf("%q became %q with %d arguments, %v", c.query, got, args, err)
		}
	}
	for _, query := range []string{
		"", "  \n", "SELECT ?", "SELECT ?a", "SELECT ?0", "SELECT ?01", "SELECT ?32767", "SELECT ?99999999999999999999",
		"SELECT 1; SELECT 2", "SELECT 1; -- more", "SELECT 'open", `SELECT "open`, "SELECT 'it''s", "SELECT /* open",
		"COMMIT", "commit;", " \n Begin IMMEDIATE", "PRAGMA synchronous=0", "savepoint x", "ATTACH 'x' AS y", "vacuum",
	} {
		if got, _, err := Rewrite(query, "$"); err == nil {
			t.Errorf("%q was accepted as %q", query, got)
		}
	}
}

// A query that is accepted keeps every byte but the marks, and with another mark in it is accepted again.
func FuzzRewrite(f *testing.F) {
	for _, query := range []string{"SELECT ?1, '?2' -- ?3", "SELECT /*?1*/ \"?\" - ?2 / ?1;", "DELETE FROM t WHERE k = 'it''s'", "?1"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		same, args, err := Rewrite(query, "?")
		if err != nil {
			return
		}
		if same != query {
			t.Fatalf("%q became %q", query, same)
		}
		marked, again, err := Rewrite(query, "$")
		if err != nil || again != args || len(marked) != len(query) {
			t.Fatalf("%q became %q with %d and %d arguments, %v", query, marked, args, again, err)
		}
		if marks := strings.Count(query, "?") - strings.Count(marked, "?"); marks < min(args, 1) {
			t.Fatalf("%q became %q: %d marks for %d arguments", query, marked, marks, args)
		}
	})
}
