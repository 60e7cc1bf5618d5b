package form

import (
	"slices"
	"strconv"
	"strings"

	"github.com/comity-iot/comity/xmpp/form/xs"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// Values returns the values of the field, nil where it is absent.
func (f *Form) Values(v string) []string {
	if field := f.Field(v); field != nil {
		return field.Values
	}
	return nil
}

// String returns the value of the field, "" where it is absent. Several values are the lines of one text
// (XEP-0004#protocol-fieldtypes, text-multi).
func (f *Form) String(v string) string { return strings.Join(f.Values(v), "\n") }

// Bool returns the value of the field, or absent where it has none. The error is a stanza.NotAcceptable.
func (f *Form) Bool(v string, absent bool) (bool, error) {
	s := f.String(v)
	if s == "" {
		return absent, nil
	}
	b, err := xs.ParseBool(s)
	if err != nil {
		return false, notA("boolean", v)
	}
	return b, nil
}

// Int returns the value of the field, or absent where it has none. The error is a stanza.NotAcceptable.
func (f *Form) Int(v string, absent int64) (int64, error) {
	s := f.String(v)
	if s == "" {
		return absent, nil
	}
	n, err := xs.ParseInt(s, 64)
	if err != nil {
		return 0, notA("number", v)
	}
	return n, nil
}

// JID returns the value of the field, zero where it has none. The error is a stanza.NotAcceptable.
func (f *Form) JID(v string) (jid.JID, error) {
	s := f.String(v)
	if s == "" {
		return jid.JID{}, nil
	}
	j, err := jid.Parse(s)
	if err != nil {
		return jid.JID{}, notA("JID", v)
	}
	return j, nil
}

// JIDs returns the values of the field, each once and in their order: duplicates are ignored
// (XEP-0004#protocol-fieldtypes, jid-multi). The error is a stanza.NotAcceptable.
func (f *Form) JIDs(v string) ([]jid.JID, error) {
	var jids []jid.JID
	seen := make(map[jid.JID]bool)
	for _, s := range f.Values(v) {
		if s == "" {
			continue
		}
		j, err := jid.Parse(s)
		if err != nil {
			return nil, notA("JID", v)
		}
		if !seen[j] {
			seen[j] = true
			jids = append(jids, j)
		}
	}
	return jids, nil
}

// Set gives the field these values in place of its own. A field that is absent is added at the end, without a type.
func (f *Form) Set(v string, values ...string) {
	field := f.Field(v)
	if field == nil {
		f.Fields = append(f.Fields, Field{Var: v})
		field = &f.Fields[len(f.Fields)-1]
	}
	field.Values = slices.Clone(values)
}

// Bool returns the values of a boolean field.
func Bool(b bool) []string { return []string{strconv.FormatBool(b)} }

// Int returns the values of a number field.
func Int(n int64) []string { return []string{strconv.FormatInt(n, 10)} }

// Lines returns the values of a text-multi field: one for each line of s.
func Lines(s string) []string {
	return strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s), "\n")
}

func notA(what, v string) error {
	return stanza.NotAcceptable.With("%s: no %s", v, what)
}

func trim(s string) string { return strings.Trim(s, " \t\r\n") }
