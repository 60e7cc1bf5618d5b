package entitytime_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/module/moduletest"
	"github.com/comity-iot/comity/xep/entitytime"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// The zone goes along, the instant is the same. XEP-0202#protocol
func TestGet(t *testing.T) {
	chicago := time.FixedZone("", -6*60*60)
	at := time.Date(2006, 12, 19, 11, 58, 35, 123456789, chicago)
	b := moduletest.NewWith(t, func(h *module.Host) { h.Now = func() time.Time { return at } }, entitytime.Module())
	got, err := entitytime.Get(context.Background(), b.Client("romeo@montague.net/orchard"), b.Host.Domain)
	if err != nil || !got.Equal(at.Truncate(time.Millisecond)) || got.Format("15:04 -07:00") != "11:58 -06:00" {
		t.Errorf("%v, %v", got, err)
	}
}

// answering is a peer that answers every request with the same.
type answering string

func (a answering) Request(context.Context, *stanza.IQ) (*xmlstream.Element, error) {
	return xmlstream.Parse([]byte(a), xmlstream.Limits{})
}

// XEP-0202#examples
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		answer string
		want   string // empty for an error
	}{
		{`<time xmlns='urn:xmpp:time'><tzo>-06:00</tzo><utc>2006-12-19T17:58:35Z</utc></time>`, "2006-12-19T11:58:35-06:00"},
		{`<time xmlns='urn:xmpp:time'><tzo>Z</tzo><utc>2006-12-19T17:58:35.5Z</utc></time>`, "2006-12-19T17:58:35Z"},
		{`<time xmlns='urn:xmpp:time'><tzo>-06:00</tzo></time>`, ""},
		{`<time xmlns='urn:xmpp:time'><utc>2006-12-19T17:58:35Z</utc></time>`, ""},
		{`<time xmlns='urn:xmpp:time'><tzo>PST</tzo><utc>2006-12-19T17:58:35Z</utc></time>`, ""},
		{`<time xmlns='jabber:iq:time'><tzo>Z</tzo><utc>2006-12-19T17:58:35Z</utc></time>`, ""},
	} {
		got, err := entitytime.Get(context.Background(), answering(c.answer), jid.MustParse("juliet@capulet.com/balcony"))
		switch {
		case c.want == "" && !errors.Is(err, stanza.BadRequest):
			t.Errorf("%s: %v, %v", c.answer, got, err)
		case c.want != "" && (err != nil || got.Format(time.RFC3339) != c.want):
			t.Errorf("%s: %v, %v", c.answer, got, err)
		}
	}
}

func TestTZD(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"Z": 0, "+00:00": 0, "-00:00": 0, "-05:00": -5 * time.Hour, "+05:30": 5*time.Hour + 30*time.Minute, "+14:00": 14 * time.Hour,
	} {
		if got, err := entitytime.ParseTZD(s); err != nil || got != want {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "z", "5:00", "+5:00", "+05", "+0500", "+15:00", "-23:59", "+05:60", "+05:30x", "UTC"} {
		if got, err := entitytime.ParseTZD(s); err == nil {
			t.Errorf("%q is taken as %v", s, got)
		}
	}
}

func TestTZDRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		east := time.Duration(rapid.IntRange(-14*60, 14*60).Draw(t, "minutes")) * time.Minute
		if got, err := entitytime.ParseTZD(entitytime.FormatTZD(east)); err != nil || got != east {
			t.Errorf("%v comes back as %v, %v", east, got, err)
		}
	})
}
