package thing

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
)

// Whatever a model is called, its things have names that every server takes.
func TestNewName(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := newName(rapid.String().Draw(t, "model"))
		if _, err := jid.New(name, "broker.example", ""); err != nil || len(name) > 40 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Fatalf("%q: %v", name, err)
		}
	})
}

// What people write is cut into a name and a value, or not at all, whatever it is.
func FuzzCutName(f *testing.F) {
	for _, text := range []string{"Light on", "light=on", "LIGHT: on", "Light", "lights on", "", "Light\ton", "Lichtſ on", "\xff"} {
		f.Add(text, "Light")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		value, ok := cutName(text, name)
		switch {
		case !ok && value != "":
			t.Errorf("%q, %q: no name, but the value %q", text, name, value)
		case ok && (!strings.EqualFold(text[:len(name)], name) || !strings.HasSuffix(text, value)):
			t.Errorf("%q, %q: %q", text, name, value)
		}
	})
}

func testState(t *testing.T) *state {
	t.Helper()
	s, err := openState(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Strangers cannot push out of the memory what friends may do, by making it remember what they may not.
func TestDenialsDoNotPushOutGrants(t *testing.T) {
	s := testState(t)
	question := func(i int) []byte { return fmt.Appendf(nil, "question %d", i) }
	_, _, epoch := s.recall(nil)
	s.remember(epoch, answer{Question: question(-1), Allowed: true})
	for i := range 3 * maxAnswers {
		s.remember(epoch, answer{Question: question(i)})
	}
	if a, found, _ := s.recall(question(-1)); !found || !a.Allowed {
		t.Error("the grant is forgotten")
	}
	if n := len(s.view().Answers); n != maxAnswers {
		t.Errorf("%d answers", n)
	}
}

// The order of names is nothing to ask about; all else is.
func TestQuestionHash(t *testing.T) {
	q := Question{Op: Read, From: jid.MustParse("a@b"), Names: []string{"x", "y"}, Categories: iot.Momentary}
	same := q
	same.Names = []string{"y", "x"}
	if !slices.Equal(q.hash(iot.Tokens{}), same.hash(iot.Tokens{})) {
		t.Error("the order of names counts")
	}
	if same.Names[0] != "y" {
		t.Error("hashing has sorted the names of the question")
	}
	others := []Question{
		{Op: Control, From: q.From, Names: q.Names, Categories: q.Categories},
		{Op: Read, From: jid.MustParse("b@b"), Names: q.Names, Categories: q.Categories},
		{Op: Read, From: q.From, Names: []string{"x,y"}, Categories: q.Categories},
		{Op: Read, From: q.From, Names: q.Names, Categories: iot.Peak},
		{Op: Read, From: q.From, Categories: q.Categories},
	}
	for _, other := range others {
		if slices.Equal(q.hash(iot.Tokens{}), other.hash(iot.Tokens{})) {
			t.Errorf("%+v and %+v are one question", q, other)
		}
	}
	if slices.Equal(q.hash(iot.Tokens{}), q.hash(iot.Tokens{User: []string{"u"}})) {
		t.Error("tokens do not count")
	}
}

// A rename in a folder that is gone is an error, and no file is left over.
func TestSaveFails(t *testing.T) {
	s := testState(t)
	s.path = s.path + "/nowhere/thing.json"
	if err := s.change(func(k *kept) { k.Public = true }); err == nil {
		t.Error("saved nowhere")
	}
}
