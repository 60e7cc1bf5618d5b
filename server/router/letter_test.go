package router

import (
	"bytes"
	"errors"
	"testing"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

func letters() [][]byte {
	full := jid.MustParse("romeo@example.com/orchard & co")
	m := stanza.NewMessage(full, stanza.Chat, xmlstream.New(stanza.Client, "body", xmlstream.Text("<&>\r\n")), xmlstream.New("urn:x", "x"))
	m.From, m.ID, m.Lang = jid.MustParse("juliet@example.com/b"), "i'\"d", "it"
	m.Extra = []xmlstream.Attr{{Name: xmlstream.Name{Space: "urn:y", Local: "a"}, Value: "1"}}
	iq := &stanza.Stanza{Kind: stanza.IQKind, Type: stanza.Result, ID: "A/1", From: full, To: jid.MustParse("example.com")}
	return [][]byte{
		routeLetter(m), routeLetter(iq), sessionLetter(full, m), sessionLetter(full, stanza.NewPresence(jid.JID{}, stanza.Unavailable)),
		endLetter(full, nil), endLetter(full, stream.Conflict.With("text")), endLetter(full, errors.New("broken")),
	}
}

// rewrite writes a letter as it was read.
func rewrite(l letter) []byte {
	switch l.kind {
	case toRoute:
		return routeLetter(l.stanza)
	case toSession:
		return sessionLetter(l.session, l.stanza)
	}
	return endLetter(l.session, l.end)
}

func TestLetters(t *testing.T) {
	for _, b := range letters() {
		l, err := parseLetter(b)
		if err != nil {
			t.Errorf("%q: %v", b, err)
		} else if got := rewrite(l); !bytes.Equal(got, b) {
			t.Errorf("%q became %q", b, got)
		}
		if l.account().IsFull() || l.account().IsZero() {
			t.Errorf("%q is for %q", b, l.account())
		}
	}
}

// Whatever comes is refused, or means the same when it is written again.
func FuzzLetter(f *testing.F) {
	for _, b := range letters() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := parseLetter(b)
		if err != nil {
			return
		}
		once := rewrite(l)
		l, err = parseLetter(once)
		if err != nil {
			t.Fatalf("%q: wrote %q: %v", b, once, err)
		}
		if twice := rewrite(l); !bytes.Equal(once, twice) {
			t.Errorf("%q, and then %q", once, twice)
		}
	})
}
