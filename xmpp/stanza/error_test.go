package stanza_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

func is(err, target error) bool { return errors.Is(err, target) }

// conditions are those of RFC 6120 §8.3.3 with the types that it gives them.
var conditions = map[stanza.Condition]stanza.ErrorKind{
	stanza.BadRequest: stanza.Modify, stanza.Conflict: stanza.Cancel, stanza.FeatureNotImplemented: stanza.Cancel,
	stanza.Forbidden: stanza.Auth, stanza.Gone: stanza.Cancel, stanza.InternalServerError: stanza.Cancel,
	stanza.ItemNotFound: stanza.Cancel, stanza.JIDMalformed: stanza.Modify, stanza.NotAcceptable: stanza.Modify,
	stanza.NotAllowed: stanza.Cancel, stanza.NotAuthorized: stanza.Auth, stanza.PolicyViolation: stanza.Modify,
	stanza.RecipientUnavailable: stanza.Wait, stanza.Redirect: stanza.Modify, stanza.RegistrationRequired: stanza.Auth,
	stanza.RemoteServerNotFound: stanza.Cancel, stanza.RemoteServerTimeout: stanza.Wait, stanza.ResourceConstraint: stanza.Wait,
	stanza.ServiceUnavailable: stanza.Cancel, stanza.SubscriptionRequired: stanza.Auth, stanza.UndefinedCondition: stanza.Cancel,
	stanza.UnexpectedRequest: stanza.Wait,
}

// RFC 6120 §8.3.3: there are 22 defined conditions.
func TestConditions(t *testing.T) {
	if len(conditions) != 22 {
		t.Fatalf("%d conditions", len(conditions))
	}
	for c, kind := range conditions {
		e := stanza.ParseError(stanza.AsError(c).Element())
		if e.Condition != c || e.Kind != kind {
			t.Errorf("%s became %s of type %s, want %s", c, e.Condition, e.Kind, kind)
		}
	}
}

