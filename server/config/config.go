// Package config reads the settings of a broker: a TOML file with one section per struct of settings, the environment, and
// command-line flags, each over the one before.
//
// A struct of settings stands beside the code that obeys it. It holds its defaults when it is handed in; each field has a
// toml tag, which is its key, and a doc tag, which explains it to operators:
//
//	type Settings struct {
//		Listen []string      `toml:"listen" doc:"Addresses to listen at."`
//		Idle   time.Duration `toml:"idle" doc:"Time after which a silent peer is asked whether it is there."`
//	}
//
// Kinds are string, bool, int, float64, time.Duration (written "60s") and []string. Numbers and durations are not negative.
// A section or key that nobody knows is an error, so that a misspelt limit does not silently not exist.
//
// What is missing: tables inside sections, and settings that are secret: Print shows all.
package config

import (
	"fmt"
	"reflect"
	"regexp"
	"time"
)

// Section is a struct of settings under a name.
type Section struct {
	Name     string // lower-case letters and digits
	Title    string // a line that says what it is about; may be empty
	Settings any    // pointer to a struct that holds the defaults; what is read is written into it
}

// Set is all the settings of a program, each with its origin. It is used by one goroutine at a time.
type Set struct {
	sections []*section
}

type section struct {
	name, title string
	fields      []*field
}

// field is one setting.
type field struct {
	section, key, doc string

	value   reflect.Value // in the struct of settings
	initial any           // the default, as plain returns it
	origin  string        // empty for the default
}

// Setting tells of one setting.
type Setting struct {
	Section string `json:"section"`
	Key     string `json:"key"`
	Value   any    `json:"value"` // string, bool, int64, float64 or []string; a duration is a string
	Default any    `json:"default"`
	Origin  string `json:"origin"` // "default", "comity.toml:12", "environment COMITY_C2S_LISTEN", "flag --c2s"
	Doc     string `json:"doc"`
}

// Default is the origin of a setting that nothing has set.
const Default = "default"

var (
	sectionName = regexp.MustCompile(`^[a-z][a-z0-9]*$`) // no "_": environment variables are split there
	keyName     = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// New makes a set of sections, in the order in which they are printed. The error is for the programmer: a struct that does not
// keep to the rules of the package.
func New(sections ...Section) (*Set, error) {
	set := &Set{}
	for _, s := range sections {
		v := reflect.ValueOf(s.Settings)
		switch {
		case !sectionName.MatchString(s.Name) || set.section(s.Name) != nil:
			return nil, fmt.Errorf("config: section %q: bad name, or given twice", s.Name)
		case v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct:
			return nil, fmt.Errorf("config: section %s: %T is no pointer to a struct", s.Name, s.Settings)
		}
		sec := &section{name: s.Name, title: s.Title}
		for sf, fv := range v.Elem().Fields() {
			f := &field{section: s.Name, key: sf.Tag.Get("toml"), doc: sf.Tag.Get("doc"), value: fv}
			if err := f.check(sf); err != nil {
				return nil, err
			}
			if sec.field(f.key) != nil {
				return nil, fmt.Errorf("config: section %s: two settings %s", s.Name, f.key)
			}
			f.initial = f.plain()
			sec.fields = append(sec.fields, f)
		}
		set.sections = append(set.sections, sec)
	}
	return set, nil
}

// check tells whether a field can be a setting.
func (f *field) check(sf reflect.StructField) error {
	where := "config: section " + f.section + ": field " + sf.Name
	switch {
	case !sf.IsExported():
		return fmt.Errorf("%s: not exported", where)
	case !keyName.MatchString(f.key):
		return fmt.Errorf("%s: toml tag %q is no key", where, f.key)
	case f.doc == "":
		return fmt.Errorf("%s: no doc tag", where)
	}
	switch sf.Type {
	case typeString, typeBool, typeInt, typeFloat, typeDuration, typeStrings:
		return nil
	}
	return fmt.Errorf("%s: %s is no kind of setting", where, sf.Type)
}

var (
	typeString   = reflect.TypeFor[string]()
	typeBool     = reflect.TypeFor[bool]()
	typeInt      = reflect.TypeFor[int]()
	typeFloat    = reflect.TypeFor[float64]()
	typeDuration = reflect.TypeFor[time.Duration]()
	typeStrings  = reflect.TypeFor[[]string]()
)

func (s *Set) section(name string) *section {
	for _, sec := range s.sections {
		if sec.name == name {
			return sec
		}
	}
	return nil
}

func (sec *section) field(key string) *field {
	for _, f := range sec.fields {
		if f.key == key {
			return f
		}
	}
	return nil
}

// All lists every setting in the order of the sections and their structs.
func (s *Set) All() []Setting {
	var all []Setting
	for _, sec := range s.sections {
		for _, f := range sec.fields {
			all = append(all, f.tell())
		}
	}
	return all
}

// Get finds one setting.
func (s *Set) Get(sectionName, key string) (Setting, bool) {
	if sec := s.section(sectionName); sec != nil {
		if f := sec.field(key); f != nil {
			return f.tell(), true
		}
	}
	return Setting{}, false
}

func (f *field) tell() Setting {
	t := Setting{Section: f.section, Key: f.key, Value: f.plain(), Default: f.initial, Origin: f.origin, Doc: f.doc}
	if t.Origin == "" {
		t.Origin = Default
	}
	return t
}

// Changed lists, as "section.key", the settings whose value in other is not the one here.
func (s *Set) Changed(other *Set) []string {
	var names []string
	for _, t := range s.All() {
		o, ok := other.Get(t.Section, t.Key)
		if !ok || !reflect.DeepEqual(t.Value, o.Value) {
			names = append(names, t.Section+"."+t.Key)
		}
	}
	return names
}
