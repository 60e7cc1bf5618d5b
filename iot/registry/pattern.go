package registry

import (
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/comity-iot/comity/xmpp/stanza"
)

// maxProgram bounds the instructions that a regular expression is compiled to [ours]. A match takes time in proportion to
// them and to the length of the value.
const maxProgram = 480

// compileRegEx compiles an expression that is to match the whole value. What it costs is known before it is compiled.
func compileRegEx(expr string) (func(string) bool, error) {
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, stanza.BadRequest.With("no regular expression of RE2")
	}
	if size(tree) > maxProgram {
		return nil, stanza.BadRequest.With("the regular expression is too large")
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, stanza.BadRequest.With("no regular expression of RE2")
	}
	// If the whole value matches, then the leftmost-longest match is the whole value. Anchors written around the
	// expression could be undone by what is in it.
	re.Longest()
	return func(s string) bool {
		m := re.FindStringIndex(s)
		return m != nil && m[0] == 0 && m[1] == len(s)
	}, nil
}

// size estimates the instructions that an expression is compiled to. It stops where there are too many.
func size(re *syntax.Regexp) int {
	n := 1 + len(re.Rune)
	if re.Op == syntax.OpCharClass {
		n = 1
	}
	for _, sub := range re.Sub {
		n += size(sub)
		if n > maxProgram {
			return n
		}
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Min, re.Max, 1) // syntax refuses counts above 1000
	}
	return n
}

// mask is a folded text cut at its wildcards.
type mask []string

func newMask(text, wildcard string) mask {
	m := mask(strings.Split(text, wildcard))
	for i := range m {
		m[i] = Fold(m[i])
	}
	return m
}

// match reports whether a folded text is the mask's parts with anything between them. Each part is taken where it is
// found first, which leaves the most for those behind: no backtracking.
func (m mask) match(s string) bool {
	if len(m) == 1 {
		return s == m[0]
	}
	first, last := m[0], m[len(m)-1]
	if !strings.HasPrefix(s, first) {
		return false
	}
	s = s[len(first):]
	for _, part := range m[1 : len(m)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return strings.HasSuffix(s, last)
}
