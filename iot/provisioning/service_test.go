package provisioning_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/iot/registry"
	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/module/moduletest"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

var (
	mary = jid.MustParse("mary@example.org")
	paul = jid.MustParse("paul@example.org")
	rita = jid.MustParse("rita@b.example")
	lamp = jid.MustParse("lamp@example.org")
	desk = jid.MustParse("discovery.example.org")
)

// town is a broker where Mary owns a lamp.
type town struct {
	*moduletest.Broker
	registry *registry.Registry
	settings *provisioning.Settings
	outbox   *outbox
	log      bytes.Buffer
}

// outbox is the stand-in's, which may fail and may wait in vain.
type outbox struct {
	module.Outbox
	fail error
	deaf bool
}

func (o *outbox) Put(tx *store.Tx, p module.Push) error {
	if o.fail != nil {
		return o.fail
	}
	return o.Outbox.Put(tx, p)
}

func (o *outbox) Wait(context.Context, jid.JID, jid.JID) bool { return !o.deaf }

func newTown(t *testing.T) *town {
	w := &town{registry: registry.New()}
	def := provisioning.Module(w.registry)
	w.settings = def.Config.(*provisioning.Settings)
	w.Broker = moduletest.NewWith(t, func(h *module.Host) {
		w.outbox = &outbox{Outbox: h.Outbox}
		h.Outbox = w.outbox
		h.Log = slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}, w.registry.Module(), def)
	for _, j := range []jid.JID{mary, paul, lamp} {
		w.Accounts.Add(j.String())
	}
	w.give(t, iot.Node{}, mary)
	w.Outbox.Pushes()
	return w
}

// give registers a node of the lamp and has somebody claim it.
func (w *town) give(t *testing.T, node iot.Node, owner jid.JID) {
	t.Helper()
	tags, err := registry.NewTags(registry.Str("KEY", "key of "+node.ID))
	if err != nil {
		t.Fatal(err)
	}
	thing := &registry.Client{Requester: w.Client(lamp.String() + "/x"), Registry: desk, Generation: iot.NF}
	if _, err := thing.Register(t.Context(), registry.Register{Node: node, Tags: tags}); err != nil {
		t.Fatal(err)
	}
	claimant := &registry.Client{Requester: w.Client(owner.String() + "/x"), Registry: desk, Generation: iot.NFI}
	if _, err := claimant.Claim(t.Context(), tags, false); err != nil {
		t.Fatal(err)
	}
}

func (w *town) thing() *provisioning.Client {
	return &provisioning.Client{Requester: w.Client(lamp.String() + "/x"), Service: desk, Generation: iot.NF}
}

func (w *town) owner(j jid.JID) *provisioning.OwnerClient {
	return &provisioning.OwnerClient{Requester: w.Client(j.String() + "/x"), Service: desk, Generation: iot.NFI}
}

