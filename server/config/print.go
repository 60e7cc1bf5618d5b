package config

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// width is where comments are wrapped.
const width = 100

// Print writes the set as an annotated TOML document: each setting with its explanation; what is not the default with its
// origin; and a default as a comment, so that the document, read again, sets what was set and nothing else.
func (s *Set) Print(w io.Writer) error {
	var b bytes.Buffer
	comment(&b, `A line such as "#key = value" shows a default. To change it, take the "#" away. Times are written "90s", "5m" or "24h".`)
	for _, sec := range s.sections {
		b.WriteByte('\n')
		if sec.title != "" {
			comment(&b, sec.title)
		}
		fmt.Fprintf(&b, "[%s]\n", sec.name)
		for _, f := range sec.fields {
			if err := f.print(&b); err != nil {
				return err
			}
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (f *field) print(b *bytes.Buffer) error {
	value, err := f.line(f.plain())
	if err != nil {
		return err
	}
	b.WriteByte('\n')
	comment(b, f.doc)
	if f.origin == "" {
		fmt.Fprintf(b, "#%s\n", value)
		return nil
	}
	from := "From " + f.origin
	if !reflect.DeepEqual(f.plain(), f.initial) {
		initial, err := f.line(f.initial)
		if err != nil {
			return err
		}
		from += "; the default is " + strings.TrimPrefix(initial, f.key+" = ")
	}
	comment(b, from+".")
	fmt.Fprintln(b, value)
	return nil
}

// line writes "key = value".
func (f *field) line(value any) (string, error) {
	text, err := toml.Marshal(map[string]any{f.key: value})
	return strings.TrimSpace(string(text)), err
}

// comment writes text in lines of a bearable width.
func comment(b *bytes.Buffer, text string) {
	column := 0
	for _, word := range strings.Fields(text) {
		switch {
		case column == 0:
			b.WriteString("# ")
		case column+len(word) > width:
			b.WriteString("\n# ")
			column = 0
		default:
			b.WriteByte(' ')
		}
		b.WriteString(word)
		column += len(word) + 1
	}
	b.WriteByte('\n')
}
