package comity

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const modulePath = "github.com/comity-iot/comity/"

// floors are the layers of docs/ARCHITECTURE.md: imports go down. The longest prefix counts.
var floors = map[string]int{
	"xmpp":              0,
	"module":            1,
	"store":             1,
	"cluster":           1,
	"xep":               2,
	"iot":               2,
	"legal":             2,
	"trade":             2,
	"thing":             3,
	"server":            4,
	"bridge":            4,
	"console":           4,
	"module/moduletest": 6, // for tests only
	"store/sqlite":      5,
	"store/postgres":    5,
	"cluster/nats":      5,
	"cmd":               6,
	"examples":          6,
	"interop":           6,
	"docs":              6,
	"spec":              6,
}

// sideways are the imports inside floor 2 that are allowed, each with its reason. A package below another's folder is one with
// it.
var sideways = map[string]string{
	"iot/registry -> iot":              "generations and the address of a thing are common to the IoT protocols",
	"iot/provisioning -> iot":          "generations and the address of a thing are common to the IoT protocols",
	"iot/sensordata -> iot":            "generations and the address of a thing are common to the IoT protocols",
	"iot/control -> iot":               "generations and the address of a thing are common to the IoT protocols",
	"iot/provisioning -> iot/registry": "who owns a thing decides who is asked",
	"xep/register -> xep/signing":      "a form that creates an account is signed",
	"xep/offline -> iot":               "what things say is never stored, in any generation of namespaces",
	"xep/offline -> xep/delay":         "a stored message tells when it came",
}

// TestLayers holds the import graph against the floors. Tests may look anywhere: a feature is tested on the real store.
func TestLayers(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && file != "." || d.Name() == "testdata" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		from := path.Dir(filepath.ToSlash(file))
		for _, imp := range parsed.Imports {
			to, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				return err
			}
			if to, ours := strings.CutPrefix(to, modulePath); ours {
				seen++
				check(t, from, to)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 50 {
		t.Errorf("saw only %d imports: is this the root of the project?", seen)
	}
}

func check(t *testing.T, from, to string) {
	t.Helper()
	a, b := floor(t, from), floor(t, to)
	switch {
	case a < b:
		t.Errorf("%s (floor %d) imports %s (floor %d): imports go down", from, a, to, b)
	case strings.Contains(to, "/internal/"): // the compiler sees to it
	case a == b && a == 2 && !strings.HasPrefix(from, to+"/") && !strings.HasPrefix(to, from+"/") && sideways[from+" -> "+to] == "":
		t.Errorf("%s imports %s on the same floor without a reason in the list", from, to)
	}
}

// floor returns the layer of a package, which must have one.
func floor(t *testing.T, pkg string) int {
	t.Helper()
	for p := pkg; p != "."; p = path.Dir(p) {
		if f, ok := floors[p]; ok {
			return f
		}
	}
	t.Errorf("%s is on no floor", pkg)
	return 0
}
