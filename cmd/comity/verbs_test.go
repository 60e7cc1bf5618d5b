package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/thing"
)

// place is a broker with people and things, each person with a profile.
type place struct {
	broker *broker
	data   string
	addr   string
	people map[string]string // profile files
}

func newPlace(t *testing.T, people ...string) *place {
	t.Helper()
	p := &place{data: t.TempDir(), people: map[string]string{}}
	p.broker = serve(t, "--domain", "example.org", "--data", p.data, "--c2s", "127.0.0.1:0")
	p.addr = p.broker.addr("c2s")
	for _, name := range people {
		must(t, "account", "add", name+"@example.org", "--password", "wonderland", "--data", p.data)
		p.people[name] = p.write(t, name+".toml", fmt.Sprintf("jid = '%s@example.org'\npassword = 'wonderland'\naddr = '%s'\nca = 'ca.pem'\n", name, p.addr))
	}
	return p
}

// write makes a profile file in the data folder, where ca.pem is.
func (p *place) write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(p.data, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// as runs a command line of somebody.
func (p *place) as(t *testing.T, name string, args ...string) outcome {
	t.Helper()
	return comity(t, append(args, "--profile", p.people[name])...)
}

// want is as, and checks the code and something in the output or the error.
func (p *place) want(t *testing.T, name string, code exitCode, text string, args ...string) outcome {
	t.Helper()
	o := p.as(t, name, args...)
	if o.code != code || !strings.Contains(o.out+o.err, text) {
		t.Fatalf("%s: comity %q: code %d, want %d with %q in\n%s%s", name, args, o.code, code, text, o.out, o.err)
	}
	return o
}

// switched is a relay.
type switched struct {
	mu sync.Mutex
	on bool
}

func (s *switched) get(context.Context) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.on, nil
}

func (s *switched) set(_ context.Context, on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = on
	return nil
}

