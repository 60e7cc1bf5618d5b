package registry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/module/moduletest"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// world is a broker with a registry, whose settings a test may change.
type world struct {
	*moduletest.Broker
	registry *registry.Registry
	settings *registry.Settings
	changes  []string // of ownership, as they were told in transactions
	refuse   error    // what who is told answers
}

func newWorld(t *testing.T) *world {
	w := &world{registry: registry.New()}
	w.registry.Changed = append(w.registry.Changed,
		func(_ *store.Tx, _ *module.Host, t iot.Thing, owner jid.JID, c registry.Change) error {
			w.changes = append(w.changes, fmt.Sprint(t, " ", owner, " ", c))
			return w.refuse
		})
	def := w.registry.Module()
	w.settings = def.Config.(*registry.Settings)
	w.Broker = moduletest.New(t, def)
	w.Accounts.Add("alice@example.org", "bob@example.org", "thing@example.org")
	return w
}

// as returns the registry as a party sees it.
func (w *world) as(who string) *registry.Client {
	return &registry.Client{
		Requester: w.Client(who + "@example.org/x"), Registry: jid.MustParse("discovery.example.org"), Generation: iot.NF,
	}
}

func tags(t *testing.T, all ...registry.Tag) registry.Tags {
	t.Helper()
	ts, err := registry.NewTags(all...)
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

// enroll registers a thing that is known by its key alone.
func (w *world) enroll(t *testing.T, who string, node iot.Node, key string) registry.Tags {
	t.Helper()
	ts := tags(t, registry.Str("SN", "1"), registry.Str("KEY", key))
	if claimed, err := w.as(who).Register(t.Context(), registry.Register{Node: node, Tags: ts}); err != nil || claimed != nil {
		t.Fatalf("register: %v, %v", claimed, err)
	}
	return ts
}

func (w *world) claim(t *testing.T, who string, ts registry.Tags) {
	t.Helper()
	if _, err := w.as(who).Claim(t.Context(), ts, true); err != nil {
		t.Fatalf("%s claims: %v", who, err)
	}
}

// topics are those of the pushes since the last call.
func (w *world) topics() (all []string) {
	for _, p := range w.Outbox.Pushes() {
		all = append(all, p.Topic)
	}
	return all
}

// A claim, what follows from it and who is told are one: where one of them fails, nothing has happened.
func TestClaimIsOneTransaction(t *testing.T) {
	w := newWorld(t)
	ts := w.enroll(t, "thing", iot.Node{}, "k")
	w.refuse = stanza.NotAcceptable
	if _, err := w.as("alice").Claim(t.Context(), ts, true); !errors.Is(err, stanza.NotAcceptable) {
		t.Fatalf("claim: %v", err)
	}
	if p := w.Outbox.Pushes(); len(p) > 0 {
		t.Errorf("pushed %v", p)
	}
	w.refuse = nil
	w.claim(t, "bob", ts) // it was free still
	pushes := w.Outbox.Pushes()
	if len(pushes) != 1 || !pushes[0].IQ || pushes[0].To != jid.MustParse("thing@example.org") {
		t.Fatalf("pushed %v", pushes)
	}
	// In the generation of the thing, and always whether it is public.
	want := `<claimed xmlns='urn:nf:iot:disco:1.0' jid='bob@example.org' public='true'/>`
	if got := pushes[0].Payload.String(); got != want {
		t.Errorf("pushed %s, want %s", got, want)
	}
}

// XEP-0347#claim: nobody guesses their way to a thing; the right claim of another is not in the way.
func TestClaimsInVain(t *testing.T) {
	w := newWorld(t)
	w.settings.Claims = 2
	ts := w.enroll(t, "thing", iot.Node{}, "k")
	wrong := tags(t, registry.Str("SN", "1"), registry.Str("KEY", "guess"))
	for _, want := range []stanza.Condition{stanza.ItemNotFound, stanza.ItemNotFound, stanza.ResourceConstraint} {
		if _, err := w.as("bob").Claim(t.Context(), wrong, true); !errors.Is(err, want) {
			t.Errorf("a guess: %v, want %v", err, want)
		}
	}
	if _, err := w.as("bob").Claim(t.Context(), ts, true); !errors.Is(err, stanza.ResourceConstraint) {
		t.Errorf("behind the guesses: %v", err)
	}
	w.Clock.Advance(time.Minute + time.Second)
	if _, err := w.as("bob").Claim(t.Context(), tags(t), true); !errors.Is(err, stanza.ItemNotFound) {
		t.Errorf("a claim without tags: %v", err)
	}
	w.claim(t, "bob", ts)
}

// Things that nobody can tell apart nobody can claim, nor one that says nothing of itself.
func TestAmbiguousClaim(t *testing.T) {
	w := newWorld(t)
	ts := w.enroll(t, "thing", iot.Node{ID: "a"}, "k")
	w.enroll(t, "thing", iot.Node{ID: "b"}, "k")
	if _, err := w.as("alice").Claim(t.Context(), ts, true); !errors.Is(err, stanza.ItemNotFound) {
		t.Errorf("one of two: %v", err)
	}
	if _, err := w.as("bob").Register(t.Context(), registry.Register{}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.as("alice").Claim(t.Context(), tags(t), true); !errors.Is(err, stanza.ItemNotFound) {
		t.Errorf("by nothing: %v", err)
	}
}

func TestQuota(t *testing.T) {
	w := newWorld(t)
	w.settings.Things = 2
	w.enroll(t, "thing", iot.Node{ID: "a"}, "a")
	w.enroll(t, "thing", iot.Node{ID: "b"}, "b")
	_, err := w.as("thing").Register(t.Context(), registry.Register{Node: iot.Node{ID: "c"}})
	if !errors.Is(err, stanza.ResourceConstraint) {
		t.Errorf("one too many: %v", err)
	}
	w.enroll(t, "thing", iot.Node{ID: "b"}, "again")
	w.enroll(t, "bob", iot.Node{}, "another account")
}

// The owner may claim again with the same, also after the thing has changed its tags, and after it was taken out of searches.
func TestReclaim(t *testing.T) {
	w := newWorld(t)
	ts := w.enroll(t, "thing", iot.Node{}, "k")
	w.claim(t, "alice", ts)
	if err := w.as("thing").Update(t.Context(), iot.Node{}, tags(t, registry.Str("ROOM", "Attic"))); err != nil {
		t.Fatal(err)
	}
	thing := iot.Thing{JID: jid.MustParse("thing@example.org")}
	if err := w.as("alice").Remove(t.Context(), thing); err != nil {
		t.Fatal(err)
	}
	if got := w.topics(); !slices.Equal(got, []string{"claimed ", "removed "}) {
		t.Errorf("pushed %q", got)
	}
	w.claim(t, "alice", ts)
	if _, err := w.as("bob").Claim(t.Context(), ts, true); !errors.Is(err, stanza.ItemNotFound) {
		t.Errorf("by another: %v", err)
	}
	var found int
	for l, err := range w.as("bob").Search(t.Context(), registry.Search{Operators: []registry.Operator{registry.Where("ROOM", registry.Equal, "attic")}}) {
		if err != nil || l.Thing != thing {
			t.Fatalf("found %v, %v", l, err)
		}
		found++
	}
	if found != 1 {
		t.Errorf("found %d times", found)
	}
}

// XEP-0347#disown: the thing hears of it first.
func TestDisown(t *testing.T) {
	w := newWorld(t)
	ts := w.enroll(t, "thing", iot.Node{}, "k")
	w.claim(t, "alice", ts)
	thing := iot.Thing{JID: jid.MustParse("thing@example.org")}
	if err := w.as("alice").Disown(t.Context(), thing); !errors.Is(err, stanza.NotAllowed) {
		t.Errorf("offline: %v", err)
	}
	w.Online("thing@example.org/low", -1)
	w.Online("thing@example.org/high", 1)
	var asked []string
	answer := stanza.NotAcceptable.Typed(stanza.Cancel)
	w.Network.Answer = func(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
		asked = append(asked, iq.To.Resource()+" "+iq.Payload.Local())
		if answer != nil {
			return nil, answer
		}
		return nil, nil
	}
	if err := w.as("alice").Disown(t.Context(), thing); !errors.Is(err, stanza.NotAllowed) {
		t.Errorf("against its will: %v", err)
	}
	w.changes, answer = nil, nil
	if err := w.as("alice").Disown(t.Context(), thing); err != nil {
		t.Errorf("disown: %v", err)
	}
	if want := []string{"high disowned", "high disowned"}; !slices.Equal(asked, want) {
		t.Errorf("told %q, want %q", asked, want)
	}
	if want := []string{fmt.Sprint(thing, " alice@example.org ", registry.WasDisowned)}; !slices.Equal(w.changes, want) {
		t.Errorf("changes %q, want %q", w.changes, want)
	}
	if _, err := w.as("alice").Claim(t.Context(), ts, true); !errors.Is(err, stanza.ItemNotFound) {
		t.Errorf("claimed by what it was known by: %v", err)
	}
	if err := w.as("thing").Update(t.Context(), iot.Node{}, tags(t, registry.Str("A", "1"))); !errors.Is(err, registry.ErrDisowned) {
		t.Errorf("update: %v", err)
	}
}

// Whoever begins or ends to be the owner is told of, also where that is the thing itself.
func TestSelfOwned(t *testing.T) {
	w := newWorld(t)
	for _, self := range []bool{true, true, false} {
		if _, err := w.as("thing").Register(t.Context(), registry.Register{SelfOwned: self, Tags: tags(t, registry.Str("KEY", "k"))}); err != nil {
			t.Fatal(err)
		}
	}
	who := "thing@example.org thing@example.org "
	if want := []string{who + fmt.Sprint(registry.WasClaimed), who + fmt.Sprint(registry.WasDisowned)}; !slices.Equal(w.changes, want) {
		t.Errorf("changes %q, want %q", w.changes, want)
	}
	w.claim(t, "alice", tags(t, registry.Str("KEY", "k")))
}

// Pages are of the size asked for, and of no more than the settings say. A search ends, whatever it has looked at.
func TestPages(t *testing.T) {
	w := newWorld(t)
	w.settings.Page, w.settings.Scan = 3, 600
	all := tags(t, registry.Str("KIND", "lamp"))
	for i := range 7 {
		node := iot.Node{ID: fmt.Sprint(i)}
		if _, err := w.as("thing").Register(t.Context(), registry.Register{Node: node, SelfOwned: true, Tags: all}); err != nil {
			t.Fatal(err)
		}
	}
	s := registry.Search{Operators: []registry.Operator{registry.Where("KIND", registry.NotEqual, "")}}
	for _, c := range []struct{ offset, count, want int }{{0, 0, 3}, {0, 2, 2}, {0, 100, 3}, {5, 3, 2}, {7, 3, 0}} {
		s.Page = iot.Page{Offset: c.offset, MaxCount: c.count}
		f, err := w.as("bob").Page(t.Context(), s)
		if more := c.offset+c.want < 7; err != nil || len(f.Things) != c.want || f.More != more {
			t.Errorf("page %+v: %d things, more %v, %v", c, len(f.Things), f.More, err)
		}
		owned, err := w.registry.Owned(t.Context(), w.Host, jid.MustParse("thing@example.org"), s.Page)
		if err != nil || len(owned.Things) != c.want || owned.More != f.More {
			t.Errorf("owned %+v: %d things, more %v, %v", c, len(owned.Things), owned.More, err)
		}
	}
	w.settings.Scan = 1 // a whole batch is looked at, and no second
	s.Page = iot.Page{}
	n := 0
	for _, err := range w.as("bob").Search(t.Context(), s) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 7 {
		t.Errorf("found %d of one batch", n)
	}
}

// Searches cost, so each account has so many in a minute.
func TestSearchesAreCounted(t *testing.T) {
	w := newWorld(t)
	w.settings.Searches = 1
	s := registry.Search{Operators: []registry.Operator{registry.Where("KEY", registry.Equal, "k")}}
	if f, err := w.as("bob").Page(t.Context(), s); err != nil || len(f.Things) > 0 {
		t.Errorf("search: %v, %v", f, err)
	}
	if _, err := w.as("bob").Page(t.Context(), s); !errors.Is(err, stanza.ResourceConstraint) {
		t.Errorf("the second: %v", err)
	}
	if _, err := w.as("alice").Page(t.Context(), s); err != nil {
		t.Errorf("another's: %v", err)
	}
	w.Clock.Advance(time.Minute + time.Second)
	if _, err := w.as("bob").Page(t.Context(), s); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

// An interface is found by its name with colons, by way of the index too.
func TestSearchByInterface(t *testing.T) {
	w := newWorld(t)
	reg := registry.Register{SelfOwned: true, Tags: tags(t, registry.Str("urn_example_lamp", "On"))}
	if _, err := w.as("thing").Register(t.Context(), reg); err != nil {
		t.Fatal(err)
	}
	s := registry.Search{Operators: []registry.Operator{registry.Where("urn:example:lamp", registry.Equal, "on")}}
	if f, err := w.as("bob").Page(t.Context(), s); err != nil || len(f.Things) != 1 {
		t.Errorf("found %v, %v", f, err)
	}
}

// With an account go its things. What it owned is nobody's, and not to be claimed by what was known of it.
func TestAccountRemoved(t *testing.T) {
	w := newWorld(t)
	w.Accounts.Add("lamp@example.org")
	ts := w.enroll(t, "lamp", iot.Node{}, "lamp")
	w.claim(t, "alice", ts)
	mine := w.enroll(t, "alice", iot.Node{ID: "1"}, "own")
	w.claim(t, "bob", mine)
	w.changes = nil
	if err := w.Host.Accounts.Remove(t.Context(), jid.MustParse("alice@example.org")); err != nil {
		t.Fatal(err)
	}
	if want := []string{fmt.Sprint("lamp@example.org alice@example.org ", registry.WasDisowned)}; !slices.Equal(w.changes, want) {
		t.Errorf("changes %q, want %q", w.changes, want)
	}
	if _, err := w.as("bob").Claim(t.Context(), ts, true); !errors.Is(err, stanza.ItemNotFound) {
		t.Errorf("claimed by what the former owner knew: %v", err)
	}
	w.claim(t, "bob", w.enroll(t, "lamp", iot.Node{}, "new"))
	owned, err := w.registry.Owned(t.Context(), w.Host, jid.MustParse("bob@example.org"), iot.Page{})
	if err != nil || len(owned.Things) != 1 || owned.Things[0].Thing.JID != jid.MustParse("lamp@example.org") {
		t.Errorf("Bob owns %v, %v", owned, err)
	}
}
