package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/comity-iot/comity/server/config"
)

func TestInit(t *testing.T) {
	t.Chdir(t.TempDir())
	r := decode[initResult](t, must(t, "init", "Example.org", "--json", "--host", "xmpp.example.org").out)[0]
	if r.Domain != "example.org" || r.Admin != "admin@example.org" || len(r.Password) < 20 || !filepath.IsAbs(r.Data) {
		t.Errorf("got %+v", r)
	}
	zone := strings.Join(r.DNS, "\n")
	for _, want := range []string{
		`(?m)^xmpp\.example\.org\. +3600 IN A `,
		`(?m)^_xmpp-client\._tcp\.example\.org\. +3600 IN SRV +10 0 5222 xmpp\.example\.org\.$`,
		`(?m)^_xmpps-client\._tcp\.example\.org\. +3600 IN SRV +5 0 5223 xmpp\.example\.org\.$`,
		`(?m)^\*\.example\.org\. +3600 IN CNAME xmpp\.example\.org\.`,
	} {
		if !regexp.MustCompile(want).MatchString(zone) {
			t.Errorf("no %s in\n%s", want, zone)
		}
	}

	s := decode[config.Setting](t, must(t, "config", "--json").out)
	i := slices.IndexFunc(s, func(s config.Setting) bool { return s.Key == "domains" })
	if s[i].Origin[:len("comity.toml:")] != "comity.toml:" || s[i].Value.([]any)[0] != "example.org" {
		t.Errorf("got %+v", s[i])
	}
	// Only what init set is set: the rest of the file are comments.
	for _, s := range s {
		if s.Origin != config.Default && s.Key != "domains" && s.Key != "data" {
			t.Errorf("%s.%s comes from %s", s.Section, s.Key, s.Origin)
		}
	}

	all := decode[accountLine](t, must(t, "account", "list", "--json").out)
	if len(all) != 1 || all[0].JID != "admin@example.org" || !all[0].Admin {
		t.Errorf("got %+v", all)
	}
	if o := comity(t, "account", "add", "a@example.com", "--generate"); o.code != refused {
		t.Errorf("an account elsewhere: code %d", o.code)
	}
	b := serve(t, "--set", "c2s.listen=127.0.0.1:0", "--set", "c2s.listen_tls=")
	if got := b.events["ready"]; got.Data != r.Data || len(got.Domains) != 1 {
		t.Errorf("got %+v, want data in %s", got, r.Data)
	}
	if o := comity(t, "init", "example.org"); o.code != refused || !strings.Contains(o.err, "comity serve") {
		t.Errorf("code %d: %s", o.code, o.err)
	}
}

// The settings file says where its data folder is, wherever a command is started.
func TestInitElsewhere(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "b.toml")
	o := must(t, "init", "example.org", "--config", file, "--data", "d", "--admin", "root", "--password", "wonderland")
	if !strings.Contains(o.out, "comity serve --config "+file) || strings.Contains(o.out, "wonderland") {
		t.Errorf("got %s", o.out)
	}
	t.Chdir(t.TempDir())
	if o := must(t, "account", "list", "--config", file); !strings.Contains(o.out, "root@example.org") {
		t.Errorf("got %s", o.out)
	}
	if info, err := os.Stat(filepath.Join(dir, "d")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestDNSOfOtherNames(t *testing.T) {
	s, err := newSettings()
	if err != nil {
		t.Fatal(err)
	}
	if got := dnsRecords(s, mustDomains(t, "bücher.example")[0], ""); !strings.Contains(got[1], ".xn--bcher-kva.example.") {
		t.Errorf("got %q", got)
	}
	if got := dnsRecords(s, mustDomains(t, "192.0.2.7")[0], ""); len(got) != 1 || got[0][0] != ';' {
		t.Errorf("got %q", got)
	}
}
