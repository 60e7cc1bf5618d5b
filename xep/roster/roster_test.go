package roster

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

const romeo, juliet = "romeo@example.net", "juliet@example.com" // as in RFC 6121: Romeo is at another server

// RFC 6121 §2.2, §2.3, §2.4, §2.5
func TestManagingTheRoster(t *testing.T) {
	w := newWorld(t, juliet)
	balcony := w.connects("juliet@example.com/balcony")
	chamber := w.connects("juliet@example.com/chamber")

	// A client that has not asked for the roster gets no pushes.
	balcony.sends(`<iq type='get' id='hu2bac18'><query xmlns='jabber:iq:roster'/></iq>`)
	balcony.receives(balcony.result("hu2bac18", `<query xmlns='jabber:iq:roster' ver='0'/>`))

	balcony.sends(`<iq type='set' id='ph1xaz53'><query xmlns='jabber:iq:roster'>
		<item jid='nurse@example.com' name='Nurse'><group>Servants</group></item></query></iq>`)
	nurse := `<item jid='nurse@example.com' name='Nurse' subscription='none'><group>Servants</group></item>`
	balcony.receives(balcony.push(1, nurse), balcony.result("ph1xaz53", ""))
	chamber.receives()

	chamber.sends(`<iq type='get' id='1'><query xmlns='jabber:iq:roster' ver=''/></iq>`)
	chamber.receives(chamber.result("1", `<query xmlns='jabber:iq:roster' ver='1'>`+nurse+`</query>`))

	// An update replaces name and groups; a subscription that the client makes up is ignored (§2.1.2.5).
	chamber.sends(`<iq type='set' id='2'><query xmlns='jabber:iq:roster'>
		<item jid='nurse@example.com' subscription='both' ask='subscribe' approved='true'/></query></iq>`)
	nurse = `<item jid='nurse@example.com' subscription='none'/>`
	balcony.receives(balcony.push(2, nurse))
	chamber.receives(chamber.push(2, nurse), chamber.result("2", ""))

	balcony.sends(`<iq type='set' id='hm4hs97y'><query xmlns='jabber:iq:roster'>
		<item jid='nurse@example.com' subscription='remove'/></query></iq>`)
	gone := `<item jid='nurse@example.com' subscription='remove'/>`
	balcony.receives(balcony.push(3, gone), balcony.result("hm4hs97y", ""))
	chamber.receives(chamber.push(3, gone))
	w.leaves()
}

// RFC 6121 §2.6: who has the roster already is spared it.
func TestRosterVersions(t *testing.T) {
	w := newWorld(t, juliet)
	c := w.logsIn("juliet@example.com/balcony")
	c.sends(`<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='romeo@example.net'/></query></iq>`)
	c.drop()

	get := `<iq type='get' id='g'><query xmlns='jabber:iq:roster' ver='%s'/></iq>`
	c.sends(fmt.Sprintf(get, "1"))
	c.receives(c.result("g", ""))
	full := `<query xmlns='jabber:iq:roster' ver='1'><item jid='romeo@example.net' subscription='none'/></query>`
	for _, old := range []string{"", "0", "2", "ver14", "01"} {
		c.sends(fmt.Sprintf(get, old))
		c.receives(c.result("g", full))
	}

	// What the owner's clients cannot see makes no new version.
	w.arrives(`<presence type='subscribe' from='mercutio@example.net' to='juliet@example.com'/>`,
		`<presence type='subscribe' from='romeo@example.net' to='juliet@example.com'/>`) // who is in it
	c.receives(`<presence type='subscribe' from='mercutio@example.net' to='juliet@example.com'/>`,
		`<presence type='subscribe' from='romeo@example.net' to='juliet@example.com'/>`)
	c.disconnects()
	c = w.connects("juliet@example.com/chamber")
	c.sends(fmt.Sprintf(get, "1"))
	c.receives(c.result("g", ""))
}