// lamp is a thing with a sensor and a switch, at the place until the test ends.
func (p *place) lamp(t *testing.T) (address, claim string) {
	t.Helper()
	key := decode[apikeyLine](t, must(t, "apikey", "add", "--owner", "ACME", "--limit", "1", "--data", p.data, "--json").out)[0]
	relay := &switched{}
	l := thing.New(thing.About{Serial: "L-1", Maker: "maker.example", Model: "Lamp", Version: "1.2", Tags: []registry.Tag{registry.Str("CITY", "Stockholm")}})
	l.Field(thing.Field{Name: "Power", Unit: "W", Read: func(context.Context) (thing.Value, error) { return thing.FloatValue(4.7, 2), nil }})
	l.Field(thing.Field{Name: "Hours", Unit: "h", Read: func(context.Context) (thing.Value, error) { return thing.IntValue(1234), nil }})
	l.Parameter(thing.Bool{Name: "Relay", Help: "switches the lamp", Get: relay.get, Set: relay.set})
	l.Parameter(thing.Integer{Name: "Level", Min: 1, Max: 9, Set: func(context.Context, int64) error { return nil }})
	claims := make(chan string, 1)
	trust, err := readAuthority(filepath.Join(p.data, authorityFile))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- l.Run(ctx, thing.Config{
			Broker: "example.org", Addr: p.addr, TLS: tlsTrusting(trust), APIKey: key.ID, Secret: key.Secret, State: filepath.Join(p.data, "lamp"),
			Events: thing.Events{Unclaimed: func(uri string) {
				select {
				case claims <- uri:
				default:
				}
			}},
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	select {
	case claim = <-claims:
		return l.JID().String(), claim
	case err := <-ended:
		ended <- err
		t.Fatal(err)
	}
	return "", ""
}

// What an owner and a neighbour do with a lamp, by the command line alone.
func TestVerbs(t *testing.T) {
	p := newPlace(t, "alice", "bob")
	lamp, claim := p.lamp(t)

	p.want(t, "alice", notFound, "no public thing", "search", "MAN=maker.example")
	p.want(t, "alice", done, lamp+" is now owned by alice@example.org. Everybody can find it", "claim", "--public", claim)
	p.want(t, "bob", notFound, "nobody may own it", "claim", claim)
	t.Run("search", func(t *testing.T) { testSearch(t, p, lamp) })

	p.want(t, "alice", done, "FIELD", "read", lamp)
	p.want(t, "bob", refused, "comity friends add "+lamp, "read", lamp)
	p.want(t, "bob", refused, "comity friends add --wait "+lamp, "friends", "add", lamp)

	p.want(t, "alice", done, "May bob@example.org befriend "+lamp+"?", "questions")
	p.want(t, "alice", notFound, "no open question 2", "questions", "answer", "2", "allow")
	p.want(t, "alice", wrongUsage, "no fields", "questions", "answer", "1", "allow", "--fields", "Power")
	p.want(t, "alice", done, "From now on bob@example.org may befriend "+lamp, "questions", "answer", "1", "allow")
	p.want(t, "alice", done, "Nobody waits", "questions")
	p.want(t, "bob", done, lamp+" is your friend.", "friends", "add", lamp)

	t.Run("read", func(t *testing.T) { testRead(t, p, lamp) })
	t.Run("set", func(t *testing.T) { testSet(t, p, lamp) })
	t.Run("friends", func(t *testing.T) { testFriends(t, p, lamp) })
	t.Run("rules", func(t *testing.T) { testRules(t, p, lamp) })
}

func testSearch(t *testing.T, p *place, lamp string) {
	for _, terms := range [][]string{
		{"MAN=maker.example"},
		{"man=MAKER.example", "#V>=1.2"},
		{"#V>1", "#V<2"},
		{"#V=1.2"},
		{"#V<>7"},
		{"#V>1.1", "#V<1"},
		{"CITY~st*"},
		{"CITY~*hol*"},
		{"CITY>Berlin"},
		{"iotdisco:MAN=maker.example;#V>=1.0"},
	} {
		o := p.want(t, "bob", done, lamp, append([]string{"search", "--json"}, terms...)...)
		found := decode[foundLine](t, o.out)
		if len(found) != 1 || found[0].JID != lamp || found[0].Tags["SN"] != "L-1" || found[0].Tags["V"] != 1.2 || found[0].Tags["KEY"] != nil {
			t.Errorf("%q: got %+v", terms, found)
		}
	}
	for _, terms := range [][]string{{"MAN=other"}, {"#V>=1.3"}, {"V=1.2"}, {"CITY~*berg"}, {"#V>2", "#V<1"}, {"MAN=maker;example"}} {
		if o := p.as(t, "bob", append([]string{"search"}, terms...)...); o.code != notFound {
			t.Errorf("%q: code %d\n%s%s", terms, o.code, o.out, o.err)
		}
	}
	p.want(t, "bob", done, `SN=L-1 MAN=maker.example MODEL=Lamp V=1.2 CITY=Stockholm`, "search", "MODEL=Lamp")
	p.want(t, "bob", wrongUsage, "comity claim", "search", "KEY=secret")
	p.want(t, "bob", wrongUsage, "MAN=maker.example", "search", "lamp")
	p.want(t, "bob", wrongUsage, "--limit", "search", "MODEL=Lamp", "--limit", "0")
	p.want(t, "alice", wrongUsage, "comity search", "claim", "iotdisco:MODEL=Lamp")
	p.want(t, "alice", wrongUsage, "QR code", "claim", "lamp")
}

func testRead(t *testing.T, p *place, lamp string) {
	p.want(t, "bob", refused, "has been asked", "read", lamp)
	o := p.want(t, "alice", done, `"operation":"read"`, "questions", "--json")
	q := decode[questionLine](t, o.out)
	if len(q) != 1 || q[0].Remote != "bob@example.org" || q[0].Thing != lamp || q[0].Scope != "everything" {
		t.Fatalf("got %+v", q)
	}
	p.want(t, "alice", done, "may read "+lamp+": Power", "questions", "answer", q[0].Key[:6], "allow", "--fields", "Power")
	all := decode[readingLine](t, p.want(t, "bob", done, "", "read", lamp, "--json").out)
	if len(all) != 1 || all[0].Name != "Power" || all[0].Value != 4.7 || all[0].Unit != "W" || all[0].Type != "numeric" || all[0].Time.IsZero() {
		t.Errorf("got %+v", all)
	}
	o = p.want(t, "bob", done, "4.70", "read", lamp, "Power", "--category", "momentary") // with its digits
	if strings.Contains(o.out, "Hours") {
		t.Errorf("got %s", o.out)
	}
	p.want(t, "bob", refused, "does not tell you Hours", "read", lamp, "Power", "Hours")
	p.want(t, "bob", wrongUsage, "momentary, peak", "read", lamp, "--category", "sometimes")
	p.want(t, "alice", done, "1234", "read", lamp)
}

func testSet(t *testing.T, p *place, lamp string) {
	p.want(t, "bob", refused, "has been asked", "set", lamp, "Relay=true")
	p.want(t, "alice", done, "May bob@example.org control "+lamp+": Relay?", "questions")
	// The owner watches, and answers on the terminal.
	signals := make(chan os.Signal)
	out := newWatched()
	e := &env{stdin: strings.NewReader("what\nd\n"), stdout: out, stderr: out, signals: signals}
	code := make(chan exitCode)
	go func() {
		code <- run(context.Background(), e, []string{"questions", "--watch", "--profile", p.people["alice"]})
	}()
	out.wait("everyone at example.org may control " + lamp + ": Relay")
	signals <- os.Interrupt
	if c := <-code; c != done {
		t.Errorf("code %d: %s", c, out)
	}
	p.want(t, "bob", done, lamp+" has set Relay.", "set", lamp, "Relay=true")
	p.want(t, "alice", done, "true", "read", lamp, "Relay")
	p.want(t, "bob", failed, "comity set "+lamp, "set", lamp, "Relay=blue")
	p.want(t, "alice", failed, "comity set "+lamp, "set", lamp, "Level=10")
	p.want(t, "alice", done, "int, 1 to 9", "set", lamp)
	list := decode[parameterLine](t, p.want(t, "bob", done, "Relay", "set", lamp, "--json").out)
	if len(list) != 1 || list[0].Name != "Relay" || list[0].Type != "boolean" || list[0].Value != "true" {
		t.Errorf("got %+v", list)
	}
	p.want(t, "bob", wrongUsage, "PARAMETER=VALUE", "set", lamp, "on")
}

func testFriends(t *testing.T, p *place, lamp string) {
	all := decode[friendLine](t, p.want(t, "bob", done, lamp, "friends", "--json").out)
	if len(all) != 1 || !all[0].Device || all[0].Presence != "online" || all[0].Sees != "both" {
		t.Errorf("got %+v", all)
	}
	p.want(t, "bob", done, "can be read and commanded", "friends")
	p.want(t, "bob", unreachable, "has not answered yet", "friends", "add", "alice@example.org")
	p.want(t, "bob", done, "you asked", "friends")
	p.want(t, "alice", done, "it asks you: comity friends add bob@example.org", "friends", "list")
	p.want(t, "alice", done, "is your friend", "friends", "add", "bob@example.org")
	p.want(t, "bob", done, "mutual", "friends")
	p.want(t, "bob", unreachable, "alice@example.org is not online", "read", "alice@example.org")
	p.want(t, "bob", done, "not your friend any more", "friends", "remove", "alice@example.org")
	p.want(t, "bob", notFound, "none of your friends", "friends", "remove", "alice@example.org")
	p.want(t, "bob", wrongUsage, "lamp@example.org", "friends", "add", "@")
}

func testRules(t *testing.T, p *place, lamp string) {
	all := decode[ruleLine](t, p.want(t, "alice", done, "", "rules", "--json").out)
	if len(all) != 3 || all[0].Operation != "befriend" || all[1].Scope != "Power" || all[2].Who != "everyone at example.org" || all[2].Thing != lamp {
		t.Fatalf("got %+v", all)
	}
	p.want(t, "alice", done, "everyone at example.org", "rules")
	p.want(t, "alice", done, "was told to forget", "rules", "delete", fmt.Sprint(all[1].Rule))
	p.want(t, "bob", refused, "has been asked", "read", lamp)
	p.want(t, "alice", notFound, "comity rules", "rules", "delete", fmt.Sprint(all[1].Rule))
	p.want(t, "bob", done, "decided nothing yet", "rules")
}