// friends asks whether the lamp may have a friend.
func (w *town) friends(t *testing.T, remote jid.JID) bool {
	t.Helper()
	ok, err := w.thing().IsFriend(t.Context(), remote)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

// questions are those that owners were asked since the last call, by whom they went to.
func (w *town) questions(t *testing.T) (all []provisioning.Question, to []jid.JID) {
	t.Helper()
	for _, p := range w.Outbox.Pushes() {
		if p.IQ || p.Text == "" {
			continue
		}
		q, err := provisioning.ParseQuestion(p.Payload)
		if err != nil {
			t.Fatal(err)
		}
		all, to = append(all, q), append(to, p.To)
	}
	return all, to
}

// ask has somebody be refused and returns the question.
func (w *town) ask(t *testing.T, remote jid.JID) provisioning.Question {
	t.Helper()
	if w.friends(t, remote) {
		t.Fatalf("%s may already", remote)
	}
	qs, to := w.questions(t)
	if len(qs) != 1 || to[0] != mary {
		t.Fatalf("asked %v of %v", qs, to)
	}
	return qs[0]
}

func (w *town) answer(t *testing.T, q provisioning.Question, allow bool, kind provisioning.OriginKind) {
	t.Helper()
	a, ok := q.Answer(allow, kind)
	if !ok {
		t.Fatalf("no answer to %+v of kind %v", q, kind)
	}
	if err := w.owner(mary).Answer(t.Context(), a); err != nil {
		t.Fatal(err)
	}
}

// An owner is asked once while a question is open; once it was answered and the rule is gone, again, under the same key.
func TestQuestionOnce(t *testing.T) {
	w := newTown(t)
	q := w.ask(t, paul)
	if w.friends(t, paul) {
		t.Error("allowed by asking twice")
	}
	if again, _ := w.questions(t); len(again) > 0 {
		t.Errorf("asked again: %v", again)
	}
	w.answer(t, q, true, provisioning.FromCaller)
	if !w.friends(t, paul) {
		t.Error("not learnt")
	}
	if err := w.owner(mary).DeleteRules(t.Context(), iot.Thing{JID: lamp}); err != nil {
		t.Fatal(err)
	}
	w.Outbox.Pushes()
	w.ask(t, paul)
}

// A question can be answered again, otherwise; the last word counts, and is the only rule.
func TestAnswerTwice(t *testing.T) {
	w := newTown(t)
	q := w.ask(t, paul)
	for _, allow := range []bool{true, false, true} {
		w.answer(t, q, allow, provisioning.FromCaller)
		if got := w.friends(t, paul); got != allow {
			t.Errorf("after %v: %v", allow, got)
		}
	}
	if n := w.count(t, "provisioning_rule"); n != 1 {
		t.Errorf("%d rules", n)
	}
}

func (w *town) count(t *testing.T, table string) (n int) {
	t.Helper()
	err := w.Host.DB.View(t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT count(*) FROM ` + table).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Rules keep their order as they are stored: the caller's own goes before the domain's, that before everybody's, whatever came last.
func TestPrecedenceStored(t *testing.T) {
	w := newTown(t)
	q := w.ask(t, paul)
	w.answer(t, q, false, provisioning.FromCaller)
	w.answer(t, q, true, provisioning.FromDomain)
	w.answer(t, q, true, provisioning.FromAnyone)
	w.answer(t, q, false, provisioning.FromDomain)
	w.answer(t, q, true, provisioning.FromDomain)
	for who, want := range map[jid.JID]bool{paul: false, jid.MustParse("dave@example.org"): true, rita: true, mary: true} {
		if got := w.friends(t, who); got != want {
			t.Errorf("%s: %v", who, got)
		}
	}
	w.answer(t, q, false, provisioning.FromAnyone)
	if w.friends(t, rita) || !w.friends(t, jid.MustParse("dave@example.org")) {
		t.Error("a newer rule for everybody is not only for those without one of their own")
	}
}

// An answer is to the question that was asked, and by who owns the thing now.
func TestForeignAnswers(t *testing.T) {
	w := newTown(t)
	q := w.ask(t, paul)
	a, _ := q.Answer(true, provisioning.FromCaller)
	for name, change := range map[string]func(*provisioning.Answer){
		"key":       func(a *provisioning.Answer) { a.Key = "guessed" },
		"remote":    func(a *provisioning.Answer) { a.Remote = rita },
		"thing":     func(a *provisioning.Answer) { a.Thing.JID = paul },
		"node":      func(a *provisioning.Answer) { a.Op, a.Thing.Node = provisioning.Read, iot.Node{ID: "n"} },
		"operation": func(a *provisioning.Answer) { a.Op = provisioning.Control },
	} {
		wrong := a
		change(&wrong)
		if err := w.owner(mary).Answer(t.Context(), wrong); !errors.Is(err, stanza.ItemNotFound) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	if err := w.owner(paul).Answer(t.Context(), a); !errors.Is(err, stanza.ItemNotFound) {
		t.Errorf("by another: %v", err)
	}
	if w.friends(t, paul) || w.count(t, "provisioning_rule") != 0 {
		t.Error("one of them was heard")
	}
}

// The rule and what the thing is told of it are one.
func TestAnswerIsOneTransaction(t *testing.T) {
	w := newTown(t)
	q := w.ask(t, paul)
	w.outbox.fail = stanza.ResourceConstraint
	a, _ := q.Answer(true, provisioning.FromCaller)
	if err := w.owner(mary).Answer(t.Context(), a); !errors.Is(err, stanza.ResourceConstraint) {
		t.Errorf("answer: %v", err)
	}
	w.outbox.fail = nil
	if w.friends(t, paul) {
		t.Error("the rule holds without the thing being told")
	}
	if open, _ := w.questions(t); len(open) > 0 {
		t.Error("the question was closed")
	}
	w.answer(t, q, true, provisioning.FromCaller)
	var topics []string
	for _, p := range w.Outbox.Pushes() {
		topics = append(topics, p.Topic+" to "+p.To.String())
	}
	if want := []string{"clearCache  to lamp@example.org", "friendship paul@example.org to lamp@example.org"}; !slices.Equal(topics, want) {
		t.Errorf("pushed %q, want %q", topics, want)
	}
}

// A denial ends friendships in the roster: those that it covers, and no rule allows. The owner's own is not among them.
func TestDenialEndsFriendships(t *testing.T) {
	w := newTown(t)
	dave, erin := jid.MustParse("dave@example.org"), jid.MustParse("erin@example.org")
	w.answer(t, w.ask(t, dave), true, provisioning.FromCaller)
	q := w.ask(t, paul)
	sees := func() (all []string) {
		for _, j := range []jid.JID{mary, paul, rita, dave, erin, desk} {
			if w.Roster.Sees(t.Context(), j, lamp) {
				all = append(all, j.Local())
			}
		}
		return all
	}
	for _, j := range []jid.JID{mary, paul, rita, dave, erin, desk} {
		w.Roster.Show(lamp.String(), j.String())
	}
	w.answer(t, q, false, provisioning.FromCaller)
	if want := []string{"mary", "rita", "dave", "erin", ""}; !slices.Equal(sees(), want) {
		t.Errorf("after a denial for Paul the lamp is seen by %q", sees())
	}
	w.answer(t, q, false, provisioning.FromDomain)
	if want := []string{"mary", "rita", "dave", ""}; !slices.Equal(sees(), want) {
		t.Errorf("after one for the domain by %q", sees())
	}
	w.answer(t, q, false, provisioning.FromAnyone)
	if want := []string{"mary", "dave", ""}; !slices.Equal(sees(), want) {
		t.Errorf("after one for all by %q", sees())
	}
	w.settings.Cancel = false
	w.Roster.Show(lamp.String(), paul.String())
	w.answer(t, q, false, provisioning.FromCaller)
	if !slices.Contains(sees(), "paul") {
		t.Error("ended though the settings say not to")
	}
}

// Who withdraws something hears where the thing has not confirmed it. One that is offline is not waited for.
func TestUnconfirmed(t *testing.T) {
	for _, c := range []struct{ online, deaf, told bool }{{true, false, false}, {true, true, true}, {false, false, true}} {
		w := newTown(t)
		if c.online {
			w.Online(lamp.String()+"/x", 0)
		}
		q := w.ask(t, paul)
		w.outbox.deaf = c.deaf
		w.Network.Sent()
		w.answer(t, q, false, provisioning.FromCaller)
		sent := w.Network.Sent()
		if told := len(sent) == 1 && sent[0].To == mary && sent[0].Body() != ""; told != c.told {
			t.Errorf("%+v: sent %v", c, sent)
		}
	}
}

// A thing that changes hands takes no rules and no questions with it, and forgets.
func TestDisownedRules(t *testing.T) {
	w := newTown(t)
	w.answer(t, w.ask(t, paul), true, provisioning.FromCaller)
	q := w.ask(t, rita)
	w.Online(lamp.String()+"/x", 0)
	w.Network.Answer = func(context.Context, *stanza.IQ) (*xmlstream.Element, error) { return nil, nil }
	w.Outbox.Pushes()
	owner := &registry.Client{Requester: w.Client(mary.String() + "/x"), Registry: desk, Generation: iot.NF}
	if err := owner.Disown(t.Context(), iot.Thing{JID: lamp}); err != nil {
		t.Fatal(err)
	}
	if p := w.Outbox.Pushes(); len(p) != 1 || p[0].Payload.Local() != "clearCache" {
		t.Errorf("pushed %v", p)
	}
	for _, table := range []string{"provisioning_rule", "provisioning_question"} {
		if n := w.count(t, table); n != 0 {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
	if w.friends(t, paul) || w.friends(t, mary) {
		t.Error("a thing without an owner has friends")
	}
	w.give(t, iot.Node{}, paul)
	a, _ := q.Answer(true, provisioning.FromCaller)
	if err := w.owner(mary).Answer(t.Context(), a); !errors.Is(err, stanza.ItemNotFound) {
		t.Errorf("the former owner answers: %v", err)
	}
}

func TestAccountsRemoved(t *testing.T) {
	for _, gone := range []jid.JID{mary, lamp} {
		w := newTown(t)
		w.answer(t, w.ask(t, paul), true, provisioning.FromAnyone)
		if err := w.Host.Accounts.Remove(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{"provisioning_rule", "provisioning_question"} {
			if n := w.count(t, table); n != 0 {
				t.Errorf("without %s %d rows are left in %s", gone, n, table)
			}
		}
		if w.friends(t, paul) {
			t.Errorf("allowed without %s", gone)
		}
	}
}

// Too many open questions to one owner are not in the way of another's.
func TestQuestionsAreCounted(t *testing.T) {
	w := newTown(t)
	w.settings.Questions = 1
	w.give(t, iot.Node{ID: "a"}, mary)
	w.give(t, iot.Node{ID: "b"}, paul)
	w.ask(t, rita)
	w.Outbox.Pushes()
	asked := provisioning.CanRead{Remote: rita, Nodes: []iot.Node{{ID: "a"}, {ID: "b"}}}
	if r, err := w.thing().CanRead(t.Context(), asked); err != nil || r.Allowed {
		t.Fatalf("read: %+v, %v", r, err)
	}
	if qs, to := w.questions(t); len(qs) != 1 || to[0] != paul || qs[0].Thing.Node.ID != "b" {
		t.Errorf("asked %v of %v", qs, to)
	}
}

// At the limit a rule can still be changed.
func TestRulesAreCounted(t *testing.T) {
	w := newTown(t)
	w.settings.Rules = 1
	q, other := w.ask(t, paul), w.ask(t, rita)
	w.answer(t, q, true, provisioning.FromCaller)
	a, _ := other.Answer(true, provisioning.FromCaller)
	if err := w.owner(mary).Answer(t.Context(), a); !errors.Is(err, stanza.ResourceConstraint) {
		t.Errorf("one too many: %v", err)
	}
	w.answer(t, q, false, provisioning.FromCaller)
	if w.friends(t, paul) || w.friends(t, rita) {
		t.Error("not as it was answered")
	}
}

// What is about all things of an owner is about no others, and each is told.
func TestAllOwn(t *testing.T) {
	w := newTown(t)
	for i := range 3 {
		w.give(t, iot.Node{ID: fmt.Sprint(i)}, mary)
	}
	w.give(t, iot.Node{ID: "not hers"}, paul)
	w.Outbox.Pushes()
	if err := w.owner(mary).ClearCache(t.Context(), iot.Thing{}); err != nil {
		t.Fatal(err)
	}
	var topics []string
	for _, p := range w.Outbox.Pushes() {
		topics = append(topics, p.Topic)
	}
	if want := []string{"clearCache ", "clearCache 0", "clearCache 1", "clearCache 2"}; !slices.Equal(topics, want) {
		t.Errorf("pushed %q, want %q", topics, want)
	}
	n := 0
	for _, err := range w.owner(mary).Devices(t.Context(), iot.Page{MaxCount: 3}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 4 {
		t.Errorf("lists %d things", n)
	}
	if err := w.owner(mary).DeleteRules(t.Context(), iot.Thing{JID: lamp, Node: iot.Node{ID: "not hers"}}); !errors.Is(err, stanza.ItemNotFound) {
		t.Errorf("rules of another's thing: %v", err)
	}
}

// Who owns nothing leaves no trace by asking.
func TestStrangersLeaveNoTrace(t *testing.T) {
	w := newTown(t)
	before := w.count(t, "registry_peer")
	c := &provisioning.Client{Requester: w.Client("stranger@b.example/x"), Service: desk, Generation: iot.NF}
	if ok, err := c.IsFriend(t.Context(), paul); err != nil || ok {
		t.Errorf("isFriend: %v, %v", ok, err)
	}
	if n := w.count(t, "registry_peer"); n != before {
		t.Errorf("%d peers are noted, were %d", n, before)
	}
}

// What was decided is in the log, with who asked, about whom, and why.
func TestDecisionsAreLogged(t *testing.T) {
	w := newTown(t)
	w.friends(t, paul)
	w.friends(t, mary)
	for _, want := range []string{
		`msg=decided verdict.thing=lamp@example.org verdict.op=befriend verdict.caller=paul@example.org verdict.allowed=false ` +
			`verdict.why="paul@example.org may not befriend lamp@example.org: there is no rule yet, and the owner is asked."`,
		`verdict.caller=mary@example.org verdict.allowed=true ` +
			`verdict.why="mary@example.org may befriend lamp@example.org: the owner may do everything."`,
	} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("no %s in\n%s", want, w.log.String())
		}
	}
}
