package store

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Rewrite is for engines: it returns query with mark in place of each parameter's "?" ("?" for SQLite, "$" for
// PostgreSQL), and how many arguments it takes. It refuses a query that is not a single statement, whose parameters are
// not numbered, or that would take the transaction out of the engine's hands.
func Rewrite(query, mark string) (text string, args int, err error) {
	if err := checkVerb(query); err != nil {
		return "", 0, err
	}
	var b strings.Builder
	for rest := query; ; {
		i := strings.IndexAny(rest, "?;'\"-/")
		if i < 0 {
			b.WriteString(rest)
			return b.String(), args, nil
		}
		b.WriteString(rest[:i])
		rest = rest[i:]
		skip := 1
		switch rest[0] {
		case '?':
			n, digits := number(rest[1:])
			if n == 0 {
				return "", 0, fmt.Errorf("store: parameters are numbered ?1, ?2, …: %q", query)
			}
			args = max(args, n)
			b.WriteString(mark)
			b.WriteString(rest[1 : 1+digits])
			rest = rest[1+digits:]
			continue
		case ';':
			if strings.TrimSpace(rest[1:]) != "" {
				return "", 0, fmt.Errorf("store: one statement at a time: %q", query)
			}
		default:
			if skip = quoted(rest); skip == 0 {
				return "", 0, fmt.Errorf("store: a quote or comment without end: %q", query)
			}
		}
		b.WriteString(rest[:skip])
		rest = rest[skip:]
	}
}

// number reads the decimal digits at the start of s: their value, 0 if it is not a positive small number, and how many.
func number(s string) (n, digits int) {
	for digits < len(s) && '0' <= s[digits] && s[digits] <= '9' {
		digits++
	}
	n, err := strconv.Atoi(s[:digits])
	if err != nil || s[0] == '0' || n > 32766 { // SQLITE_MAX_VARIABLE_NUMBER
		return 0, digits
	}
	return n, digits
}

// quoted is the length of the string, identifier or comment at the start of s, 0 if it does not end. A minus or slash
// that begins no comment has length 1. A doubled quote reads as two strings in a row, which is as good.
func quoted(s string) int {
	start, end := s[:1], s[:1]
	switch {
	case strings.HasPrefix(s, "--"):
		start, end = "--", "\n"
	case strings.HasPrefix(s, "/*"):
		start, end = "/*", "*/"
	case start == "-" || start == "/":
		return 1
	}
	i := strings.Index(s[len(start):], end)
	switch {
	case i >= 0:
		return len(start) + i + len(end)
	case start == "--":
		return len(s)
	}
	return 0
}

func checkVerb(query string) error {
	fields := strings.Fields(query)
	if len(fields) == 0 {
		return errors.New("store: empty query")
	}
	switch verb := strings.ToUpper(strings.TrimRight(fields[0], ";")); verb {
	case "BEGIN", "START", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA", "SET", "ATTACH", "DETACH", "VACUUM":
		return fmt.Errorf("store: %s is the engine's", verb)
	}
	return nil
}