// RFC 6121 §2.3.3, §2.5.3
func TestRosterErrors(t *testing.T) {
	w := newWorld(t, juliet)
	w.settings.Contacts = 2
	c := w.logsIn("juliet@example.com/balcony")
	long := strings.Repeat("x", 600)
	for _, tt := range []struct{ query, kind, condition, text string }{
		{``, "modify", "bad-request", "a roster item needs a jid"},
		{`<item name='Romeo'/>`, "modify", "bad-request", "a roster item needs a jid"},
		{`<item jid='a@b.example'/><item jid='c@d.example'/>`, "modify", "bad-request", "more than one item"},
		{`<item jid='a@b.example'><group>G</group><group>G</group></item>`, "modify", "bad-request", "group given twice"},
		{`<item jid='a@@b'/>`, "modify", "jid-malformed", ""},
		{`<item jid='a@b.example'><group/></item>`, "modify", "not-acceptable", "group without a name"},
		{`<item jid='a@b.example' name='` + long + `'/>`, "modify", "not-acceptable", "name longer than 512 bytes"},
		{`<item jid='a@b.example'><group>` + long + `</group></item>`, "modify", "not-acceptable", "group longer than 128 bytes"},
		{`<item jid='a@b.example'>` + groups(21) + `</item>`, "modify", "not-acceptable", "more than 20 groups"},
		{`<item jid='a@b.example' subscription='remove'/>`, "cancel", "item-not-found", ""},
		{`<item jid='juliet@example.com/x'/>`, "cancel", "not-allowed", "nobody is their own contact"},
	} {
		c.sends(`<iq type='set' id='e'><query xmlns='jabber:iq:roster'>` + tt.query + `</query></iq>`)
		c.receives(c.failure("e", tt.kind, tt.condition, tt.text))
	}

	set := `<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='%s@example.net'/></query></iq>`
	c.sends(fmt.Sprintf(set, "a"), fmt.Sprintf(set, "b"))
	c.drop()
	c.sends(fmt.Sprintf(set, "c"))
	c.receives(c.failure("s", "wait", "resource-constraint", "more than 2 contacts"))
	c.sends(`<presence type='subscribe' id='p' to='c@example.net'/>`)
	c.receives(`<presence type='error' id='p' from='c@example.net' to='juliet@example.com/balcony'><error type='wait'>` +
		`<resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>` +
		`<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>more than 2 contacts</text></error></presence>`)
	w.leaves()
	c.sends(fmt.Sprintf(set, "b")) // who is there already
	c.receives(c.push(3, `<item jid='b@example.net' subscription='none'/>`), c.result("s", ""))
}

func groups(n int) (all string) {
	for i := range n {
		all += fmt.Sprintf("<group>%d</group>", i)
	}
	return all
}

// A push that is made while the answer to a request for the roster is on its way comes behind it.
func TestPushBehindAnswer(t *testing.T) {
	w := newWorld(t, juliet)
	c := w.connects("juliet@example.com/balcony")
	st := parse(t, `<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>`).Addressed(c.full, c.full.Bare())
	iq, err := st.IQ()
	if err != nil {
		t.Fatal(err)
	}
	payload, err := w.hooks.IQ[0].Handle(t.Context(), iq)
	if err != nil {
		t.Fatal(err)
	}
	other := w.connects("juliet@example.com/chamber")
	other.sends(`<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='romeo@example.net'/></query></iq>`)
	c.receives()
	c.Send(st.Reply(payload))
	item := `<item jid='romeo@example.net' subscription='none'/>`
	c.receives(c.result("g", `<query xmlns='jabber:iq:roster' ver='0'/>`), c.push(1, item))

	other.sends(`<iq type='set' id='2'><query xmlns='jabber:iq:roster'><item jid='romeo@example.net'/></query></iq>`)
	c.receives(c.push(2, item))
	if n := w.service.holding.Load(); n != 0 {
		t.Errorf("%d resources hold their pushes", n)
	}
}

// A push of what a client knows from the answer to its request does not come any more.
func TestPushBeforeAnswer(t *testing.T) {
	w := newWorld(t, juliet)
	w.connects("juliet@example.com/chamber")
	c := w.connects("juliet@example.com/balcony")
	w.put(juliet, romeo, both) // the push of it waits
	c.sends(`<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>`)
	w.service.flush(c.full.Bare())
	c.receives(c.result("g", `<query xmlns='jabber:iq:roster' ver='1'><item jid='romeo@example.net' subscription='both'/></query>`))
}

