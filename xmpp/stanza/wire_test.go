package stanza_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

const header = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' xmlns:c='jabber:client' " +
	"xmlns:s='jabber:server' xmlns:x='urn:x'>"

// in returns a tokenizer that has read the header, and the window behind it.
func in(t interface{ Fatal(...any) }, stream string) *xmlstream.Tokenizer {
	tok := xmlstream.NewTokenizer(xmlstream.Limits{})
	fill(tok, header+stream)
	if kind, err := tok.Next(); kind != xmlstream.Header || err != nil {
		t.Fatal(kind, err)
	}
	return tok
}

// fill puts s into the window of tok, which it returns.
func fill(tok *xmlstream.Tokenizer, s string) []byte {
	w := tok.Space(len(s))
	tok.Filled(copy(w, s))
	return w[:len(s)]
}

func read(t interface{ Fatal(...any) }, xml string) (*stanza.Stanza, bool, error) {
	tok := in(t, xml)
	if kind, err := tok.Next(); kind != xmlstream.Complete || err != nil {
		t.Fatal(xml, kind, err)
	}
	return stanza.Read(tok)
}

func TestRead(t *testing.T) {
	s, ok, err := read(t, "<message from='juliet@example.com/balcony' to='Romeo@Example.NET/orchard' type='chat' id='a&amp;b' "+
		"xml:lang='de' x:more='1' other='2'> text <body>O Romeo</body><x:active/></message>")
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	if s.Kind != stanza.Message || s.Type != stanza.Chat || s.ID != "a&b" || s.From != juliet || s.To != romeo || s.Lang != "de" {
		t.Errorf("read as %+v", s)
	}
	if len(s.Extra) != 2 || s.Extra[0] != (xmlstream.Attr{Name: xmlstream.Name{Space: "urn:x", Local: "more"}, Value: "1"}) ||
		s.Extra[1] != xmlstream.A("other", "2") {
		t.Errorf("unknown attributes read as %+v", s.Extra)
	}
	if s.Body() != "O Romeo" || s.Content.Len() != 2 || s.Child("urn:x", "active") == nil {
		t.Errorf("content read as %q", s.Content.Raw())
	}
	// What this package does not know travels on. RFC 6120 §8.4
	want := "<message from='juliet@example.com/balcony' to='romeo@example.net/orchard' type='chat' id='a&amp;b' xml:lang='de'"
	if got := s.String(); !strings.HasPrefix(got, want) || !strings.Contains(got, "='1' other='2'>") {
		t.Errorf("written as %s", got)
	}
}

// Text travels on, with elements beside it or not.
func TestTextAlone(t *testing.T) {
	for _, content := range []string{"text", " ", "&lt;", "<![CDATA[]]>", "text<body/>"} {
		if s, _, err := read(t, "<message>"+content+"</message>"); err != nil || s.String() != "<message>"+content+"</message>" {
			t.Errorf("%s is written as %s, %v", content, s, err)
		}
	}
}

// RFC 6120 §8.1: there are three.
func TestReadNoStanza(t *testing.T) {
	for xml, want := range map[string]bool{
		"<message/>": true, "<presence/>": true, "<iq type='get'/>": true,
		"<c:message/>": true, "<s:message/>": true, "<message xmlns='jabber:server'/>": true,
		"<x:message/>": false, "<message xmlns='urn:x'/>": false, "<messages/>": false, "<r xmlns='urn:xmpp:sm:3'/>": false,
	} {
		if s, ok, err := read(t, xml); ok != want || err != nil || ok != (s != nil) {
			t.Errorf("%s: %v, %v", xml, ok, err)
		}
	}
}

// types are the legal ones. RFC 6120 §8.2.3, RFC 6121 §4.7.1, §5.2.2
var types = map[stanza.Kind][]stanza.Type{
	stanza.Message: {stanza.Normal, stanza.Chat, stanza.GroupChat, stanza.Headline, stanza.ErrorType},
	stanza.Presence: {
		stanza.Available, stanza.Unavailable, stanza.Subscribe, stanza.Subscribed, stanza.Unsubscribe, stanza.Unsubscribed,
		stanza.Probe, stanza.ErrorType,
	},
	stanza.IQKind: {stanza.Get, stanza.Set, stanza.Result, stanza.ErrorType},
}

