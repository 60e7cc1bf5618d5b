package main

import (
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
)

// Every section that this repository cites exists.
func TestCitations(t *testing.T) {
	var out strings.Builder
	if err := run("../..", "", &out); err != nil {
		t.Errorf("%v\nA document that is newer than the list: go run ./spec/cite -xeps FOLDER", err)
	}
	if !strings.Contains(out.String(), "XEP-0198 ") || !strings.Contains(out.String(), "RFC 6121\n") {
		t.Errorf("is this the root of the project?\n%s", out.String())
	}
}

func TestReadCitations(t *testing.T) {
	root := fstest.MapFS{
		"a/a.go": {Data: []byte("package a\n\n// A is XEP-0004#protocol-field.\nconst A = \"XEP-0004#in-a-text\" // RFC 6121 §8.5.2.1, RFC 6120, §4.9 too\n" +
			"/* XEP-0030#info\nXEP-0030#items, and so on */\n")},
		"spec/transcripts/t.txt":  {Data: []byte("# XEP-0199#c2s: a ping.\nalice sends: XEP-0199#not\n")},
		"notes.txt":               {Data: []byte("# XEP-0001#not\n")},
		"x/testdata/x.go":         {Data: []byte("package x // XEP-0001#not\n")},
		".git/HEAD.md":            {Data: []byte("XEP-0001#not\n")},
		"docs/guide.md":           {Data: []byte("See\n`XEP-0280#enabling`.\n")},
		"a/migrations/001_a.sql":  {Data: []byte("-- XEP-0191#block\n")},
		"a/migrations/002_a.toml": {Data: []byte("# XEP-0001#not\n")},
	}
	got, err := readCitations(root)
	if err != nil {
		t.Fatal(err)
	}
	want := []citation{
		{"XEP-0004", "protocol-field", "a/a.go", 3},
		{"RFC 6121", "8.5.2.1", "a/a.go", 4},
		{"RFC 6120", "4.9", "a/a.go", 4},
		{"XEP-0030", "info", "a/a.go", 5},
		{"XEP-0030", "items", "a/a.go", 6},
		{"XEP-0191", "block", "a/migrations/001_a.sql", 1},
		{"XEP-0280", "enabling", "docs/guide.md", 2},
		{"XEP-0199", "c2s", "spec/transcripts/t.txt", 1},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

const source = `<?xml version='1.0' encoding='UTF-8'?>
<!DOCTYPE xep SYSTEM 'xep.dtd' [
  <!ENTITY % ents SYSTEM 'xep.ent'>
%ents;
]>
<xep><header><title>A &lt; B</title>&LEGALNOTICE;
  <revision><version>1.2.3</version></revision><revision><version>1.0</version></revision></header>
<section1 topic='Use' anchor='use'><section2 topic='Again' anchor='again'><table anchor='no'/></section2><section2 topic='None'/></section1>
</xep>`

// What is made of the sources is what is read from the list.
func TestSources(t *testing.T) {
	folder := fstest.MapFS{
		"xep-0001.xml":     {Data: []byte(source)},
		"xep-0002.xml":     {Data: []byte("<xep><header><revision><version>1</version></revision></header></xep>")},
		"xep-template.xml": {Data: []byte("<")},
	}
	docs, err := readSources(folder)
	if want := (documents{"XEP-0001": {"1.2.3", []string{"again", "use"}}}); err != nil || !reflect.DeepEqual(docs, want) {
		t.Fatalf("got %v, %v, want %v", docs, err, want)
	}
	if again, err := parseList(string(docs.text())); err != nil || !reflect.DeepEqual(again, docs) {
		t.Errorf("got %v, %v", again, err)
	}
	if _, err := parseList("XEP-0001 1.0\n"); err == nil {
		t.Error("a line without anchors passes")
	}
	if _, err := readSources(fstest.MapFS{}); err == nil {
		t.Error("an empty folder passes")
	}
	if _, err := readSources(fstest.MapFS{"xep-0001.xml": {Data: []byte("<a <b")}}); err == nil {
		t.Error("a broken source passes")
	}
}

func TestCheck(t *testing.T) {
	docs := documents{"XEP-0001": {"1.0", []string{"again", "use"}}}
	errs := docs.check([]citation{
		{"XEP-0001", "use", "a.go", 1}, {"XEP-0001", "usage", "a.go", 2}, {"XEP-9999", "use", "b.go", 3}, {"RFC 6120", "99", "c.go", 4},
	})
	want := []string{"a.go:2: XEP-0001 has no section #usage, only again, use", "b.go:3: there is no XEP-9999"}
	if len(errs) != len(want) {
		t.Fatalf("got %v", errs)
	}
	for i := range want {
		if errs[i].Error() != want[i] {
			t.Errorf("got %v, want %s", errs[i], want[i])
		}
	}
}

// The command writes the list and fails at what it does not have.
func TestRun(t *testing.T) {
	root, xeps := t.TempDir(), t.TempDir()
	put := func(file, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(filepath.Join(xeps, "xep-0001.xml"), source)
	put(filepath.Join(root, "spec", "a.go"), "package a // XEP-0001#use\n")
	if err := run(root, "", io.Discard); err == nil {
		t.Error("passes without a list")
	}
	var out strings.Builder
	if err := run(root, xeps, &out); err != nil {
		t.Fatal(err)
	}
	if want := "XEP-0001 1.2.3\n     1  use\n1 citations of 1 documents\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	put(filepath.Join(root, "b.go"), "package b // XEP-0001#misuse\n")
	if err := run(root, "", io.Discard); err == nil || !strings.Contains(err.Error(), "b.go:1:") {
		t.Errorf("got %v", err)
	}
}
