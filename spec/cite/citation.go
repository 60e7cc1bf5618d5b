package main

import (
	"go/scanner"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// citation is a place that names a section of a document.
type citation struct {
	document string // "XEP-0198", "RFC 6120"
	section  string // an anchor of a XEP, a number of an RFC: "acking", "8.2.3"
	file     string // with slashes, below the root
	line     int
}

// What follows a name may be the end of a sentence, so an anchor ends with a letter or digit.
var (
	ofXEP = regexp.MustCompile(`(XEP-\d{4})#([\w.:-]*\w)`)
	ofRFC = regexp.MustCompile(`(RFC \d{4}),? §(\d+(?:\.\d+)*)`)
)

// cited finds the citations in a text that begins at a line of a file.
func cited(text, file string, line int) (all []citation) {
	for i, l := range strings.Split(text, "\n") {
		for _, pattern := range []*regexp.Regexp{ofXEP, ofRFC} {
			for _, m := range pattern.FindAllStringSubmatch(l, -1) {
				all = append(all, citation{m[1], m[2], file, line + i})
			}
		}
	}
	return all
}

// readCitations reads the comments of Go files and of transcripts, and the whole of guides and schemas.
func readCitations(root fs.FS) (all []citation, err error) {
	err = fs.WalkDir(root, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); name != "." && strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" {
				return fs.SkipDir
			}
			return nil
		}
		var of func(text, file string) []citation
		switch ext := path.Ext(file); {
		case ext == ".go":
			of = inGo
		case ext == ".txt" && path.Base(path.Dir(file)) == "transcripts":
			of = inTranscript
		case ext == ".md", ext == ".sql":
			of = func(text, file string) []citation { return cited(text, file, 1) }
		default:
			return nil
		}
		text, err := fs.ReadFile(root, file)
		if err != nil {
			return err
		}
		all = append(all, of(string(text), file)...)
		return nil
	})
	return all, err
}

func inGo(text, file string) (all []citation) {
	var s scanner.Scanner
	files := token.NewFileSet()
	s.Init(files.AddFile(file, -1, len(text)), []byte(text), nil, scanner.ScanComments)
	for {
		pos, tok, lit := s.Scan()
		switch tok {
		case token.EOF:
			return all
		case token.COMMENT:
			all = append(all, cited(lit, file, files.Position(pos).Line)...)
		}
	}
}

// inTranscript reads the lines that package spec/transcript takes for comments.
func inTranscript(text, file string) (all []citation) {
	for i, l := range strings.Split(text, "\n") {
		if strings.HasPrefix(l, "#") {
			all = append(all, cited(l, file, i+1)...)
		}
	}
	return all
}
