package transcript

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Limits of a file, so that nothing that looks like one can take long to read.
const (
	maxFile  = 1 << 20
	maxSteps = 10_000
)

var (
	nameForm = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	citation = regexp.MustCompile(`^(RFC \d+ §[0-9A-Z.]+|XEP-\d{4}#[\w-]+|[A-Za-z-]+\.md "[^"]+")`)
)

// line is a line with those that continue it.
type line struct {
	number int
	text   string
	more   []string // trimmed
}

// joined returns all of the line. Between tags nothing is put; else a line break is a space, as between attributes.
func (l line) joined() string {
	text := l.text
	for _, m := range l.more {
		if !strings.HasSuffix(text, ">") || !strings.HasPrefix(m, "<") {
			text += " "
		}
		text += m
	}
	return text
}

// Parse reads a transcript. The error names the line.
func Parse(name string, src []byte) (*File, error) {
	f := &File{Name: name}
	fail := func(n int, err error) (*File, error) { return nil, fmt.Errorf("%s:%d: %w", name, n, err) }
	if len(src) > maxFile {
		return fail(1, errors.New("file too large"))
	}
	lines, err := f.lines(string(src))
	if err != nil {
		return nil, err
	}
	for _, l := range lines {
		key, words, ok := strings.Cut(l.joined(), ":")
		if len(f.steps) == 0 && ok && nameForm.MatchString(key) {
			if err := f.header(key, strings.Fields(words)); err != nil {
				return fail(l.number, err)
			}
			continue
		}
		if len(f.steps) == maxSteps {
			return fail(l.number, errors.New("too many steps"))
		}
		a, err := f.parseStep(l)
		if err != nil {
			return fail(l.number, err)
		}
		f.steps = append(f.steps, step{l.number, l.joined(), a})
	}
	switch {
	case len(f.Cites) == 0:
		return fail(1, errors.New(`no comment cites a document, as in "# RFC 6121 §3.1: title"`))
	case len(f.steps) == 0:
		return fail(1, errors.New("no steps"))
	}
	return f, nil
}

// lines cuts the text into lines with their continuations, and takes what comments say.
func (f *File) lines(text string) ([]line, error) {
	var all []line
	for i, raw := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(raw)
		switch {
		case trimmed == "":
		case strings.HasPrefix(trimmed, "#"):
			f.comment(strings.TrimSpace(trimmed[1:]))
		case raw[0] == ' ' || raw[0] == '\t':
			if len(all) == 0 {
				return nil, fmt.Errorf("%s:%d: continues nothing", f.Name, i+1)
			}
			last := &all[len(all)-1]
			last.more = append(last.more, trimmed)
		default:
			all = append(all, line{number: i + 1, text: trimmed})
		}
	}
	return all, nil
}

func (f *File) comment(text string) {
	if f.Title == "" {
		f.Title = text
	}
	for c := citation.FindString(text); c != ""; c = citation.FindString(text) {
		c = strings.TrimRight(c, ".")
		if !slices.Contains(f.Cites, c) {
			f.Cites = append(f.Cites, c)
		}
		_, text, _ = strings.Cut(text, c)
		text = strings.TrimLeft(text, ", ")
	}
}

func (f *File) header(key string, words []string) error {
	switch key {
	case "accounts":
		return f.names(&f.Accounts, words)
	case "unused":
		return f.names(&f.Unused, words)
	case "keys":
		for _, w := range words {
			name, limit, _ := strings.Cut(w, "=")
			n, err := strconv.Atoi(limit)
			if err != nil || !nameForm.MatchString(name) {
				return fmt.Errorf(`%q is no key, as in "maker=2"`, w)
			}
			f.Keys = append(f.Keys, Key{name, n})
		}
		return nil
	case "each":
		if len(f.Each) > 0 || len(words) < 2 || !nameForm.MatchString(words[0]) {
			return errors.New("each needs a name and values, once")
		}
		f.Each = words
		return nil
	case "needs":
		switch {
		case len(words) == 1:
			f.Needs = append(f.Needs, Need{Feature: words[0]})
		case len(words) == 3 && words[1] == "at":
			f.Needs = append(f.Needs, Need{Feature: words[0], At: words[2]})
		default:
			return errors.New(`needs one feature, and "at" an address`)
		}
		return nil
	}
	return fmt.Errorf("no key %q of a header", key)
}

func (f *File) names(into *[]string, words []string) error {
	for _, w := range words {
		if !nameForm.MatchString(w) || isRaw(w) || slices.Contains(f.Accounts, w) || slices.Contains(f.Unused, w) {
			return fmt.Errorf("%q cannot be a name, or is one already", w)
		}
		*into = append(*into, w)
	}
	return nil
}
