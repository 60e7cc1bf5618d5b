package store

import (
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// Migrations is the schema of one module, as it grew: files 001_what.sql, 002_….sql at the root of FS, in goose's format
// ("-- +goose Up" before the statements; no Down is needed). Files are only ever added, never changed once released.
//
//	//go:embed *.sql
//	var schema embed.FS
//	…store.Migrations{Name: "roster", FS: schema}
type Migrations struct {
	Name string // the module: lower-case ASCII letters
	FS   fs.FS
}

// Versions lists the numbers of the set's files, rising. It fails if the set is malformed or empty.
func (m Migrations) Versions() ([]int64, error) {
	if m.Name == "" || strings.Trim(m.Name, "abcdefghijklmnopqrstuvwxyz") != "" {
		return nil, fmt.Errorf("store: migrations: name %q is not [a-z]+", m.Name)
	}
	files, err := fs.Glob(m.FS, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("store: migrations of %s: %w", m.Name, err)
	}
	var versions []int64
	for _, file := range files {
		digits, _, ok := strings.Cut(file, "_")
		v, err := strconv.ParseInt(digits, 10, 64)
		if !ok || err != nil || v < 1 {
			return nil, fmt.Errorf("store: migrations of %s: %s is not named 001_what.sql", m.Name, file)
		}
		versions = append(versions, v)
	}
	slices.Sort(versions)
	if len(slices.Compact(versions)) != len(files) {
		return nil, fmt.Errorf("store: migrations of %s: two files with one number", m.Name)
	}
	if len(versions) == 0 {
		return nil, fmt.Errorf("store: migrations of %s: no files", m.Name)
	}
	return versions, nil
}
