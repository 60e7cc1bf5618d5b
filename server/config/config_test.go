package config_test

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/comity-iot/comity/server/config"
)

type broker struct {
	Name   string        `toml:"name" doc:"Name of the broker."`
	Open   bool          `toml:"open" doc:"Whether anybody may come in, which is a long story that has to be told in more than one line of the file that is printed."`
	Limit  int           `toml:"limit" doc:"How many."`
	Ratio  float64       `toml:"ratio" doc:"How much of it."`
	Idle   time.Duration `toml:"idle" doc:"How long."`
	Listen []string      `toml:"listen" doc:"Where."`
}

type web struct {
	Listen []string `toml:"listen_http" doc:"Where."`
}

func defaults() (*broker, *web) {
	return &broker{Name: "comity", Limit: 3, Ratio: 0.5, Idle: time.Minute, Listen: []string{":1", ":2"}}, &web{}
}

func newSet(t interface{ Fatal(...any) }) (*config.Set, *broker, *web) {
	b, w := defaults()
	set, err := config.New(config.Section{Name: "broker", Title: "The broker.", Settings: b}, config.Section{Name: "web", Settings: w})
	if err != nil {
		t.Fatal(err)
	}
	return set, b, w
}

func TestFile(t *testing.T) {
	set, b, w := newSet(t)
	err := set.File("comity.toml", []byte(`# A comment.
[broker]
name = "other"
open = true

limit = 1_000
ratio = 2
idle = "90s"
[web]
listen_http = [
  "a:1",
  "b:2", # the second
]
`))
	if err != nil {
		t.Fatal(err)
	}
	if want := (broker{"other", true, 1000, 2, 90 * time.Second, []string{":1", ":2"}}); !reflect.DeepEqual(*b, want) {
		t.Errorf("got %+v, want %+v", *b, want)
	}
	if want := []string{"a:1", "b:2"}; !reflect.DeepEqual(w.Listen, want) {
		t.Errorf("got %q, want %q", w.Listen, want)
	}
	origins := map[string]string{}
	for _, s := range set.All() {
		origins[s.Section+"."+s.Key] = s.Origin
	}
	want := map[string]string{
		"broker.name": "comity.toml:3", "broker.open": "comity.toml:4", "broker.limit": "comity.toml:6",
		"broker.ratio": "comity.toml:7", "broker.idle": "comity.toml:8", "broker.listen": "default", "web.listen_http": "comity.toml:10",
	}
	if !reflect.DeepEqual(origins, want) {
		t.Errorf("origins: got %v, want %v", origins, want)
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"[brokr]\n\n\nname = 'x'", `f.toml:4: there is no section [brokr]; is [broker] meant?`},
		{"[elsewhere]\nx = 1", `f.toml:2: there is no section [elsewhere]`},
		{"[elsewhere]", `f.toml: there is no section [elsewhere]`},
		{"[broker]\nnmae = 'x'", `f.toml:2: there is no setting "nmae" in [broker]; is name meant?`},
		{"[broker]\nlisten_http = []", `f.toml:2: there is no setting "listen_http" in [broker]; [web] has one`},
		{"[broker]\nzzzzzzzz = []", `f.toml:2: there is no setting "zzzzzzzz" in [broker]`},
		{"name = 'x'", `f.toml:1: only sections such as [broker] stand at the top level, each once`},
		{"[[broker]]\nname = 'x'", `f.toml:1: only sections such as [broker] stand at the top level, each once`},
		{"[broker.name]\nx = 1", `f.toml:1: name must be a text in quotes`},
		{"[broker]\nname.x = 1", `f.toml:2: name must be a text in quotes`},
		{"[broker]\nname = 1", `f.toml:2: name must be a text in quotes`},
		{"[broker]\nopen = 'yes'", `f.toml:2: open must be true or false`},
		{"[broker]\nlimit = 1.5", `f.toml:2: limit must be a whole number`},
		{"[broker]\nlimit = -1", `f.toml:2: limit is negative`},
		{"[broker]\nratio = 'x'", `f.toml:2: ratio must be a number`},
		{"[broker]\nratio = nan", `f.toml:2: ratio is negative`},
		{"[broker]\nidle = 5", `f.toml:2: idle must be a time such as "90s", "5m" or "24h"`},
		{"[broker]\nidle = '5'", `f.toml:2: idle must be a time such as "90s", "5m" or "24h"`},
		{"[broker]\nidle = '-5s'", `f.toml:2: idle is negative`},
		{"[broker]\nlisten = 'x'", `f.toml:2: listen must be a list of texts such as ["one", "two"]`},
		{"[broker]\nlisten = ['x', 1]", `f.toml:2: listen must be a list of texts such as ["one", "two"]`},
		{"[broker]\nname = 'x'\nname = 'y'", `f.toml:3: key name is already defined`},
		{"[broker]\nname =\n", `f.toml:2: unexpected character U+000A at start of value`},
	} {
		set, _, _ := newSet(t)
		err := set.File("f.toml", []byte(c.text))
		var mistake *config.Error
		if !errors.As(err, &mistake) || err.Error() != c.want {
			t.Errorf("%q:\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}

// All mistakes are told at once, in their order, and what is right is taken.
func TestManyMistakes(t *testing.T) {
	set, b, _ := newSet(t)
	err := set.File("f", []byte("[webb]\nx = 1\n[broker]\nlimit = 'x'\nidle = 1\nname = 'right'"))
	want := "f:2: there is no section [webb]; is [web] meant?\nf:4: limit must be a whole number\n" +
		"f:5: idle must be a time such as \"90s\", \"5m\" or \"24h\""
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if b.Name != "right" {
		t.Errorf("name is %q", b.Name)
	}
}

func TestEnvironment(t *testing.T) {
	set, b, w := newSet(t)
	err := set.Environment([]string{
		"HOME=/root", "COMITY_SERVICE_HOST=10.0.0.1", // set by systems that run programs
		"COMITY_BROKER_NAME=env", "COMITY_BROKER_IDLE=2h", "COMITY_BROKER_OPEN=true", "COMITY_BROKER_LIMIT=7",
		"COMITY_BROKER_LISTEN=", "COMITY_WEB_LISTEN_HTTP=a:1, b:2",
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := (broker{"env", true, 7, 0.5, 2 * time.Hour, []string{}}); b.Name != want.Name || b.Idle != want.Idle ||
		b.Open != want.Open || b.Limit != want.Limit || len(b.Listen) != 0 {
		t.Errorf("got %+v, want %+v", *b, want)
	}
	if want := []string{"a:1", "b:2"}; !reflect.DeepEqual(w.Listen, want) {
		t.Errorf("got %q, want %q", w.Listen, want)
	}
	if s, _ := set.Get("broker", "idle"); s.Origin != "environment COMITY_BROKER_IDLE" {
		t.Errorf("origin %q", s.Origin)
	}
	err = set.Environment([]string{"COMITY_BROKER_LIMT=1", "COMITY_BROKER_LIMIT=many"})
	want := "environment COMITY_BROKER_LIMT: there is no setting \"limt\" in [broker]; is limit meant?\n" +
		"environment COMITY_BROKER_LIMIT: limit must be a whole number"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestPut(t *testing.T) {
	set, b, _ := newSet(t)
	for _, err := range []error{
		set.Put("flag --listen", "broker", "listen", "a,b", "c"), // several flags: a comma is part of a value
		set.PutText("flag --set", "broker", "limit", "9"),
		set.Put("flag --x", "broker", "limit", "1", "2"),
		set.Put("flag --x", "nothing", "limit", "1"),
	} {
		if err != nil && !strings.HasPrefix(err.Error(), "flag --x: ") {
			t.Error(err)
		}
	}
	if want := []string{"a,b", "c"}; !reflect.DeepEqual(b.Listen, want) || b.Limit != 9 {
		t.Errorf("got %+v", *b)
	}
	set.Apply("flag --no-limits", func() { b.Limit = 0 })
	if s, _ := set.Get("broker", "limit"); s.Origin != "flag --no-limits" || s.Value != int64(0) || s.Default != int64(3) {
		t.Errorf("got %+v", s)
	}
	if s, _ := set.Get("broker", "name"); s.Origin != config.Default {
		t.Errorf("got %+v", s)
	}
	fresh, _, _ := newSet(t)
	if got, want := set.Changed(fresh), []string{"broker.limit", "broker.listen"}; !reflect.DeepEqual(got, want) {
		t.Errorf("changed: got %q, want %q", got, want)
	}
}

// commentedOut are the lines that show a default.
var commentedOut = regexp.MustCompile(`(?m)^#(\w)`)

func TestPrintDefaults(t *testing.T) {
	set, _, _ := newSet(t)
	var printed bytes.Buffer
	if err := set.Print(&printed); err != nil {
		t.Fatal(err)
	}
	again, b, w := newSet(t)
	if err := again.File("printed", printed.Bytes()); err != nil {
		t.Fatal(err)
	}
	for _, s := range again.All() {
		if s.Origin != config.Default {
			t.Errorf("%s.%s comes from %s", s.Section, s.Key, s.Origin)
		}
	}
	*b, *w = broker{Listen: []string{"x"}}, web{} // whatever they were, the lines without # give the defaults
	if err := again.File("printed", commentedOut.ReplaceAll(printed.Bytes(), []byte("$1"))); err != nil {
		t.Fatal(err)
	}
	wantB, wantW := defaults()
	if !reflect.DeepEqual(b, wantB) || len(w.Listen) != 0 || w.Listen == nil {
		t.Errorf("got %+v %+v, want %+v %+v", b, w, wantB, wantW)
	}
	for line := range strings.Lines(printed.String()) {
		if len(line) > 105 {
			t.Errorf("long line: %s", line)
		}
	}
}

// What is printed and read again is the same, whatever the values are.
func TestPrintRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		set, b, w := newSet(rt)
		set.Apply("test", func() {
			b.Name = rapid.String().Draw(rt, "name")
			b.Open = rapid.Bool().Draw(rt, "open")
			b.Limit = rapid.IntMin(0).Draw(rt, "limit")
			b.Ratio = rapid.Float64Range(0, math.MaxFloat64).Draw(rt, "ratio")
			b.Idle = time.Duration(rapid.Int64Min(0).Draw(rt, "idle"))
			b.Listen = rapid.SliceOf(rapid.String()).Draw(rt, "listen")
			w.Listen = rapid.SliceOfN(rapid.String(), 1, 3).Draw(rt, "http")
		})
		var printed bytes.Buffer
		if err := set.Print(&printed); err != nil {
			rt.Fatal(err)
		}
		again, _, _ := newSet(rt)
		if err := again.File("printed", printed.Bytes()); err != nil {
			rt.Fatalf("%v in\n%s", err, &printed)
		}
		if changed := set.Changed(again); len(changed) > 0 {
			rt.Fatalf("%q differ, printed:\n%s", changed, &printed)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	type hidden struct {
		x int `toml:"x" doc:"d"`
	}
	type untagged struct{ X int }
	type undocumented struct {
		X int `toml:"x"`
	}
	type nested struct {
		X struct{} `toml:"x" doc:"d"`
	}
	type twice struct {
		X int `toml:"x" doc:"d"`
		Y int `toml:"x" doc:"d"`
	}
	_ = hidden{}.x
	for _, s := range []config.Section{
		{Name: "a", Settings: &hidden{}},
		{Name: "a", Settings: &untagged{}},
		{Name: "a", Settings: &undocumented{}},
		{Name: "a", Settings: &nested{}},
		{Name: "a", Settings: &twice{}},
		{Name: "a", Settings: web{}},
		{Name: "a", Settings: nil},
		{Name: "a_b", Settings: &web{}},
		{Name: "", Settings: &web{}},
		{Name: "web", Settings: &web{}},
	} {
		if _, err := config.New(config.Section{Name: "web", Settings: &web{}}, s); err == nil {
			t.Errorf("%q %T is taken", s.Name, s.Settings)
		}
	}
}

func FuzzFile(f *testing.F) {
	f.Add([]byte("[broker]\nname = 'x'\nidle = '5m'\n[web]\nlisten_http = []\n"))
	f.Add([]byte("[broker.name]\nx.y = [{a = 1}]\n"))
	f.Fuzz(func(t *testing.T, document []byte) {
		set, _, _ := newSet(t)
		if set.File("f", document) != nil {
			return
		}
		var printed bytes.Buffer
		if err := set.Print(&printed); err != nil {
			t.Fatal(err)
		}
		again, _, _ := newSet(t)
		if err := again.File("printed", printed.Bytes()); err != nil {
			t.Fatalf("%v in\n%s", err, &printed)
		}
		if changed := set.Changed(again); len(changed) > 0 {
			t.Fatalf("%q differ", changed)
		}
	})
}
