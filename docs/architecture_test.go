package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	floorRow  = regexp.MustCompile(`(?m)^\| (\d) \| ([^|]+) \|`)
	floorLine = regexp.MustCompile(`(?m)^\t"([\w/]+)": +(\d),`)
	quoted    = regexp.MustCompile("`([^`\n]+)`")
)

// The table of floors is the one that the imports are held against, but for what does not exist yet.
func TestFloors(t *testing.T) {
	page := read(t, "ARCHITECTURE.md")
	told := map[string]string{}
	for _, row := range floorRow.FindAllStringSubmatch(page, -1) {
		for _, m := range quoted.FindAllStringSubmatch(row[2], -1) {
			told[m[1]] = row[1]
		}
	}
	held := floorLine.FindAllStringSubmatch(read(t, root+"/layers_test.go"), -1)
	if len(held) < 15 {
		t.Fatalf("only %d floors were found", len(held))
	}
	for _, m := range held {
		_, err := os.Stat(filepath.Join(root, m[1]))
		switch {
		case err == nil && told[m[1]] != m[2]:
			t.Errorf("%s is on floor %s, and the page says %q", m[1], m[2], told[m[1]])
		case err != nil && told[m[1]] != "":
			t.Errorf("%s does not exist yet", m[1])
		}
	}
}

// Packages and files that pages name exist, up to the section about what does not.
func TestPackages(t *testing.T) {
	ours := regexp.MustCompile(`^(?:xmpp|xep|iot|thing|server|store|module|cluster|spec|cmd|examples)/[\w/.-]+$`)
	seen := 0
	for _, file := range pages(t) {
		page, _, _ := strings.Cut(read(t, file), "## What the design has and the code has not")
		for _, m := range quoted.FindAllStringSubmatch(page, -1) {
			if !ours.MatchString(m[1]) {
				continue
			}
			seen++
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d names were seen", seen)
	}
}

// Settings that a page names exist.
func TestSettings(t *testing.T) {
	settings, err := newShell(t).finish("comity config", 0)
	if err != nil {
		t.Fatal(err, settings)
	}
	section, known := "", map[string]bool{}
	for line := range strings.Lines(settings) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
			known[section] = true
		} else if key, _, ok := strings.Cut(strings.TrimPrefix(line, "#"), " = "); ok {
			known[section+"."+key] = true
		}
	}
	name := regexp.MustCompile("`(([a-z0-9]+)\\.[a-z_]+)`")
	seen := 0
	for _, file := range pages(t) {
		for _, m := range name.FindAllStringSubmatch(read(t, file), -1) {
			if !known[m[2]] {
				continue // a file: broker.go
			}
			seen++
			if !known[m[1]] {
				t.Errorf("%s: there is no setting %s", file, m[1])
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d settings were seen", seen)
	}
}
