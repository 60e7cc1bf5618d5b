package docs

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// block is a fenced piece of a page.
type block struct {
	lang  string
	line  int // of its first line of text
	text  string
	notes notes
}

// notes say how a block of commands is run. They stand in a comment before it, which readers of the page do not see:
//
//	<!-- test: background ready="ready" -->
type notes struct {
	background bool     // goes on while the rest of the page is run
	ready      string   // a line of its output that begins so ends the wait for it
	stopped    bool     // what goes on in the background is stopped first
	expect     []string // its output has these
	exit       int      // the code that it ends with
	from       string   // a file that has the block, for what is not commands
}

var (
	fence = regexp.MustCompile("^```(\\w*)$")
	note  = regexp.MustCompile(`^<!-- test: (.*) -->$`)
	word  = regexp.MustCompile(`^(\w+)(?:="([^"]*)")?(?: |$)`)
)

// parse finds the blocks of a page.
func parse(page string) (blocks []block, err error) {
	var in *block
	var next notes
	for i, line := range strings.Split(page, "\n") {
		m := fence.FindStringSubmatch(line)
		switch {
		case in != nil && line == "```":
			blocks = append(blocks, *in)
			in = nil
		case in != nil:
			in.text += line + "\n"
		case m != nil:
			in = &block{lang: m[1], line: i + 2, notes: next}
			next = notes{}
		case strings.HasPrefix(line, "```"):
			return nil, fmt.Errorf("line %d: what is %s?", i+1, line)
		case note.MatchString(line):
			if next, err = parseNotes(note.FindStringSubmatch(line)[1]); err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
		case line != "" && !reflect.DeepEqual(next, notes{}):
			return nil, fmt.Errorf("line %d: a block has to follow its notes", i+1)
		}
	}
	if in != nil {
		return nil, fmt.Errorf("line %d: the block does not end", in.line)
	}
	return blocks, nil
}

func parseNotes(text string) (n notes, err error) {
	for text != "" {
		m := word.FindStringSubmatch(text)
		if m == nil {
			return n, fmt.Errorf("what is %s?", text)
		}
		text = text[len(m[0]):]
		switch m[1] {
		case "background":
			n.background = true
		case "ready":
			n.ready = m[2]
		case "stopped":
			n.stopped = true
		case "expect":
			n.expect = append(n.expect, m[2])
		case "exit":
			_, err = fmt.Sscan(m[2], &n.exit)
		case "from":
			n.from = m[2]
		default:
			err = fmt.Errorf("what is %s?", m[1])
		}
		if err != nil {
			return n, err
		}
	}
	if n.background != (n.ready != "") {
		return n, fmt.Errorf("what goes on in the background is ready at some time")
	}
	return n, nil
}

func TestParse(t *testing.T) {
	const page = "# A\n\n<!-- test: background ready=\"ready \" expect=\"a b\" expect=\"c\" -->\n\n```sh\ncomity serve\n# go on\n```\n\n```text\nx\n```\n" +
		"<!-- test: exit=\"4\" -->\n```console\n$ false\n```\n"
	got, err := parse(page)
	want := []block{
		{"sh", 6, "comity serve\n# go on\n", notes{background: true, ready: "ready ", expect: []string{"a b", "c"}}},
		{"text", 11, "x\n", notes{}},
		{"console", 15, "$ false\n", notes{exit: 4}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
	for _, bad := range []string{
		"```sh\nx\n", "```sh x\n```\n", "<!-- test: skip -->\n", "<!-- test: exit=\"x\" -->\n", "<!-- test: expect=\"x -->\n",
		"<!-- test: background -->\n", "<!-- test: expect=\"x\" -->\ntext\n```sh\n```\n",
	} {
		if b, err := parse(bad); err == nil {
			t.Errorf("%q passes: %+v", bad, b)
		}
	}
}

// step is a command and the output that the page shows for it, nil where it shows none.
type step struct {
	command string
	output  []string
}

// steps are the commands of a block: all of a script, or those behind a "$ " with the output below each.
func (b block) steps() (steps []step, err error) {
	if b.lang == "sh" {
		return []step{{command: b.text}}, nil
	}
	for _, line := range strings.Split(strings.TrimSuffix(b.text, "\n"), "\n") {
		command, ok := strings.CutPrefix(line, "$ ")
		switch {
		case ok:
			steps = append(steps, step{command: command, output: []string{}})
		case len(steps) == 0:
			return nil, fmt.Errorf("line %d: a session begins with \"$ command\"", b.line)
		default:
			last := &steps[len(steps)-1]
			last.output = append(last.output, line)
		}
	}
	return steps, nil
}

// match reports whether an output is the one shown, where "…" stands for anything in a line, and on its own for any lines. A $NAME
// stands for a word that the rest of the page uses under this name.
func match(shown []string, output string) (words map[string]string, ok bool) {
	var pattern strings.Builder
	for _, line := range shown {
		if line == "…" {
			pattern.WriteString(`(?:.*\n)*`)
			continue
		}
		line = strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*")
		pattern.WriteString(variable.ReplaceAllString(line, `(?P<$1>\S+)`) + `[ \t]*\n`)
	}
	if output != "" && !strings.HasSuffix(output, "\n") {
		output += "\n"
	}
	whole := regexp.MustCompile("^" + pattern.String() + "$")
	found := whole.FindStringSubmatch(output)
	if found == nil {
		return nil, false
	}
	words = map[string]string{}
	for i, name := range whole.SubexpNames() {
		if name != "" {
			words[name] = found[i]
		}
	}
	return words, true
}

// variable is a name in a pattern, where the $ is quoted.
var variable = regexp.MustCompile(`\\\$([A-Z_]+)`)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		shown  []string
		output string
		want   bool
	}{
		{nil, "", true},
		{nil, "x\n", false},
		{[]string{"x (y)"}, "x (y)", true},
		{[]string{"x"}, "x\ny\n", false},
		{[]string{"x", "…"}, "x\ny\nz\n", true},
		{[]string{"x", "…", "z"}, "x\nz\n", true},
		{[]string{"x…z"}, "xyz\n", true},
		{[]string{"x…z"}, "x\nz\n", false},
		{[]string{"a $NAME b"}, "a x b\n", true},
		{[]string{"a $NAME b"}, "a x y b\n", false},
	} {
		words, ok := match(c.shown, c.output)
		if ok != c.want || ok && strings.Contains(fmt.Sprint(c.shown), "NAME") && words["NAME"] != "x" {
			t.Errorf("%q against %q: %v, %v", c.shown, c.output, words, ok)
		}
	}
}
