package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/comity-iot/comity/server/config"
)

// What "comity config" prints gives the same settings again, of every module.
func TestConfigRoundTrip(t *testing.T) {
	t.Chdir(t.TempDir())
	printed := must(t, "config").out
	uncommented := regexp.MustCompile(`(?m)^#(\w)`).ReplaceAllString(printed, "$1")
	for name, text := range map[string]string{"printed.toml": printed, "uncommented.toml": uncommented} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	defaults := decode[config.Setting](t, must(t, "config", "--json").out)
	same := decode[config.Setting](t, must(t, "config", "--json", "--config", "printed.toml").out)
	set := decode[config.Setting](t, must(t, "config", "--json", "--config", "uncommented.toml").out)
	if len(defaults) < 20 || len(same) != len(defaults) || len(set) != len(defaults) {
		t.Fatalf("%d, %d and %d settings", len(defaults), len(same), len(set))
	}
	for i, d := range defaults {
		if d.Doc == "" || d.Origin != config.Default || same[i].Origin != config.Default {
			t.Errorf("%s.%s: %+v, %+v", d.Section, d.Key, d, same[i])
		}
		if got, want := text(set[i].Value), text(d.Value); got != want || text(same[i].Value) != want {
			t.Errorf("%s.%s: got %s and %s, want %s", d.Section, d.Key, text(same[i].Value), got, want)
		}
		if !strings.HasPrefix(set[i].Origin, "uncommented.toml:") {
			t.Errorf("%s.%s comes from %s", d.Section, d.Key, set[i].Origin)
		}
	}
}

func TestConfigSources(t *testing.T) {
	t.Chdir(t.TempDir())
	file := "[broker]\nlog_level = 'warn'\nlog_format = 'json'\n[c2s]\nattempts = 1\nburst_seconds = 1\nsessions = 1\n"
	if err := os.WriteFile("comity.toml", []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	o := comityWith(t, []string{"COMITY_C2S_BURST_SECONDS=2", "COMITY_C2S_SESSIONS=2"}, "",
		"config", "--json", "--set", "c2s.sessions=3", "--no-limits", "--c2s", ":1", "--c2s", ":2", "--log-level", "debug")
	got := map[string]config.Setting{}
	for _, s := range decode[config.Setting](t, o.out) {
		got[s.Section+"."+s.Key] = s
	}
	for name, want := range map[string][2]string{
		"broker.log_level":     {"debug", "flag --log-level"},
		"broker.log_format":    {"json", "comity.toml:3"},
		"c2s.attempts":         {"1", "comity.toml:5"},
		"c2s.burst_seconds":    {"2", "environment COMITY_C2S_BURST_SECONDS"},
		"c2s.sessions":         {"3", "flag --set"},
		"c2s.per_address":      {"0", "flag --no-limits"},
		"c2s.listen":           {"[:1 :2]", "flag --c2s"},
		"c2s.listen_tls":       {"[]", "flag --c2s"},
		"broker.shutdown":      {"10s", "default"},
		"c2s.bytes_per_second": {"0", "flag --no-limits"},
	} {
		if s := got[name]; text(s.Value) != want[0] || s.Origin != want[1] {
			t.Errorf("%s: got %s from %s, want %s from %s", name, text(s.Value), s.Origin, want[0], want[1])
		}
	}
	want := regexp.MustCompile(`\n# From comity\.toml:5; the default is \d+\.\nattempts = 1\n`)
	if o := must(t, "config"); !want.MatchString(o.out) {
		t.Errorf("got\n%s", o.out)
	}
}

// Paths in the file start at the file, those of flags where the command does.
func TestPaths(t *testing.T) {
	s, err := newSettings()
	if err != nil {
		t.Fatal(err)
	}
	s.file = filepath.Join("etc", "comity.toml")
	if err := s.set.File("etc/comity.toml", []byte("[broker]\ncert = 'c.pem'\nkey = '/k.pem'\n")); err != nil {
		t.Fatal(err)
	}
	check := func(key, want string) {
		t.Helper()
		if got := s.path(key); got != filepath.FromSlash(want) {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
	check("cert", "etc/c.pem")
	check("key", "/k.pem")
	check("data", "etc/comity-data")
	for _, where := range []string{"flag --data", "environment COMITY_BROKER_DATA"} {
		if err := s.set.Put(where, "broker", "data", "d"); err != nil {
			t.Fatal(err)
		}
		check("data", "d")
	}
}
