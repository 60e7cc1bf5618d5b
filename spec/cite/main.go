// Command cite checks the citations in this repository, such as "XEP-0198#acking" in a comment, and lists which documents and
// sections are cited.
//
//	go run ./spec/cite                   against spec/anchors.txt
//	go run ./spec/cite -xeps FOLDER      writes spec/anchors.txt anew first, from the sources of the XEPs (github.com/xsf/xeps)
//
// A citation of a section that its document does not have is an error: the sections of a XEP are named by its own anchors.
// Missing: whether the sections of RFCs exist, which are listed only; and citations that are cut by the end of a line.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// listFile is where the anchors are kept, below the root of the repository.
const listFile = "spec/anchors.txt"

func main() {
	root := flag.String("root", ".", "`folder` of the repository")
	xeps := flag.String("xeps", "", "`folder` of the XEPs' sources, to write "+listFile+" anew")
	flag.Parse()
	if err := run(*root, *xeps, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "cite:", err)
		os.Exit(1)
	}
}

func run(root, xeps string, out io.Writer) error {
	list := filepath.Join(root, filepath.FromSlash(listFile))
	if xeps != "" {
		docs, err := readSources(os.DirFS(xeps))
		if err != nil {
			return err
		}
		if err := os.WriteFile(list, docs.text(), 0o644); err != nil {
			return err
		}
	}
	text, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	docs, err := parseList(string(text))
	if err != nil {
		return err
	}
	all, err := readCitations(os.DirFS(root))
	if err != nil {
		return err
	}
	summary(out, docs, all)
	return errors.Join(docs.check(all)...)
}

// summary prints each document that is cited, with its sections and how often each is.
func summary(out io.Writer, docs documents, all []citation) {
	count := map[string]map[string]int{}
	for _, c := range all {
		if count[c.document] == nil {
			count[c.document] = map[string]int{}
		}
		count[c.document][c.section]++
	}
	for _, name := range sorted(count) {
		fmt.Fprintln(out, strings.TrimSpace(name+" "+docs[name].version))
		for _, section := range sorted(count[name]) {
			fmt.Fprintf(out, "%6d  %s\n", count[name][section], section)
		}
	}
	fmt.Fprintf(out, "%d citations of %d documents\n", len(all), len(count))
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
