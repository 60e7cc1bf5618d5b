package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comity-iot/comity/module"
)

// Each command does the same on a store that nobody has open and through a running broker.
func TestAccountCommands(t *testing.T) {
	t.Run("stopped", func(t *testing.T) { testAccounts(t, t.TempDir()) })
	t.Run("running", func(t *testing.T) {
		data := t.TempDir()
		serve(t, "--domain", "example.org", "--data", data, "--c2s", "127.0.0.1:0")
		testAccounts(t, data)
	})
}

func testAccounts(t *testing.T, data string) {
	in := func(args ...string) []string { return append(args, "--data", data) }
	list := func() (all []accountLine) {
		return decode[accountLine](t, must(t, in("account", "list", "--json")...).out)
	}

	must(t, in("account", "add", "alice@example.org", "--password", "wonderland", "--admin")...)
	if o := comityWith(t, nil, "from-stdin\n", in("account", "add", "lamp@example.org", "--kind", "thing")...); o.code != done {
		t.Fatal(o.err)
	}
	made := decode[accountLine](t, must(t, in("account", "add", "bob@example.org", "--generate", "--json")...).out)
	if len(made) != 1 || len(made[0].Password) < 20 || made[0].JID != "bob@example.org" {
		t.Errorf("got %+v", made)
	}
	all := list()
	if len(all) != 3 || all[0].JID != "alice@example.org" || !all[0].Admin || all[0].Kind != module.Person ||
		all[2].JID != "lamp@example.org" || all[2].Kind != module.Thing || all[2].Admin || all[2].Created.IsZero() {
		t.Errorf("got %+v", all)
	}
	if o := must(t, in("account", "list")...); !strings.Contains(o.out, "alice@example.org") || !strings.Contains(o.out, "operator") {
		t.Errorf("got %s", o.out)
	}

	for _, c := range []struct {
		stdin string
		args  []string
		code  exitCode
		want  string
	}{
		{"", []string{"account", "add", "alice@example.org", "--password", "wonderland"}, refused, "comity account passwd alice@example.org"},
		{"", []string{"account", "add", "carol@example.org", "--password", "short"}, refused, "a password needs 8 characters"},
		{"", []string{"account", "add", "carol@example.org"}, wrongUsage, "--generate"},
		{"", []string{"account", "passwd", "carol@example.org", "--generate"}, notFound, "there is no account carol@example.org"},
		{"", []string{"account", "remove", "carol@example.org"}, notFound, "comity account list"},
		{"looking-glass", []string{"account", "passwd", "alice@example.org"}, done, "new password"},
		{"", []string{"account", "remove", "bob@example.org"}, done, "Removed bob@example.org."},
	} {
		o := comityWith(t, nil, c.stdin, in(c.args...)...)
		if o.code != c.code || !strings.Contains(o.out+o.err, c.want) {
			t.Errorf("%q: code %d, want %d with %q in\n%s%s", c.args, o.code, c.code, c.want, o.out, o.err)
		}
	}
	if all := list(); len(all) != 2 {
		t.Errorf("got %+v", all)
	}
}

func TestAPIKeyCommands(t *testing.T) {
	t.Run("stopped", func(t *testing.T) {
		data := t.TempDir()
		must(t, "account", "add", "a@example.org", "--generate", "--data", data)
		testKeys(t, data)
	})
	t.Run("running", func(t *testing.T) {
		data := t.TempDir()
		serve(t, "--domain", "example.org", "--data", data, "--c2s", "127.0.0.1:0")
		testKeys(t, data)
	})
}

