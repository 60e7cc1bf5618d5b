package stanza_test

import (
	"testing"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

var (
	juliet = jid.MustParse("juliet@example.com/balcony")
	romeo  = jid.MustParse("romeo@example.net/orchard")
)

func text(space, local, s string) *xmlstream.Element {
	if s == "" {
		return xmlstream.New(space, local)
	}
	return xmlstream.New(space, local, xmlstream.Text(s))
}

func body(s string) *xmlstream.Element { return text(stanza.Client, "body", s) }

// A stanza that was sent is never changed: what makes another of it leaves it as it was.
func TestCopies(t *testing.T) {
	m := stanza.NewMessage(romeo, stanza.Chat, body("O Romeo"), text("urn:x", "a", ""), text("urn:x", "b", ""))
	m.From, m.ID = juliet, "1"
	before := m.String()
	for _, c := range []struct {
		name string
		got  *stanza.Stanza
		want string
	}{
		{
			"Addressed", m.Addressed(romeo, juliet),
			`<message from='romeo@example.net/orchard' to='juliet@example.com/balcony' type='chat' id='1'><body>O Romeo</body><a xmlns='urn:x'/><b xmlns='urn:x'/></message>`,
		},
		{
			"With", m.With(text("urn:y", "c", ""), nil),
			`<message from='juliet@example.com/balcony' to='romeo@example.net/orchard' type='chat' id='1'><body>O Romeo</body><a xmlns='urn:x'/><b xmlns='urn:x'/><c xmlns='urn:y'/></message>`,
		},
		{
			"Without", m.Without(func(c xmlstream.Child) bool { return c.Name.Space == "urn:x" }),
			`<message from='juliet@example.com/balcony' to='romeo@example.net/orchard' type='chat' id='1'><body>O Romeo</body></message>`,
		},
	} {
		if got := c.got.String(); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
		if m.String() != before {
			t.Fatalf("%s changed the stanza to %s", c.name, m)
		}
	}
	if same := m.Without(func(xmlstream.Child) bool { return false }); same != m {
		t.Error("a stanza that loses nothing was copied")
	}
}

func TestChildren(t *testing.T) {
	m := stanza.NewMessage(romeo, stanza.Chat, body("first"), body("second"), text("urn:x", "body", "third"))
	if got := m.Body(); got != "first" {
		t.Errorf("body is %q", got)
	}
	if got := m.Child("urn:x", "body").Text(); got != "third" {
		t.Errorf("child is %q", got)
	}
	if m.Child("urn:x", "none") != nil || m.Child("urn:x", "none").Text() != "" {
		t.Error("a child that is not there")
	}
}

// RFC 6120 §8.2.3
func TestIQ(t *testing.T) {
	query, other := text("urn:x", "query", ""), text("urn:x", "other", "")
	for _, c := range []struct {
		typ      stanza.Type
		children []*xmlstream.Element
		payload  *xmlstream.Element
		bad      bool
	}{
		{stanza.Get, []*xmlstream.Element{query}, query, false},
		{stanza.Set, []*xmlstream.Element{query}, query, false},
		{stanza.Get, nil, nil, true},
		{stanza.Set, []*xmlstream.Element{query, other}, nil, true},
		{stanza.Result, nil, nil, false},
		{stanza.Result, []*xmlstream.Element{query}, query, false},
		{stanza.Result, []*xmlstream.Element{query, other}, nil, true},
		{stanza.ErrorType, []*xmlstream.Element{query, other}, query, false}, // it may hold the request
		{stanza.ErrorType, nil, nil, false},
	} {
		s := &stanza.Stanza{
			Kind: stanza.IQKind, Type: c.typ, ID: "1", From: juliet, To: romeo, Lang: "en",
			Content: xmlstream.NewContent(c.children...),
		}
		iq, err := s.IQ()
		if c.bad {
			if !is(err, stanza.BadRequest) {
				t.Errorf("%s: %v", s, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if iq.Type != c.typ || iq.ID != "1" || iq.From != juliet || iq.To != romeo || iq.Lang != "en" || !iq.Payload.Equal(c.payload) {
			t.Errorf("%s became %+v", s, iq)
		}
		if back := iq.Stanza(); c.typ != stanza.ErrorType && back.String() != s.String() {
			t.Errorf("%s became %s", s, back)
		}
		if s.IsRequest() != (c.typ == stanza.Get || c.typ == stanza.Set) || s.IsResponse() == s.IsRequest() {
			t.Errorf("%s: request %v, response %v", s, s.IsRequest(), s.IsResponse())
		}
	}
	if m := stanza.NewMessage(romeo, stanza.ErrorType); m.IsResponse() || m.IsRequest() {
		t.Error("a message is neither request nor response")
	}
}

func TestReply(t *testing.T) {
	get := (&stanza.IQ{Type: stanza.Get, ID: "1", From: juliet, To: romeo, Payload: text("urn:x", "query", "")}).Stanza()
	want := `<iq from='romeo@example.net/orchard' to='juliet@example.com/balcony' type='result' id='1'/>`
	if got := get.Reply(nil).String(); got != want {
		t.Errorf("the empty result is %s", got)
	}
	want = `<iq from='romeo@example.net/orchard' to='juliet@example.com/balcony' type='result' id='1'><query xmlns='urn:x'>42</query></iq>`
	if got := get.Reply(text("urn:x", "query", "42")).String(); got != want {
		t.Errorf("the result is %s", got)
	}
}
