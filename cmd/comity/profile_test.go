package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Flags go over the environment, and that over the file.
func TestProfileSources(t *testing.T) {
	home := t.TempDir()
	folder := filepath.Join(home, ".config", "comity")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	text := "jid = 'alice@example.org'\npassword = 'from the file'\naddr = '127.0.0.1:1'\nca = 'ca.pem'\n"
	if err := os.WriteFile(filepath.Join(folder, "profile.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(folder, "ca.pem")
	for _, c := range []struct {
		name    string
		flags   profileFlags
		environ []string
		want    profile
	}{
		{"file", profileFlags{}, nil, profile{"alice@example.org", "from the file", "127.0.0.1:1", ca}},
		{"environment", profileFlags{}, []string{"COMITY_PASSWORD=e"}, profile{"alice@example.org", "e", "127.0.0.1:1", ca}},
		{"flags", profileFlags{Password: "f", Addr: "b:2", CA: "x"}, []string{"COMITY_PASSWORD=e"}, profile{"alice@example.org", "f", "b:2", "x"}},
		{"the same account", profileFlags{JID: "alice@example.org"}, nil, profile{"alice@example.org", "from the file", "127.0.0.1:1", ca}},
		// Nobody's password is shown to another server, or for another account.
		{"another account", profileFlags{JID: "bob@example.org"}, nil, profile{JID: "bob@example.org"}},
		{"another in the environment", profileFlags{}, []string{"COMITY_JID=bob@example.net"}, profile{JID: "bob@example.net"}},
	} {
		got, account, err := c.flags.load(&env{environ: append(c.environ, "HOME="+home)})
		if err != nil || got != c.want || account.String() != c.want.JID {
			t.Errorf("%s: got %+v, %v, want %+v", c.name, got, err, c.want)
		}
	}
	if got := (&env{environ: []string{"HOME=/h", "XDG_CONFIG_HOME=/x"}}).profileFile(); got != filepath.Join("/x", "comity", "profile.toml") {
		t.Errorf("got %s", got)
	}
}

func TestProfileMistakes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return file
	}
	const good = "jid = 'a@example.org'\npassword = 'x'\n"
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close() // now nobody listens there
	for _, c := range []struct {
		args []string
		code exitCode
		want string
	}{
		{nil, wrongUsage, "COMITY_PASSWORD"},
		{[]string{"--jid", "a@example.org"}, wrongUsage, "no password for a@example.org"},
		{[]string{"--jid", "example.org", "--password", "x"}, wrongUsage, "alice@example.org"},
		{[]string{"--profile", filepath.Join(dir, "none")}, notFound, "chmod 600"},
		{[]string{"--profile", write("open", good, 0o644)}, refused, "chmod 600"},
		{[]string{"--profile", write("unknown", good+"pasword = 'y'\n", 0o600)}, wrongUsage, `unknown:3: there is no "pasword" in a profile`},
		{[]string{"--profile", write("broken", "jid =\n", 0o600)}, wrongUsage, "broken:1"},
		{[]string{"--profile", write("good", good, 0o600), "--ca", filepath.Join(dir, "none")}, notFound, "ca.pem"},
		{[]string{"--profile", filepath.Join(dir, "good"), "--ca", write("nonsense", "x", 0o600)}, wrongUsage, "no certificate"},
		{[]string{"--profile", filepath.Join(dir, "good"), "--addr", free.Addr().String()}, unreachable, "--addr HOST:PORT"},
	} {
		o := comity(t, append([]string{"friends"}, c.args...)...)
		if o.code != c.code || !strings.Contains(o.err, c.want) {
			t.Errorf("%q: code %d, want %d with %q in\n%s", c.args, o.code, c.code, c.want, o.err)
		}
	}
}

// TLS is never left unverified, and a wrong password is told from that.
func TestLoginErrors(t *testing.T) {
	p := newPlace(t, "alice")
	if o := comity(t, "friends", "--jid", "alice@example.org", "--password", "wonderland", "--addr", p.addr); o.code != refused || !strings.Contains(o.err, "--ca FILE") {
		t.Errorf("unknown authority: code %d\n%s", o.code, o.err)
	}
	ca := filepath.Join(p.data, authorityFile)
	if o := comity(t, "friends", "--jid", "alice@example.org", "--password", "nonsense", "--addr", p.addr, "--ca", ca); o.code != refused ||
		!strings.Contains(o.err, "comity account passwd alice@example.org") {
		t.Errorf("wrong password: code %d\n%s", o.code, o.err)
	}
	o := comityWith(t, []string{"COMITY_JID=alice@example.org", "COMITY_PASSWORD=wonderland"}, "", "friends", "--addr", p.addr, "--ca", ca)
	if o.code != done || !strings.Contains(o.out, "no friends yet") {
		t.Errorf("code %d\n%s%s", o.code, o.out, o.err)
	}
}

func TestPlain(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"Temperature, °C", "Temperature, °C"},
		{"two\nlines\tand", "two lines and"},
		{"\x1b[31mred\u009b2J", "�[31mred�2J"},
		{"bob\u202emoc.live", "bob�moc.live"},
	} {
		if got := plain(c.text); got != c.want {
			t.Errorf("%q: got %q", c.text, got)
		}
	}
}

func TestChoose(t *testing.T) {
	var all []question
	for i, key := range []string{"ABCDEFGH", "ABCDXYZ2", "2345ABCD"} {
		q := question{no: i + 1}
		q.Key = key
		all = append(all, q)
	}
	for _, c := range []struct {
		name string
		want int // 0 for none
	}{
		{"1", 1}, {"3", 3}, {"4", 0}, {"0", 0}, {"-1", 0}, {"abcde", 1}, {"ABCD", 0}, {"ABC", 0}, {"2345", 3}, {"ABCDXYZ2", 2}, {"ABCDXYZ22", 0}, {"", 0},
	} {
		if q, err := choose(all, c.name); q.no != c.want || (err == nil) != (c.want > 0) {
			t.Errorf("%q: got %d, %v", c.name, q.no, err)
		}
	}
}

// What is allowed is what was shown.
func TestParseScope(t *testing.T) {
	for _, text := range []string{"everything", "Temperature", "A, B", "momentary of everything", "momentary, peak of A, B", "Speed of Fan"} {
		s := parseScope(text)
		if got := s.String(); got != text {
			t.Errorf("%s: got %s, %+v", text, got, s)
		}
	}
	if s := parseScope("momentary, peak of A, B"); fmt.Sprint(s.Categories, s.Names) != "momentary, peak [A B]" {
		t.Errorf("got %+v", s)
	}
}