// RFC 6120 §8.3.2
func TestErrorElement(t *testing.T) {
	e := stanza.ItemNotFound.With("no %s", "such thing").WithApp(text("urn:x", "lost", ""))
	e.By, e.Code = jid.MustParse("example.com"), "404"
	want := `<error xmlns='jabber:client' type='cancel' code='404' by='example.com'>` +
		`<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>` +
		`<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>no such thing</text><lost xmlns='urn:x'/></error>`
	if got := e.Element().String(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// What one side says the other understands; the cause stays here.
func TestErrorRoundTrip(t *testing.T) {
	kinds := []stanza.ErrorKind{stanza.Auth, stanza.Cancel, stanza.Continue, stanza.Modify, stanza.Wait}
	var all []stanza.Condition
	for c := range conditions {
		all = append(all, c)
	}
	rapid.Check(t, func(t *rapid.T) {
		e := &stanza.Error{
			Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Condition: rapid.SampledFrom(all).Draw(t, "condition"),
			Text: rapid.SampledFrom([]string{"", "<no>", "ä & ö"}).Draw(t, "text"),
			By:   rapid.SampledFrom([]jid.JID{{}, juliet}).Draw(t, "by"),
			App:  rapid.SampledFrom([]*xmlstream.Element{nil, text("urn:x", "app", "a")}).Draw(t, "app"),
			Code: rapid.SampledFrom([]string{"", "503"}).Draw(t, "code"), Cause: io.ErrUnexpectedEOF,
		}
		el, err := xmlstream.ParseIn(stanza.Client, e.Element().AppendXML(nil, stanza.Client), xmlstream.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(el.String(), io.ErrUnexpectedEOF.Error()) {
			t.Fatalf("the cause is told: %s", el)
		}
		got := stanza.ParseError(el)
		if !got.App.Equal(e.App) {
			t.Fatalf("%s became %s", e.App, got.App)
		}
		want := *e
		want.App, want.Cause, got.App = nil, nil, nil
		if *got != want {
			t.Fatalf("%+v became %+v", want, *got)
		}
	})
}

// Others' errors are not always as they should be.
func TestParseError(t *testing.T) {
	const ns = " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
	for _, c := range []struct {
		xml       string
		condition stanza.Condition
		kind      stanza.ErrorKind
		app       string
	}{
		{"<error/>", stanza.UndefinedCondition, stanza.Cancel, ""},
		{"<error type='auth'/>", stanza.UndefinedCondition, stanza.Auth, ""},
		{"<error type='nonsense'><forbidden" + ns + "</error>", stanza.Forbidden, stanza.Auth, ""},
		{"<error type='wait'><made-up" + ns + "</error>", stanza.UndefinedCondition, stanza.Wait, ""},
		{"<error type='wait'><made-up" + ns + "<conflict" + ns + "</error>", stanza.Conflict, stanza.Wait, ""},
		{"<error><gone" + ns + "<conflict" + ns + "</error>", stanza.Gone, stanza.Cancel, ""},
		{"<error by='@'><a xmlns='urn:x'/><gone" + ns + "<b xmlns='urn:x'/></error>", stanza.Gone, stanza.Cancel, "a"},
	} {
		el, err := xmlstream.ParseIn(stanza.Client, []byte(c.xml), xmlstream.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		e := stanza.ParseError(el)
		if e.Condition != c.condition || e.Kind != c.kind || e.App.Local() != c.app || !e.By.IsZero() {
			t.Errorf("%s became %+v", c.xml, e)
		}
	}
	if e := stanza.ParseError(nil); e.Condition != stanza.UndefinedCondition { // an error without <error/>
		t.Errorf("nothing became %+v", e)
	}
}

func TestAsError(t *testing.T) {
	full := stanza.Conflict.With("twice")
	for _, c := range []struct {
		err  error
		want stanza.Condition
		text string
	}{
		{stanza.Forbidden, stanza.Forbidden, ""},
		{full, stanza.Conflict, "twice"},
		{fmt.Errorf("while here: %w", full), stanza.Conflict, "twice"},
		{fmt.Errorf("while here: %w", stanza.Gone), stanza.Gone, ""},
		{io.EOF, stanza.InternalServerError, ""},
	} {
		e := stanza.AsError(c.err)
		if e.Condition != c.want || e.Text != c.text || !errors.Is(e, c.want) {
			t.Errorf("%v became %+v", c.err, e)
		}
	}
	if e := stanza.InternalServerError.Wrap(io.EOF); !errors.Is(e, io.EOF) || e.Error() != "internal-server-error: EOF" {
		t.Errorf("the log would say %v", e)
	}
	if e := stanza.NotAllowed.Typed(stanza.Wait); e.Kind != stanza.Wait || e.Error() != "not-allowed" {
		t.Errorf("%+v", e)
	}
}

// RFC 6120 §8.3.1: an error is never answered with one, nor is a result.
func TestBounce(t *testing.T) {
	for _, c := range []struct {
		kind stanza.Kind
		typ  stanza.Type
		ok   bool
	}{
		{stanza.Message, stanza.Normal, true},
		{stanza.Message, stanza.Chat, true},
		{stanza.Message, stanza.ErrorType, false},
		{stanza.Presence, stanza.Available, true},
		{stanza.Presence, stanza.Subscribe, true},
		{stanza.Presence, stanza.ErrorType, false},
		{stanza.IQKind, stanza.Get, true},
		{stanza.IQKind, stanza.Set, true},
		{stanza.IQKind, stanza.Result, false},
		{stanza.IQKind, stanza.ErrorType, false},
	} {
		s := &stanza.Stanza{
			Kind: c.kind, Type: c.typ, ID: "1", From: juliet, To: romeo, Lang: "en",
			Content: xmlstream.NewContent(body("secret")),
		}
		b := s.Bounce(stanza.ServiceUnavailable)
		if !c.ok {
			if b != nil {
				t.Errorf("%s was answered with %s", s, b)
			}
			continue
		}
		want := "<" + c.kind.String() + ` from='romeo@example.net/orchard' to='juliet@example.com/balcony' type='error' id='1'>` +
			`<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></` + c.kind.String() + ">"
		if got := b.String(); got != want {
			t.Errorf("%s was answered with\n%s\nwant\n%s", s, got, want)
		}
		if b.Bounce(stanza.Gone) != nil {
			t.Error("an error about an error")
		}
	}
}
