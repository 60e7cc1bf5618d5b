package config

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Error is a mistake of who wrote the settings.
type Error struct {
	Where string // "comity.toml:12", "environment COMITY_C2S_LISTEN", "flag --c2s"
	Text  string
}

// Error implements error.
func (e *Error) Error() string { return e.Where + ": " + e.Text }

// File takes the settings of a TOML document. name is what errors and origins call it. The error joins one *Error for each
// mistake; settings without a mistake are taken all the same.
func (s *Set) File(name string, document []byte) error {
	var values map[string]any
	if err := toml.Unmarshal(document, &values); err != nil {
		return syntax(name, err)
	}
	lines, err := keyLines(document)
	if err != nil {
		err := syntax(name, err)
		err.Text = "only sections such as [broker] stand at the top level, each once"
		return err
	}
	var errs []error
	for _, sec := range slices.SortedFunc(maps.Keys(values), lines.bySection) {
		if s.section(sec) == nil {
			errs = append(errs, &Error{lines.where(name, sec, lines.first(sec)), s.unknownSection(sec)})
			continue
		}
		table, _ := values[sec].(map[string]any) // keyLines refuses anything else
		byLine := func(a, b string) int { return lines[sec][a] - lines[sec][b] }
		for _, key := range slices.SortedFunc(maps.Keys(table), byLine) {
			if err := s.take(lines.where(name, sec, key), sec, key, table[key]); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

func syntax(name string, err error) *Error {
	var at *toml.DecodeError
	if !errors.As(err, &at) {
		return &Error{name, err.Error()}
	}
	line, _ := at.Position()
	return &Error{fmt.Sprintf("%s:%d", name, line), strings.TrimPrefix(at.Error(), "toml: ")}
}

func (s *Set) take(where, sec, key string, value any) error {
	f := s.section(sec).field(key)
	if f == nil {
		return &Error{where, s.unknownKey(sec, key)}
	}
	if err := f.decode(value); err != nil {
		return &Error{where, err.Error()}
	}
	f.origin = where
	return nil
}

// positions are the lines of a document's keys, by section and key.
type positions map[string]map[string]int

func (p positions) where(file, sec, key string) string {
	if line, ok := p[sec][key]; ok {
		return fmt.Sprintf("%s:%d", file, line)
	}
	return file
}

// first returns the key with which a section begins.
func (p positions) first(sec string) string {
	first := ""
	for key, line := range p[sec] {
		if first == "" || line < p[sec][first] {
			first = key
		}
	}
	return first
}

// bySection compares sections by where they begin.
func (p positions) bySection(a, b string) int { return p[a][p.first(a)] - p[b][p.first(b)] }

// keyLines finds where the keys are: decoded into tables that know no key, each is reported as one too many, with its line.
func keyLines(document []byte) (positions, error) {
	var nothing map[string]struct{}
	err := toml.NewDecoder(bytes.NewReader(document)).DisallowUnknownFields().Decode(&nothing)
	if err == nil {
		return nil, nil
	}
	var unknown *toml.StrictMissingError
	if !errors.As(err, &unknown) {
		return nil, err
	}
	lines := positions{}
	for _, e := range unknown.Errors {
		key := e.Key()
		if len(key) < 2 {
			continue
		}
		if lines[key[0]] == nil {
			lines[key[0]] = map[string]int{}
		}
		if _, ok := lines[key[0]][key[1]]; !ok { // of a table inside a section, the first
			lines[key[0]][key[1]], _ = e.Position()
		}
	}
	return lines, nil
}

// Environment takes the settings of environment variables ("KEY=value"): COMITY_C2S_LISTEN_TLS is listen_tls of the section c2s.
// The items of a list are separated by commas. Variables of other sections are left alone, for systems that run programs set some of
// their own (COMITY_SERVICE_HOST).
func (s *Set) Environment(environ []string) error {
	var errs []error
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		rest, ours := strings.CutPrefix(name, "COMITY_")
		sec, key, _ := strings.Cut(strings.ToLower(rest), "_")
		if !ours || s.section(sec) == nil {
			continue
		}
		errs = append(errs, s.PutText("environment "+name, sec, key, value))
	}
	return errors.Join(errs...)
}

// PutText is Put for a single text; the items of a list are separated by commas in it.
func (s *Set) PutText(where, sec, key, text string) error {
	if known := s.section(sec); known != nil {
		if f := known.field(key); f != nil && f.value.Type() == typeStrings {
			return s.Put(where, sec, key, strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })...)
		}
	}
	return s.Put(where, sec, key, text)
}

// Put takes one setting as text; a list may have any number of values. where is its origin: "flag --c2s". The error is an *Error.
func (s *Set) Put(where, sec, key string, values ...string) error {
	if s.section(sec) == nil {
		return &Error{where, s.unknownSection(sec)}
	}
	f := s.section(sec).field(key)
	if f == nil {
		return &Error{where, s.unknownKey(sec, key)}
	}
	if err := f.parse(values...); err != nil {
		return &Error{where, err.Error()}
	}
	f.origin = where
	return nil
}

// Apply lets change alter the structs, and gives what it altered the origin where.
func (s *Set) Apply(where string, change func()) {
	before := s.All()
	change()
	for i, t := range s.All() {
		if !reflect.DeepEqual(t.Value, before[i].Value) {
			s.section(t.Section).field(t.Key).origin = where
		}
	}
}
