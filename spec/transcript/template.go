package transcript

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// template is text with values in it: literals and references, in turn.
type template []piece

type piece struct {
	literal string
	value   string // name of a value; empty for a literal
	raw     bool   // not to be escaped
}

// Names with a meaning of their own in what is received.
const (
	anyValue  = "any"
	moreValue = "more"
)

var reference = regexp.MustCompile(`\{(!?)([a-z][a-zA-Z0-9./_-]*)\}`)

// parseTemplate finds the references. Braces around anything else are text.
func parseTemplate(text string) (template, error) {
	var t template
	at := 0
	for _, m := range reference.FindAllStringSubmatchIndex(text, -1) {
		if m[0] > at {
			t = append(t, piece{literal: text[at:m[0]]})
		}
		name := text[m[4]:m[5]]
		if name == anyValue || name == moreValue {
			return nil, fmt.Errorf("{%s} is for what is received", name)
		}
		t = append(t, piece{value: name, raw: m[2] != m[3]})
		at = m[1]
	}
	if at < len(text) {
		t = append(t, piece{literal: text[at:]})
	}
	return t, nil
}

// values are what references stand for.
type values map[string]string

// fill returns the text, with values made fit to stand in XML where escape says so.
func (t template) fill(v values, escape bool) (string, error) {
	var b strings.Builder
	for _, p := range t {
		if p.value == "" {
			b.WriteString(p.literal)
			continue
		}
		text, ok := v[p.value]
		if !ok {
			return "", fmt.Errorf("{%s} has no value yet", p.value)
		}
		if escape && !p.raw {
			text = string(xmlstream.AppendEscaped(nil, text))
			text = strings.NewReplacer("'", "&apos;", `"`, "&quot;").Replace(text)
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

// match compares a value with text that may hold references, and binds those without a value. A reference takes as little as it can.
func (v values) match(text, value string) (values, bool) {
	refs := reference.FindAllStringSubmatchIndex(text, -1)
	if refs == nil {
		return nil, text == value
	}
	var form strings.Builder
	var names []string
	at := 0
	for _, m := range refs {
		form.WriteString(regexp.QuoteMeta(text[at:m[0]]))
		name := text[m[4]:m[5]]
		at = m[1]
		switch known, ok := v[name]; {
		case name == anyValue:
			form.WriteString(`.*?`)
		case ok:
			form.WriteString(regexp.QuoteMeta(known))
		default:
			names = append(names, name)
			form.WriteString(`(.+?)`)
		}
	}
	form.WriteString(regexp.QuoteMeta(text[at:]))
	found := regexp.MustCompile(`(?s)\A` + form.String() + `\z`).FindStringSubmatch(value)
	if found == nil {
		return nil, false
	}
	bound := values{}
	for i, name := range names {
		if earlier, ok := bound[name]; ok && earlier != found[i+1] {
			return nil, false
		}
		bound[name] = found[i+1]
	}
	return bound, true
}