func TestTypes(t *testing.T) {
	for kind, legal := range types {
		for _, typ := range legal {
			xml := "<" + kind.String() + " type='" + string(typ) + "'/>"
			s, _, err := read(t, xml)
			if err != nil || s.Type != typ {
				t.Errorf("%s has type %q, %v", xml, s.Type, err)
			}
		}
	}
	for xml, want := range map[string]stanza.Type{"<message/>": stanza.Normal, "<message type='new'/>": stanza.Normal} {
		if s, _, err := read(t, xml); err != nil || s.Type != want {
			t.Errorf("%s has type %q, %v", xml, s.Type, err)
		}
	}
	for _, xml := range []string{"<iq/>", "<iq type='ask'/>", "<iq type='GET'/>", "<presence type='available'/>", "<presence type='away'/>"} {
		if s, ok, err := read(t, xml); !ok || !is(err, stanza.BadRequest) || s.Bounce(err) == nil {
			t.Errorf("%s: %v, %v", xml, ok, err)
		}
	}
}

// RFC 6120 §8.3.3.8: who sent a wrong address is told so, and so the rest of the header is read.
func TestMalformedAddress(t *testing.T) {
	for _, to := range []string{"", "@example.com", "a b@example.com", "example.com/", "juliet@", strings.Repeat("a", 4000)} {
		s, ok, err := read(t, "<iq to='"+to+"' type='get' id='1' from='juliet@example.com/balcony'/>")
		if !ok || !is(err, stanza.JIDMalformed) || s.From != juliet || s.ID != "1" || s.Type != stanza.Get {
			t.Errorf("to=%.20q: %+v, %v", to, s, err)
		}
	}
	s, _, err := read(t, "<message from='@' to='romeo@example.net/orchard' id='1'/>")
	if !is(err, stanza.JIDMalformed) || s.To != romeo || s.ID != "1" || !s.From.IsZero() {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestFromElement(t *testing.T) {
	for xml, want := range map[string]error{
		"<message xmlns='urn:x'/>":                                   stanza.BadRequest,
		"<query xmlns='jabber:client'/>":                             stanza.BadRequest,
		"<iq xmlns='jabber:client'/>":                                stanza.BadRequest,
		"<message xmlns='jabber:client' to=''/>":                     stanza.JIDMalformed,
		"<message xmlns='jabber:client' from='@' to='example.com'/>": stanza.JIDMalformed,
	} {
		el, err := xmlstream.Parse([]byte(xml), xmlstream.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stanza.FromElement(el); !is(err, want) {
			t.Errorf("%s: %v, want %v", xml, err, want)
		}
	}
}

// generate makes any stanza.
func generate(t *rapid.T) *stanza.Stanza {
	kind := rapid.SampledFrom([]stanza.Kind{stanza.Message, stanza.Presence, stanza.IQKind}).Draw(t, "kind")
	words := rapid.SampledFrom([]string{"", "1", "<&>'\"", "\t\r\n", "ä\U0001F600", "]]>"})
	addresses := rapid.SampledFrom([]jid.JID{{}, juliet, romeo, jid.MustParse("example.com"), jid.MustParse("a@b/it's \"<&>\"")})
	s := &stanza.Stanza{
		Kind: kind, Type: rapid.SampledFrom(types[kind]).Draw(t, "type"),
		ID: words.Draw(t, "id"), From: addresses.Draw(t, "from"), To: addresses.Draw(t, "to"),
		Lang: rapid.SampledFrom([]string{"", "en"}).Draw(t, "lang"),
	}
	if rapid.Bool().Draw(t, "extra") {
		s.Extra = []xmlstream.Attr{{Name: xmlstream.Name{Space: "urn:x", Local: "extra"}, Value: words.Draw(t, "value")}}
	}
	var children []*xmlstream.Element
	for range rapid.IntRange(0, 9).Draw(t, "children") {
		space := rapid.SampledFrom([]string{stanza.Client, "urn:x", "", "urn:y"}).Draw(t, "space")
		children = append(children, xmlstream.New(space, "c", xmlstream.A("a", words.Draw(t, "a")), xmlstream.Text(words.Draw(t, "text")),
			text(rapid.SampledFrom([]string{stanza.Client, "urn:x"}).Draw(t, "inner"), "d", words.Draw(t, "d"))))
	}
	s.Content = xmlstream.NewContent(children...)
	return s
}

func same(a, b *stanza.Stanza) bool {
	return a.Kind == b.Kind && a.Type == b.Type && a.ID == b.ID && a.From == b.From && a.To == b.To && a.Lang == b.Lang &&
		a.Element().Equal(b.Element())
}

// What is written is read as it was: on a stream of clients, on one of servers, and as a tree.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := generate(t)
		got, ok, err := read(t, string(s.AppendXML(nil, stanza.Client)))
		if !ok || err != nil || !same(got, s) {
			t.Fatalf("%s\nis read as\n%s, %v", s, got, err)
		}
		if server := s.AppendXML(nil, stanza.Server); string(server) != s.String() {
			t.Fatalf("between servers:\n%s\nwant\n%s", server, s)
		}
		if got, err = stanza.FromElement(s.Element()); err != nil || !same(got, s) {
			t.Fatalf("%s\nas a tree is\n%s, %v", s, got, err)
		}
		alone, err := xmlstream.Parse(s.AppendXML(nil, ""), xmlstream.Limits{})
		if err != nil || !alone.Equal(s.Element()) {
			t.Fatalf("%s\nalone is\n%s, %v", s, alone, err)
		}
	})
}

