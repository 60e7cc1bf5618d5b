package roster

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Request implements stanza.Requester: the client half speaks to the server half.
func (c *client) Request(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	st := iq.Stanza()
	st.ID = "q"
	st = parse(c.w.t, st.String()).Addressed(c.full, c.full.Bare()) // over the wire
	iq, err := st.IQ()
	if err != nil {
		return nil, err
	}
	return c.w.hooks.IQ[0].Handle(ctx, iq)
}

func TestClient(t *testing.T) {
	w := newWorld(t, juliet)
	c := w.connects("juliet@example.com/balcony")
	roster := Client{Requester: c}
	ctx := t.Context()
	empty, err := roster.Get(ctx, "")
	if err != nil || empty.Version != "0" || len(empty.Items) != 0 {
		t.Fatalf("got %+v, %v", empty, err)
	}
	nurse := Item{JID: jid.MustParse("nurse@example.com"), Name: "Nurse & <co>", Groups: []string{"Servants", "Friends"}}
	if err := roster.Set(ctx, nurse); err != nil {
		t.Fatal(err)
	}
	c.send(Approve(nurse.JID))
	c.send(Subscribe(jid.MustParse("romeo@example.net/orchard")))
	got, err := roster.Get(ctx, "1")
	nurse.Subscription, nurse.Approved = None, true
	want := &Roster{Version: "3", Items: []Item{nurse, {JID: jid.MustParse(romeo), Subscription: None, Ask: true}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := roster.Get(ctx, "3"); got != nil || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := roster.Remove(ctx, nurse.JID); err != nil {
		t.Error(err)
	}
	if err := roster.Remove(ctx, nurse.JID); !errors.Is(err, stanza.ItemNotFound) {
		t.Errorf("got %v", err)
	}
}

// RFC 6121 §2.1.6: who forges a push is refused.
func TestWatch(t *testing.T) {
	own := jid.MustParse(juliet)
	item := `<item jid='romeo@example.net' subscription='both'/>`
	for _, tt := range []struct {
		typ, from, payload string
		want               error
	}{
		{"set", "", item, nil},
		{"set", juliet, item, nil},
		{"set", juliet, `<item jid='romeo@example.net' subscription='remove'/>`, nil},
		{"set", "juliet@example.com/balcony", item, stanza.ServiceUnavailable},
		{"set", "example.com", item, stanza.ServiceUnavailable},
		{"set", "tybalt@example.net", item, stanza.ServiceUnavailable},
		{"get", juliet, item, stanza.BadRequest},
		{"set", juliet, item + item, stanza.BadRequest},
		{"set", juliet, ``, stanza.BadRequest},
		{"set", juliet, `<item/>`, stanza.BadRequest},
		{"set", juliet, `<item jid='@'/>`, stanza.JIDMalformed},
	} {
		st := parse(t, fmt.Sprintf(`<iq type='%s' id='1'><query xmlns='jabber:iq:roster' ver='v7'>%s</query></iq>`, tt.typ, tt.payload))
		st.From, _ = jid.Parse(tt.from)
		iq, err := st.IQ()
		if err != nil {
			t.Fatal(err)
		}
		var got []Push
		answer, err := Watch(own, func(p Push) { got = append(got, p) })(t.Context(), iq)
		if answer != nil || !errors.Is(err, tt.want) || (len(got) == 1) != (tt.want == nil) {
			t.Errorf("%s from %q: %v, %v, %v", tt.payload, tt.from, answer, err, got)
		}
		if len(got) == 1 && (got[0].Version != "v7" || got[0].Item.JID.String() != romeo) {
			t.Errorf("got %+v", got[0])
		}
	}
}

func TestSubscriptionStanzas(t *testing.T) {
	contact := jid.MustParse("romeo@example.net/orchard")
	for typ, st := range map[stanza.Type]*stanza.Stanza{
		stanza.Subscribe: Subscribe(contact), stanza.Unsubscribe: Unsubscribe(contact),
		stanza.Subscribed: Approve(contact), stanza.Unsubscribed: Refuse(contact),
	} {
		if want := `<presence to='romeo@example.net' type='` + string(typ) + `'/>`; st.String() != want {
			t.Errorf("got %s, want %s", st, want)
		}
	}
}
