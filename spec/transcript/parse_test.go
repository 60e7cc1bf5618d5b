package transcript

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const example = `# XEP-0347#claim, RFC 6120 §8.1.2.1: an owner claims a thing by its tags.
accounts: alice thing
unused: nobody
keys: maker=2
each: g urn:nf:iot urn:nfi:iot
needs: {g}:disco:1.0 at {discovery}
needs: jabber:iq:register

# Discovery.md "Claiming a Thing": the owner asks.
alice/phone connects
alice/phone sends: <iq type='set' id='1' to='{discovery}'>
  # A comment does not end the stanza.
  <mine xmlns='{g}:disco:1.0'><str name='KEY'
    value='kJ3'/></mine></iq>
alice/phone receives: <iq type='error' id='1'>{error cancel/item-not-found}</iq>
`

func TestParse(t *testing.T) {
	f, err := Parse("claim.txt", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	if f.Title != "XEP-0347#claim, RFC 6120 §8.1.2.1: an owner claims a thing by its tags." {
		t.Errorf("title %q", f.Title)
	}
	cites := []string{"XEP-0347#claim", "RFC 6120 §8.1.2.1", `Discovery.md "Claiming a Thing"`}
	if !slices.Equal(f.Cites, cites) {
		t.Errorf("cites %q", f.Cites)
	}
	if !slices.Equal(f.Accounts, []string{"alice", "thing"}) || !slices.Equal(f.Unused, []string{"nobody"}) {
		t.Errorf("accounts %q, unused %q", f.Accounts, f.Unused)
	}
	if !slices.Equal(f.Keys, []Key{{"maker", 2}}) {
		t.Errorf("keys %v", f.Keys)
	}
	if f.Len() != 3 || f.steps[1].line != 11 {
		t.Fatalf("steps %+v", f.steps)
	}
	text, err := f.steps[1].action.(send).text.fill(values{"discovery": "d.example", "g": "urn:nf:iot"}, true)
	want := "<iq type='set' id='1' to='d.example'><mine xmlns='urn:nf:iot:disco:1.0'><str name='KEY' value='kJ3'/></mine></iq>"
	if err != nil || text != want {
		t.Errorf("sends %s, %v", text, err)
	}

	all := f.Expand()
	if len(all) != 2 || all[1].Name != "claim.txt (urn:nfi:iot)" {
		t.Fatalf("expanded to %+v", all)
	}
	needs := []Need{{"urn:nfi:iot:disco:1.0", "{discovery}"}, {"jabber:iq:register", ""}}
	if !slices.Equal(all[1].Needs, needs) {
		t.Errorf("needs %v", all[1].Needs)
	}
}

func TestParseErrors(t *testing.T) {
	const head = "# RFC 6120 §4.9: title\naccounts: alice bob\n"
	for _, c := range []struct{ text, want string }{
		{"", ":1: no comment cites"},
		{"# No citation\nraw connects\n", ":1: no comment cites"},
		{head, ":1: no steps"},
		{"  indented\n", ":1: continues nothing"},
		{"# RFC 6120 §4.9: title\nusers: alice\n", `:2: no key "users"`},
		{head + "accounts: alice\n", `:3: "alice" cannot be a name`},
		{head + "accounts: raw1\n", `:3: "raw1" cannot be a name`},
		{head + "keys: maker\n", `:3: "maker" is no key`},
		{head + "needs: a in b\n", ":3: needs one feature"},
		{head + "each: g\n", ":3: each needs"},
		{head + "carol connects\n", `:3: "carol" is no account`},
		{head + "alice dances\n", `:3: alice does not know how to "dances"`},
		{head + "alice opens\n", `:3: alice does not know how to "opens"`},
		{head + "raw is available\n", `:3: raw does not know how to`},
		{head + "alice is available, priority 200\n", ":3: the priority"},
		{head + "alice connects\naccounts: carol\n", `:4: "accounts:" is no account`},
		{head + "alice receives: <a>\n", ":3: what is received must be XML"},
		{head + "alice receives: <a/><b/>\n", ":3: receives one element"},
		{head + "alice receives: text\n", ":3: no element"},
		{head + "alice receives in any order:\n  <a/>\n", ":3: an order needs two"},
		{head + "alice receives one of:\n  <a/>\n", ":3: an order needs two elements, and so does a choice"},
		{head + "alice may receive:\n  <a/>\n  <b/>\n", ":3: may receive one element"},
		{head + "raw may receive: <a/>\n", `:3: raw does not know how to "may receive"`},
		{head + "alice sends: <a b='{any}'/>\n", ":3: {any} is for what is received"},
		{head + "alice and alice/phone are friends\n", ":3: friends are two accounts"},
		{head + "raw fails to log in as alice\n", ":3: a login fails with a condition"},
		{head + "let x=y\n", ":3: not of the form"},
	} {
		_, err := Parse("f.txt", []byte(c.text))
		if err == nil || !strings.HasPrefix(err.Error(), "f.txt"+c.want) {
			t.Errorf("%q: error %v, want f.txt%s", c.text, err, c.want)
		}
	}
}

// The files of the project are all well-formed, and no two have the same title.
func TestLoad(t *testing.T) {
	files, err := Load("../transcripts")
	if err != nil {
		t.Fatal(err)
	}
	titles := map[string]string{}
	for _, f := range files {
		base, _, _ := strings.Cut(filepath.Base(f.Name), " ")
		if other, ok := titles[f.Title]; ok && other != base {
			t.Errorf("%s and %s have the title %q", other, base, f.Title)
		}
		titles[f.Title] = base
	}
	if len(titles) < 20 {
		t.Errorf("only %d files: is the folder right?", len(titles))
	}
}

func FuzzParse(f *testing.F) {
	f.Add(example)
	paths, err := filepath.Glob("../transcripts/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(src))
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("fuzz.txt", []byte(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "fuzz.txt:") {
				t.Errorf("the error does not say where: %v", err)
			}
			return
		}
		if len(file.Cites) == 0 || file.Len() == 0 {
			t.Errorf("accepted %d citations and %d steps", len(file.Cites), file.Len())
		}
		for _, e := range file.Expand() {
			for _, s := range e.steps {
				if s.line < 1 || s.text == "" {
					t.Errorf("step %+v", s)
				}
			}
		}
	})
}
