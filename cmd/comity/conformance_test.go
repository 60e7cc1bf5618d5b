package main

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/comity-iot/comity/module/moduletest"
)

var update = flag.Bool("update", false, "write docs/conformance.md anew")

const (
	repository      = "../.." // of the repository
	conformanceFile = repository + "/docs/conformance.md"
)

// The guide to what is implemented says what the module list and the package comments say.
func TestConformance(t *testing.T) {
	want, err := conformance()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(conformanceFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(conformanceFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/conformance.md is out of date: go test ./cmd/comity -run TestConformance -update")
	}
}

const conformanceHead = `# What is implemented

This page is generated from the features' definitions and the comments of the packages:
%s

"Missing" is what a document demands or offers that is not there. What no line names is not implemented:
see the status table in the [README](../README.md).

## Documents that the broker implements

| document | version | feature | what it does | missing |
|---|---|---|---|---|
`

const conformancePackages = `
## The vocabulary and the core

What the features, things and programs are built on. A feature's own package is not repeated here.

| package | implements | missing |
|---|---|---|
`

// conformance writes the page.
func conformance() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, conformanceHead, "`go test ./cmd/comity -run TestConformance -update`.")
	for _, r := range specRows() {
		fmt.Fprintf(&b, "| %s | %s | `%s` | %s | %s |\n", r.id, r.version, r.feature, tableCell(r.title), tableCell(r.missing))
	}
	b.WriteString(conformancePackages)
	packages, err := packageComments("xmpp", "server", "iot", "xep", "thing")
	if err != nil {
		return nil, err
	}
	for _, p := range packages {
		fmt.Fprintf(&b, "| [%s](../%s) | %s | %s |\n", p.path, p.path, tableCell(p.first), tableCell(p.missing))
	}
	return b.Bytes(), nil
}

type specRow struct{ id, version, feature, title, missing string }

// specRows are the documents of all features: RFCs, then XEPs, then others, each in the order of their names.
func specRows() (rows []specRow) {
	for _, m := range modules() {
		for _, s := range m.Specs {
			rows = append(rows, specRow{s.ID, s.Version, m.Name, m.Title, s.Missing})
		}
	}
	kind := func(r specRow) int {
		return slices.IndexFunc([]string{"RFC ", "XEP-", ""}, func(prefix string) bool { return strings.HasPrefix(r.id, prefix) })
	}
	slices.SortStableFunc(rows, func(a, b specRow) int {
		return cmp.Or(cmp.Compare(kind(a), kind(b)), cmp.Compare(a.id, b.id))
	})
	return rows
}

// tableCell is text in a table of Markdown.
func tableCell(text string) string {
	return strings.NewReplacer("|", `\|`, "<", `\<`, "*", `\*`).Replace(text)
}

type packageComment struct{ path, first, missing string }

var (
	// document is what makes a package one for this page.
	aDocument = regexp.MustCompile(`\b(RFC|XEP-)\s?\d{4}\b`)
	// isMissing begins a paragraph, or a sentence in one, about what is left out.
	isMissing = regexp.MustCompile(`(?:^|\. )(?:Missing[,: ]|What is missing[: ]|Not here[: ])`)
)

// packageComments reads the comments of the packages in the folders that implement a document and are no features, in order of their
// paths.
func packageComments(folders ...string) (all []packageComment, err error) {
	features := map[string]bool{}
	for _, m := range modules() {
		features[m.Name] = true
	}
	for _, folder := range folders {
		err := fs.WalkDir(os.DirFS(repository), folder, func(dir string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case !d.IsDir():
				return nil
			case d.Name() == "testdata" || d.Name() == "internal":
				return fs.SkipDir
			case strings.HasSuffix(d.Name(), "test"): // packages for tests, such as streamtest
				return nil
			}
			text, err := packageDoc(dir)
			own := features[d.Name()] && !strings.HasPrefix(dir, "xmpp/")
			if err == nil && !own && aDocument.MatchString(text) {
				all = append(all, readComment(dir, text))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// packageDoc returns the comment of the package in a folder, empty where there is none.
func packageDoc(dir string) (string, error) {
	files, err := filepath.Glob(path.Join(repository, dir, "*.go"))
	if err != nil {
		return "", err
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			return "", err
		}
		if parsed.Doc != nil {
			return parsed.Doc.Text(), nil
		}
	}
	return "", nil
}

func readComment(dir, text string) packageComment {
	p := packageComment{path: dir}
	for i, paragraph := range strings.Split(text, "\n\n") {
		paragraph = strings.Join(strings.Fields(paragraph), " ")
		if i == 0 {
			p.first = strings.TrimPrefix(paragraph, "Package "+path.Base(dir)+" ")
			continue
		}
		if at := isMissing.FindStringIndex(paragraph); at != nil {
			p.missing = strings.TrimPrefix(paragraph[at[0]:], ". ")
		}
	}
	for _, words := range []string{"What is missing: ", "Missing: ", "Not here: "} {
		p.missing = strings.TrimPrefix(p.missing, words)
	}
	return p
}

// Every command, of the command line and of the broker's services, has a line in its guide.
func TestCommandsPage(t *testing.T) {
	text, err := os.ReadFile(repository + "/docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	page, seen := string(text), 0
	parser, err := kong.New(&cli{}, kong.Name("comity"), kong.NoDefaultHelp())
	if err != nil {
		t.Fatal(err)
	}
	for _, leaf := range parser.Model.Leaves(true) {
		if seen++; !strings.Contains(page, "| `"+leaf.FullPath()) {
			t.Errorf("nothing of %s", leaf.FullPath())
		}
	}
	for _, h := range moduletest.New(t, modules()...).Hooks {
		for _, c := range h.Commands {
			if seen++; !strings.Contains(page, "| `"+c.Node+"` |") {
				t.Errorf("nothing of the command %s at %s", c.Node, c.On)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d commands were seen", seen)
	}
}
