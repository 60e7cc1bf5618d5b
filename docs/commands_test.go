// Package docs has the guides. Its tests run every command that they and the README show, in the order of each page, with the
// comity of this source; look after the links between them; and hold Go code that they show against the file it is from.
package docs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = ".." // of the repository

// programs is the folder that has comity.
var programs string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if programs, err = os.MkdirTemp("", "docs-"); err == nil {
			defer os.RemoveAll(programs)
			err = build(programs)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// pages are the README, the other guides at the root, and all of this folder.
func pages(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(root + "/*.md")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(file) == ".md" {
			files = append(files, file)
		}
		return err
	})
	if err != nil || len(files) < 5 {
		t.Fatalf("pages %q, %v", files, err)
	}
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Each block of commands does what the page says.
func TestCommands(t *testing.T) {
	commands := 0
	for _, file := range pages(t) {
		blocks, err := parse(read(t, file))
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		for _, b := range blocks {
			switch b.lang {
			case "":
				t.Errorf("%s:%d: say what the block is: sh, console, text, …", file, b.line-1)
			case "sh", "console":
				commands++
			}
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			runAll(t, file, blocks)
		})
	}
	if commands < 20 {
		t.Errorf("only %d blocks of commands were found", commands)
	}
}

func runAll(t *testing.T, file string, blocks []block) {
	sh := newShell(t)
	for _, b := range blocks {
		if b.lang != "sh" && b.lang != "console" {
			continue
		}
		if err := sh.run(b); err != nil {
			t.Fatalf("%s:%d: %v", file, b.line, err) // what follows builds on it
		}
	}
}

// translate makes a script of the repository's root one of any folder. What would run these tests again is not run but held against
// the Makefile.
func translate(script string) (string, error) {
	lines := strings.Split(script, "\n")
	for i, line := range lines {
		switch {
		case line == "go build -o comity ./cmd/comity":
			lines[i] = `cp "$(command -v comity)" comity` // which was built so
		case strings.HasPrefix(line, "make "), strings.HasPrefix(line, "go test "):
			if err := inMakefile(line); err != nil {
				return "", err
			}
			lines[i] = ":"
		default:
			lines[i] = goRun.ReplaceAllString(line, "$1")
		}
	}
	return strings.Join(lines, "\n"), nil
}

var goRun = regexp.MustCompile(`\bgo run \./(?:cmd|examples)/(\w+)`)

// inMakefile reports a command that is neither a target of the Makefile nor what one runs, and what the checks of each change do not run.
func inMakefile(command string) error {
	makefile, err := os.ReadFile(root + "/Makefile")
	if err != nil {
		return err
	}
	checks, err := os.ReadFile(root + "/.ci/run")
	if err != nil {
		return err
	}
	wanted := "\n\t" + strings.Replace(command, "go ", "$(GO) ", 1) + "\n"
	if target, ok := strings.CutPrefix(command, "make "); ok {
		wanted = "\n" + target + ":"
	}
	if !strings.Contains(string(makefile), wanted) {
		return fmt.Errorf("the Makefile knows nothing of %q", command)
	}
	if !regexp.MustCompile(`(?m)^step \d+ ` + regexp.QuoteMeta(command) + `$`).Match(checks) {
		return fmt.Errorf(".ci/run does not run %q", command)
	}
	return nil
}

func TestTranslate(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		{"go run ./cmd/comity version", "comity version"},
		{"A=b go run ./examples/lamp", "A=b lamp"},
		{"go build -o comity ./cmd/comity\n./comity version", "cp \"$(command -v comity)\" comity\n./comity version"},
		{"go test ./...", ":"},
		{"make check", ":"},
		{"make dance", ""},
		{"make fmt", ""}, // a part of check
		{"go test ./xmpp/...", ""},
	} {
		if got, err := translate(c.script); got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%q becomes %q, %v, want %q", c.script, got, err, c.want)
		}
	}
}

// A shell that does not notice what goes wrong would make TestCommands pass.
func TestShell(t *testing.T) {
	for _, c := range []struct {
		block block
		want  bool
	}{
		{block{lang: "sh", text: "echo a\n"}, true},
		{block{lang: "sh", text: "false\necho a\n"}, false},
		{block{lang: "sh", text: "exit 3\n", notes: notes{exit: 3}}, true},
		{block{lang: "sh", text: "true\n", notes: notes{exit: 3}}, false},
		{block{lang: "sh", text: "echo $UNSET\n"}, false},
		{block{lang: "sh", text: "echo a b c\n", notes: notes{expect: []string{"b"}}}, true},
		{block{lang: "sh", text: "echo a b c\n", notes: notes{expect: []string{"d"}}}, false},
		{block{lang: "console", text: "$ echo a\na\n$ echo b\nb\n"}, true},
		{block{lang: "console", text: "$ echo a\nb\n"}, false},
		{block{lang: "console", text: "$ echo a b\na $NAME\n$ echo $NAME\nb\n"}, true},
		{block{lang: "sh", text: "sh -c 'trap \"exit 0\" INT; echo ready; while :; do sleep 0.01; done'", notes: notes{background: true, ready: "ready"}}, true},
		{block{lang: "sh", text: "echo no", notes: notes{background: true, ready: "ready"}}, false},
	} {
		err := newShell(t).run(c.block)
		if (err == nil) != c.want {
			t.Errorf("%+v: %v", c.block, err)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)|src="([^"]+)"|srcset="([^"]+)"`)

// Links between pages lead somewhere.
func TestLinks(t *testing.T) {
	seen := 0
	for _, file := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, file), -1) {
			to := m[1] + m[2] + m[3]
			if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
				continue
			}
			seen++
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), filepath.FromSlash(to))); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d links were seen", seen)
	}
}

// Code of a page that says where it is from is there.
func TestExcerpts(t *testing.T) {
	for _, file := range pages(t) {
		blocks, err := parse(read(t, file))
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		for _, b := range blocks {
			if b.lang == "go" && b.notes.from == "" {
				t.Errorf("%s:%d: Go code without a word where it is from", file, b.line)
			}
			if b.notes.from != "" && !strings.Contains(plain(read(t, filepath.Join(root, b.notes.from))), plain(b.text)) {
				t.Errorf("%s:%d: this is not in %s", file, b.line, b.notes.from)
			}
		}
	}
}

// plain is text without its indentation.
func plain(text string) string {
	var lines []string
	for _, l := range strings.Split(strings.TrimSpace(text), "\n") {
		lines = append(lines, strings.TrimSpace(l))
	}
	return strings.Join(lines, "\n")
}
