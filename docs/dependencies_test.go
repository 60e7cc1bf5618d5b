package docs

import (
	"regexp"
	"strings"
	"testing"
)

var required = regexp.MustCompile(`(?m)^(?:require )?\t?([\w.-]+\.[\w.-]+/[\w./-]+) v\d`)

// Every module has its line, and every line its module.
func TestDependencies(t *testing.T) {
	page := read(t, "dependencies.md")
	modules := map[string]bool{}
	for _, file := range []string{"/go.mod", "/tools/go.mod"} {
		for _, line := range strings.Split(read(t, root+file), "\n") {
			if m := required.FindStringSubmatch(line); m != nil {
				modules[m[1]] = true
			}
		}
	}
	if len(modules) < 20 {
		t.Fatalf("only %d modules were found", len(modules))
	}
	for m := range modules {
		if !strings.Contains(page, "\n| "+m+" |") {
			t.Errorf("no line for %s", m)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^\| ([\w.-]+\.[\w.-]+/[\w./-]+) \|`).FindAllStringSubmatch(page, -1) {
		if !modules[m[1]] {
			t.Errorf("%s is not used any more", m[1])
		}
	}
}
