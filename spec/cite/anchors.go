package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// document is what there is to cite of a XEP.
type document struct {
	version string
	anchors []string // of its sections, sorted
}

// documents are XEPs by their names, "XEP-0198".
type documents map[string]document

// check returns an error for each citation of a section that is not there. RFCs are not looked at.
func (docs documents) check(all []citation) (errs []error) {
	for _, c := range all {
		doc, known := docs[c.document]
		switch {
		case !strings.HasPrefix(c.document, "XEP-"):
		case !known:
			errs = append(errs, fmt.Errorf("%s:%d: there is no %s", c.file, c.line, c.document))
		case !slices.Contains(doc.anchors, c.section):
			errs = append(errs, fmt.Errorf("%s:%d: %s has no section #%s, only %s",
				c.file, c.line, c.document, c.section, strings.Join(doc.anchors, ", ")))
		}
	}
	return errs
}

const listTitle = "# The anchors of the XEPs' sections, by document and version. Generated: go run ./spec/cite -xeps FOLDER\n"

// text is the list as a file: a document on a line, its version and its anchors.
func (docs documents) text() []byte {
	var b bytes.Buffer
	b.WriteString(listTitle)
	for _, name := range sorted(docs) {
		fmt.Fprintf(&b, "%s %s %s\n", name, docs[name].version, strings.Join(docs[name].anchors, " "))
	}
	return b.Bytes()
}

func parseList(text string) (documents, error) {
	docs := documents{}
	for i, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || strings.HasPrefix(line, "#"):
		case len(words) < 3:
			return nil, fmt.Errorf("%s:%d: a line is a document, its version and its anchors", listFile, i+1)
		default:
			docs[words[0]] = document{words[1], words[2:]}
		}
	}
	return docs, nil
}

var sourceFile = regexp.MustCompile(`^xep-(\d{4})\.xml$`)

// readSources reads all XEPs of a folder. Those without an anchor, the oldest, are left out.
func readSources(folder fs.FS) (documents, error) {
	files, err := fs.ReadDir(folder, ".")
	if err != nil {
		return nil, err
	}
	docs := documents{}
	for _, f := range files {
		m := sourceFile.FindStringSubmatch(f.Name())
		if m == nil {
			continue
		}
		text, err := fs.ReadFile(folder, f.Name())
		if err != nil {
			return nil, err
		}
		doc, err := readSource(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		if len(doc.anchors) > 0 {
			docs["XEP-"+m[1]] = doc
		}
	}
	if len(docs) == 0 {
		return nil, errors.New("no XEPs in this folder")
	}
	return docs, nil
}

// readSource reads a XEP. The first version that it names is its own: the revisions begin with the newest.
func readSource(text []byte) (document, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.Strict = false                                                                     // entities are declared in files beside it
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // names are ASCII in all of them
	var doc document
	for {
		t, err := d.RawToken()
		if err == io.EOF {
			slices.Sort(doc.anchors)
			doc.anchors = slices.Compact(doc.anchors)
			return doc, nil
		}
		if err != nil {
			return doc, err
		}
		start, ok := t.(xml.StartElement)
		switch {
		case !ok:
		case start.Name.Local == "version" && doc.version == "":
			if v, ok := next(d).(xml.CharData); ok {
				doc.version = strings.TrimSpace(string(v))
			}
		case strings.HasPrefix(start.Name.Local, "section"):
			for _, a := range start.Attr {
				if a.Name.Local == "anchor" {
					doc.anchors = append(doc.anchors, a.Value)
				}
			}
		}
	}
}

// next returns the next token, nil where there is none.
func next(d *xml.Decoder) xml.Token {
	t, err := d.RawToken()
	if err != nil {
		return nil
	}
	return t
}
