package last_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/module/moduletest"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xep/last"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

var juliet = jid.MustParse("juliet@example.org")

// broker has Juliet, whom Romeo sees.
func broker(t *testing.T) (*moduletest.Broker, stanza.Requester) {
	b := moduletest.New(t, last.Module())
	b.Accounts.Add("juliet@example.org")
	b.Roster.Show("juliet@example.org", "romeo@montague.net")
	return b, b.Client("romeo@montague.net/orchard")
}

// XEP-0012#offline
func TestOffline(t *testing.T) {
	b, romeo := broker(t)
	ctx := context.Background()
	if _, err := last.Get(ctx, romeo, juliet); !errors.Is(err, stanza.ItemNotFound) {
		t.Errorf("never online: %v", err)
	}
	balcony := b.Online("juliet@example.org/balcony", 0)
	if got, err := last.Get(ctx, romeo, juliet); err != nil || got != (last.Activity{}) {
		t.Errorf("online: %+v, %v", got, err)
	}
	if err := b.Outgoing(balcony, `<presence type='unavailable'><status>Heading Home</status></presence>`); err != nil {
		t.Fatal(err)
	}
	balcony.Close(nil)
	b.Clock.Advance(903*time.Second + 500*time.Millisecond)
	want := last.Activity{For: 903 * time.Second, Status: "Heading Home"}
	if got, err := last.Get(ctx, romeo, juliet); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := last.Get(ctx, b.Client("juliet@example.org/new"), juliet); err != nil || got != want {
		t.Errorf("to herself: %+v, %v", got, err)
	}
	if _, err := last.Get(ctx, b.Client("tybalt@capulet.com/x"), juliet); !errors.Is(err, stanza.Forbidden) {
		t.Errorf("to a stranger: %v", err)
	}
	if _, err := last.Get(ctx, romeo, jid.MustParse("nobody@example.org")); !errors.Is(err, stanza.ServiceUnavailable) {
		t.Errorf("no such account: %v", err)
	}
}

// Only the last session counts, and what was said before coming back is forgotten.
func TestSessions(t *testing.T) {
	b, romeo := broker(t)
	balcony, chamber := b.Online("juliet@example.org/balcony", 0), b.Online("juliet@example.org/chamber", 0)
	for _, p := range []string{`<presence type='unavailable'><status>brb</status></presence>`, `<presence/>`} {
		if err := b.Outgoing(balcony, p); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Outgoing(balcony, `<presence type='unavailable' to='nurse@example.org'><status>directed</status></presence>`); err != nil {
		t.Fatal(err)
	}
	chamber.Close(nil)
	b.Clock.Advance(time.Minute)
	if got, err := last.Get(context.Background(), romeo, juliet); err != nil || got.For != 0 {
		t.Errorf("with a session left: %+v, %v", got, err)
	}
	balcony.Close(nil)
	b.Clock.Advance(time.Minute)
	if got, err := last.Get(context.Background(), romeo, juliet); err != nil || got != (last.Activity{For: time.Minute}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestLongStatus(t *testing.T) {
	b, romeo := broker(t)
	balcony := b.Online("juliet@example.org/balcony", 0)
	words := strings.Repeat("é", 5000)
	if err := b.Outgoing(balcony, `<presence type='unavailable'><status>x`+words+`</status></presence>`); err != nil {
		t.Fatal(err)
	}
	balcony.Close(nil)
	got, err := last.Get(context.Background(), romeo, juliet)
	if err != nil || len(got.Status) > 1024 || !strings.HasPrefix("x"+words, got.Status) || len(got.Status) < 1000 {
		t.Errorf("%d bytes, %v", len(got.Status), err)
	}
}

// A question to a client is the client's to answer, if who asks may see the owner. XEP-0012#online
func TestOnline(t *testing.T) {
	b, _ := broker(t)
	balcony := b.Online("juliet@example.org/balcony", 0)
	const question = `<iq type='get' id='last2' from='%' to='juliet@example.org/balcony'><query xmlns='jabber:iq:last'/></iq>`
	if err := b.Deliver(strings.Replace(question, "%", "romeo@montague.net/orchard", 1)); err != nil {
		t.Error(err)
	}
	if got := balcony.Received(); len(got) != 1 {
		t.Errorf("%v", got)
	}
	if err := b.Deliver(strings.Replace(question, "%", "tybalt@capulet.com/x", 1)); !errors.Is(err, stanza.Forbidden) {
		t.Error(err)
	}
	if got := balcony.Received(); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// XEP-0012#server
func TestServer(t *testing.T) {
	b, romeo := broker(t)
	b.Clock.Advance(123456 * time.Second)
	if got, err := last.Get(context.Background(), romeo, b.Host.Domain); err != nil || got.For != 123456*time.Second {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRemovedAccount(t *testing.T) {
	b, _ := broker(t)
	b.Online("juliet@example.org/balcony", 0)
	if err := b.Accounts.Remove(context.Background(), juliet); err != nil { // which ends the session
		t.Fatal(err)
	}
	var n int
	err := b.Host.DB.View(context.Background(), func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT count(*) FROM last_seen`).Scan(&n)
	})
	if n != 0 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
}

// answering is a peer that answers every request with the same.
type answering string

func (a answering) Request(context.Context, *stanza.IQ) (*xmlstream.Element, error) {
	return xmlstream.Parse([]byte(a), xmlstream.Limits{})
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		answer string
		want   last.Activity
		err    error
	}{
		{`<query xmlns='jabber:iq:last' seconds='903'>Heading Home</query>`, last.Activity{For: 903 * time.Second, Status: "Heading Home"}, nil},
		{`<query xmlns='jabber:iq:last' seconds='-1'/>`, last.Activity{}, stanza.BadRequest},
		{`<query xmlns='jabber:iq:last'/>`, last.Activity{}, stanza.BadRequest},
		{`<query xmlns='jabber:iq:last' seconds='9223372037'/>`, last.Activity{}, stanza.BadRequest},
		{`<query xmlns='jabber:iq:version' seconds='1'/>`, last.Activity{}, stanza.BadRequest},
	} {
		got, err := last.Get(context.Background(), answering(c.answer), juliet)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %+v, %v", c.answer, got, err)
		}
	}
}

// XEP-0012#support
func TestAnnounced(t *testing.T) {
	b, _ := broker(t)
	for _, at := range []module.Place{module.Domain, module.Account} {
		if info := b.Host.Directory.Info(context.Background(), at, b.Host.Domain, juliet); !info.Has(last.NS) {
			t.Errorf("%s: %v", at, info.Features)
		}
	}
}