// Nothing of a stanza lies in the window of the stream that it came by: what comes there next does not change it.
func TestWindowIsPoisoned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := generate(t)
		xml := string(s.AppendXML(nil, stanza.Client))
		if rapid.Bool().Draw(t, "as a prefix") { // makes the content be written anew
			xml = "<message c:x='1'><c:body>&#65;</c:body><x:y/></message>"
		}
		tok := xmlstream.NewTokenizer(xmlstream.Limits{})
		fill(tok, header)
		if kind, err := tok.Next(); kind != xmlstream.Header || err != nil {
			t.Fatal(kind, err)
		}
		window := fill(tok, xml)
		if kind, err := tok.Next(); kind != xmlstream.Complete || err != nil {
			t.Fatal(kind, err)
		}
		got, _, err := stanza.Read(tok)
		if err != nil {
			t.Fatal(err)
		}
		queued := got.With(text("urn:z", "stamp", "")).Addressed(juliet, romeo)
		before := [...]string{got.String(), got.Element().String(), queued.String()}
		for i := range window {
			window[i] = '!'
		}
		after := [...]string{got.String(), got.Element().String(), queued.String()}
		if before != after {
			t.Fatalf("%s\nbecame\n%s", before, after)
		}
	})
}

func FuzzRead(f *testing.F) {
	for _, xml := range []string{
		"<message to='romeo@example.net' from='juliet@example.com/balcony' type='chat' xml:lang='en'><body>Art thou not Romeo?</body></message>",
		"<presence from='romeo@example.net/orchard'><show>dnd</show><c:status>ä</c:status></presence>",
		"<iq id='ks72v65j' to='capulet.com' type='get'><query xmlns='jabber:iq:roster'/></iq>",
		"<s:iq type='error'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></s:iq>",
	} {
		f.Add(xml)
	}
	f.Fuzz(func(t *testing.T, xml string) {
		tok := in(t, xml)
		if kind, err := tok.Next(); kind != xmlstream.Complete || err != nil {
			return
		}
		s, ok, err := stanza.Read(tok)
		if !ok {
			return
		}
		again, ok, errAgain := read(t, s.String())
		if !ok || (errAgain == nil) != (err == nil) && !is(err, stanza.JIDMalformed) || !same(s, again) {
			t.Fatalf("%s, %v\nbecame\n%s, %v", s, err, again, errAgain)
		}
	})
}