func testKeys(t *testing.T, data string) {
	in := func(args ...string) []string { return append(args, "--data", data, "--json") }
	list := func() (all []apikeyLine) { return decode[apikeyLine](t, must(t, in("apikey", "list")...).out) }
	if o := must(t, "apikey", "list", "--data", data); !strings.Contains(o.out, "comity apikey add") {
		t.Errorf("got %s", o.out)
	}
	made := decode[apikeyLine](t, must(t, in("apikey", "add", "--owner", "ACME Ltd", "--limit", "10")...).out)[0]
	if made.ID == "" || made.Secret == "" || made.Limit != 10 || made.Kind != module.Thing {
		t.Errorf("got %+v", made)
	}
	want := made
	want.Secret = ""
	check := func() {
		t.Helper()
		all := list()
		if len(all) != 1 || !all[0].Created.Equal(want.Created.Truncate(1000)) {
			t.Fatalf("got %+v, want %+v", all, want)
		}
		all[0].Created = want.Created
		if all[0] != want {
			t.Errorf("got %+v, want %+v", all[0], want)
		}
	}
	check()
	must(t, in("apikey", "disable", made.ID)...)
	want.Disabled = true
	check()
	if o := must(t, "apikey", "list", "--data", data); !strings.Contains(o.out, "0 of 10") || !strings.Contains(o.out, "disabled") {
		t.Errorf("got %s", o.out)
	}
	must(t, in("apikey", "disable", made.ID, "--undo")...)
	want.Disabled = false
	check()
	if o := comity(t, in("apikey", "disable", "none")...); o.code != notFound {
		t.Errorf("code %d: %s", o.code, o.err)
	}
}

func writeAccounts(t *testing.T, n int) string {
	t.Helper()
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "u%03d@example.org password number %d\n", i, i)
	}
	name := filepath.Join(t.TempDir(), "accounts")
	if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestBulk(t *testing.T) {
	const n = 70 // more than one page through the socket
	from := writeAccounts(t, n)
	data := filepath.Join(t.TempDir(), "new")
	for _, running := range []bool{false, true} {
		if running { // the same again, over those that exist
			serve(t, "--domain", "example.org", "--data", data, "--c2s", "127.0.0.1:0")
		}
		o := must(t, "account", "add", "--data", data, "--from", from, "--json")
		if r := decode[bulkResult](t, o.out); len(r) != 1 || r[0].Accounts != n {
			t.Errorf("running %v: got %s", running, o.out)
		}
		if all := decode[accountLine](t, must(t, "account", "list", "--data", data, "--json").out); len(all) != n {
			t.Errorf("running %v: %d accounts", running, len(all))
		}
	}
}

func TestReadAccounts(t *testing.T) {
	all, err := readAccounts("f", strings.NewReader("\ufeffalice@example.org wonder land\r\n\n  bob@example.org\t\tlooking-glass \n"), module.Thing, true)
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	if n := all[0]; n.JID.String() != "alice@example.org" || n.Password != "wonder land" || n.Kind != module.Thing || !n.Admin {
		t.Errorf("got %+v", n)
	}
	if n := all[1]; n.JID.String() != "bob@example.org" || n.Password != "looking-glass " {
		t.Errorf("got %+v", n)
	}
	for _, c := range []struct{ text, want string }{
		{"", `f: no lines "JID PASSWORD" in it`},
		{"alice@example.org\n", `f:1: no password for alice@example.org: write "JID PASSWORD"`},
		{"alice@example.org  short", "f:1: the password of alice@example.org is shorter than 8 characters"},
		{"\nalice longenough\n@x y\n", "f:2: \"alice\" is no address of an account\nf:3: jid: localpart is empty"},
	} {
		if _, err := readAccounts("f", strings.NewReader(c.text), module.Person, false); err == nil || err.Error() != c.want {
			t.Errorf("%q: got %v, want %s", c.text, err, c.want)
		}
	}
	if _, err := readAccounts("f", strings.NewReader(strings.Repeat("x\n", 1000)), module.Person, false); strings.Count(err.Error(), "\n") > maxMistakes {
		t.Errorf("every line is named: %d", strings.Count(err.Error(), "\n"))
	}
	if _, err := readAccounts("f", strings.NewReader("a@b cccccccc\n"+strings.Repeat("x", 1<<20)), module.Person, false); err == nil ||
		!strings.HasPrefix(err.Error(), "f:2: ") {
		t.Errorf("a line without end: %v", err)
	}
}

// Accounts at a domain that is not served could never log in.
func TestForeignDomain(t *testing.T) {
	data := t.TempDir()
	serve(t, "--domain", "example.org", "--domain", "example.net", "--data", data, "--c2s", "127.0.0.1:0")
	must(t, "account", "add", "a@example.net", "--generate", "--data", data)
	o := comity(t, "account", "add", "a@example.com", "--generate", "--data", data)
	if o.code != refused || !strings.Contains(o.err, "example.org, example.net") {
		t.Errorf("code %d: %s", o.code, o.err)
	}
}