// A change that is committed while the roster is being read is not lost.
func TestChangeWhileLoading(t *testing.T) {
	w := newWorld(t, juliet)
	c := w.connects("juliet@example.com/balcony")
	w.host.DB = &slowDB{DB: w.db, after: func() {
		w.host.DB = w.db
		if err := w.db.Update(w.ctx, func(tx *store.Tx) error {
			i := item{jid: jid.MustParse(romeo), listed: true}
			return w.service.write(tx, c.full.Bare(), item{}, record{item: i})
		}); err != nil {
			t.Error(err)
		}
	}}
	c.sends(`<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>`)
	c.receives(c.result("g", `<query xmlns='jabber:iq:roster' ver='1'><item jid='romeo@example.net' subscription='none'/></query>`))
}

// slowDB lets something happen between a View and its caller.
type slowDB struct {
	store.DB
	after func()
}

func (db *slowDB) View(ctx context.Context, fn func(*store.Tx) error) error {
	err := db.DB.View(ctx, fn)
	db.after()
	return err
}

// An account that was removed and made anew has a roster of its own, and no client takes the old one for it.
func TestVersionsOfAnAccountMadeAnew(t *testing.T) {
	w := newWorld(t, juliet)
	clock := int64(1000)
	w.host.Now = func() time.Time { clock++; return time.UnixMicro(clock) }
	c := w.logsIn("juliet@example.com/balcony")
	set := `<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='%s@example.net'/></query></iq>`
	c.sends(fmt.Sprintf(set, "romeo"))
	c.receives(c.push(1001, `<item jid='romeo@example.net' subscription='none'/>`), c.result("s", ""))
	w.removes("juliet@example.com")
	c.disconnects()

	c = w.logsIn("juliet@example.com/balcony")
	c.sends(fmt.Sprintf(set, "tybalt"))
	c.drop()
	c.sends(`<iq type='get' id='g'><query xmlns='jabber:iq:roster' ver='1001'/></iq>`)
	c.receives(c.result("g", `<query xmlns='jabber:iq:roster' ver='1003'>`+
		`<item jid='tybalt@example.net' subscription='none'/></query>`))
}

// The roster is in memory from the first session to the last, and no longer.
func TestRosterInMemory(t *testing.T) {
	w := newWorld(t, juliet)
	c := w.logsIn("juliet@example.com/balcony")
	d := w.logsIn("juliet@example.com/chamber")
	c.disconnects()
	if w.service.account(d.full.Bare()).roster == nil {
		t.Error("no roster in memory of who is online")
	}
	d.disconnects()
	if n := len(w.service.accounts); n != 0 {
		t.Errorf("%d accounts in memory without a session", n)
	}
	// A client whose session has ended is answered, and nothing is kept.
	c.drop()
	c.sends(`<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>`, `<presence/>`)
	c.receives(c.result("g", `<query xmlns='jabber:iq:roster' ver='0'/>`))
	if n := len(w.service.accounts); n != 0 {
		t.Errorf("%d accounts in memory without a session", n)
	}
}

func TestStreamFeatures(t *testing.T) {
	if f := features(stream{}); f != nil {
		t.Errorf("before login: %v", f)
	}
	var got string
	for _, f := range features(stream{account: "juliet@example.com"}) {
		got += f.String()
	}
	if want := `<ver xmlns='urn:xmpp:features:rosterver'/><sub xmlns='urn:xmpp:features:pre-approval'/>`; got != want {
		t.Errorf("got %s", got)
	}
}

func FuzzParseRoster(f *testing.F) {
	f.Add(`<query xmlns='jabber:iq:roster' ver='ver11'><item jid='romeo@example.net' name='Romeo' subscription='both'>` +
		`<group>Friends</group></item><item jid='benvolio@example.org' subscription='from' ask='subscribe'/></query>`)
	f.Add(`<query xmlns='jabber:iq:roster'><item jid='nurse@example.com' subscription='remove' approved='1'/></query>`)
	f.Fuzz(func(t *testing.T, text string) {
		el, err := xmlstream.Parse([]byte(text), xmlstream.Limits{})
		if err != nil {
			return
		}
		r := ParseRoster(el)
		var items []*xmlstream.Element
		for _, i := range r.Items {
			items = append(items, i.Element())
		}
		if again := ParseRoster(query(r.Version, items...)); !reflect.DeepEqual(again, r) {
			t.Errorf("%+v is read back as %+v", r, again)
		}
	})
}

type stream struct {
	module.Stream
	account string
}

func (s stream) Account() jid.JID {
	j, _ := jid.Parse(s.account)
	return j
}
