package delay_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/comity-iot/comity/module/moduletest"
	"github.com/comity-iot/comity/xep/delay"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

func message(t *testing.T, text string) *stanza.Stanza {
	t.Helper()
	s, err := moduletest.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// XEP-0203#examples
func TestExample(t *testing.T) {
	s := message(t, `<message from='romeo@montague.net/orchard' to='juliet@capulet.com' type='chat'>
		<body>O blessed, blessed night!</body>
		<delay xmlns='urn:xmpp:delay' from='capulet.com' stamp='2002-09-10T23:08:25Z'>
			Offline Storage
		</delay></message>`)
	n, ok := delay.Of(s)
	if !ok || n.From.String() != "capulet.com" || n.Reason != "Offline Storage" ||
		!n.At.Equal(time.Date(2002, 9, 10, 23, 8, 25, 0, time.UTC)) {
		t.Errorf("%+v, %v", n, ok)
	}
	if _, ok := delay.By(s, jid.MustParse("montague.net")); ok {
		t.Error("a note of montague.net is found")
	}
	if got := n.Element().String(); !strings.Contains(got, `stamp='2002-09-10T23:08:25Z'`) {
		t.Errorf("%s", got)
	}
}

func TestMalformed(t *testing.T) {
	for _, s := range []string{
		`<delay xmlns='urn:xmpp:delay' from='capulet.com'/>`,
		`<delay xmlns='urn:xmpp:delay' from='capulet.com' stamp='20020910T23:08:25'/>`,
		`<delay xmlns='urn:xmpp:delay' from='@' stamp='2002-09-10T23:08:25Z'/>`,
		`<x xmlns='jabber:x:delay' from='capulet.com' stamp='2002-09-10T23:08:25Z'/>`,
	} {
		el, err := xmlstream.Parse([]byte(s), xmlstream.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := delay.Parse(el); ok {
			t.Errorf("%s is read as %+v", s, n)
		}
	}
}

// A note in the own name that came from outside is forged and goes. Those of others stay. XEP-0203#security
func TestStamp(t *testing.T) {
	s := message(t, `<message to='juliet@capulet.com'><body>x</body>
		<delay xmlns='urn:xmpp:delay' from='capulet.com' stamp='1999-01-01T00:00:00Z'/>
		<delay xmlns='urn:xmpp:delay' from='coven@chat.shakespeare.lit' stamp='2000-01-01T00:00:00Z'/></message>`)
	at := time.Date(2002, 9, 10, 23, 8, 25, 999_999, time.UTC)
	capulet := jid.MustParse("capulet.com")
	stamped := delay.Stamp(s, delay.Note{From: capulet, At: at})
	if n, ok := delay.By(stamped, capulet); !ok || !n.At.Equal(at.Truncate(time.Millisecond)) {
		t.Errorf("%+v, %v", n, ok)
	}
	if n, ok := delay.Of(stamped); !ok || n.From.Local() != "coven" {
		t.Errorf("the first is %+v, %v", n, ok)
	}
	if strings.Contains(stamped.String(), "1999") || !strings.Contains(s.String(), "1999") {
		t.Errorf("%s\nof\n%s", stamped, s)
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := delay.Note{
			At:     time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "at")).UTC(),
			Reason: rapid.StringMatching(`[a-z<&]{0,9}`).Draw(t, "reason"),
		}
		if rapid.Bool().Draw(t, "from") {
			n.From = jid.MustParse("example.org")
		}
		el, err := xmlstream.Parse([]byte(n.Element().String()), xmlstream.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := delay.Parse(el); !ok || got != n {
			t.Fatalf("%+v comes back as %+v", n, got)
		}
	})
}
