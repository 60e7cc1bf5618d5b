package roster

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// mirror is a client that keeps its roster by pushes alone, as RFC 6121 §2.6 lets it.
type mirror struct {
	t       rapid.TB
	mu      sync.Mutex
	own     jid.JID
	version string
	items   map[jid.JID]Item
}

func mirrors(t rapid.TB, c *client) *mirror {
	m := &mirror{t: t, own: c.full.Bare(), items: map[jid.JID]Item{}}
	c.mu.Lock()
	c.onSend = m.takes
	c.mu.Unlock()
	c.sends(`<iq type='get' id='get'><query xmlns='jabber:iq:roster'/></iq>`)
	return m
}

func (m *mirror) takes(st *stanza.Stanza) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if st.Kind != stanza.IQKind || st.Type == stanza.ErrorType {
		return
	}
	iq, err := st.IQ()
	switch {
	case err != nil:
		m.t.Error(err)
	case st.ID == "get":
		r := ParseRoster(iq.Payload)
		m.version = r.Version
		for _, i := range r.Items {
			m.items[i.JID] = i
		}
	case st.Type == stanza.Set:
		p, err := ParsePush(iq, m.own)
		if err != nil {
			m.t.Errorf("%s: %v", st, err)
		}
		m.version = p.Version
		if m.items[p.Item.JID] = p.Item; p.Item.Subscription == Remove {
			delete(m.items, p.Item.JID)
		}
	}
}

// check holds the mirror against the database, and the broker's memory too.
func (m *mirror) check(w *world) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var stored *snapshot
	if err := w.db.View(w.ctx, func(tx *store.Tx) (err error) {
		stored, err = readRoster(tx, m.own)
		return err
	}); err != nil {
		m.t.Fatal(err)
	}
	want := map[jid.JID]Item{}
	for _, i := range ParseRoster(stored.element()).Items {
		want[i.JID] = i
	}
	if !reflect.DeepEqual(m.items, want) || m.version != formatVersion(stored.version) {
		m.t.Errorf("%s thinks that its roster is\n%s %v\nwhile it is\n%d %v", m.own, m.version, m.items, stored.version, want)
	}
	if a := w.service.account(m.own); a != nil && !reflect.DeepEqual(a.roster, stored) {
		m.t.Errorf("in memory %s has\n%+v\nand in the database\n%+v", m.own, *a.roster, *stored)
	}
}

// actions are what a client may do to a contact.
var actions = []string{
	`<presence to='%s' type='subscribe'/>`, `<presence to='%s' type='subscribed'/>`,
	`<presence to='%s' type='unsubscribe'/>`, `<presence to='%s' type='unsubscribed'/>`,
	`<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='%s' name='N'/></query></iq>`,
	`<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='%s' subscription='remove'/></query></iq>`,
	`<presence><status>%s</status></presence>`,
	`<presence type='unavailable'><status>%s</status></presence>`,
}

// couple are two accounts, what they know, and a client of each.
type couple struct {
	*world
	who     [2]jid.JID
	clients [2]*client
	known   [2]*mirror
}

func (w *world) couple(t rapid.TB, n int) *couple {
	c := &couple{world: w}
	for i := range c.who {
		c.who[i] = jid.MustParse(fmt.Sprintf("%c%d@example.com", 'a'+i, n))
		w.accounts[c.who[i]] = true
		c.clients[i] = w.connects(c.who[i].String() + "/r")
		c.known[i] = mirrors(t, c.clients[i])
	}
	return c
}

// does lets one of them do something to the other, and looks at what has become of both rosters.
func (c *couple) does(t rapid.TB, me int, action string) {
	c.clients[me].sends(fmt.Sprintf(action, c.who[1-me]))
	var states [2]state
	for i := range c.who {
		it, err := c.service.item(c.ctx, c.who[i], c.who[1-i])
		if err != nil {
			t.Fatal(err)
		}
		states[i] = it.state
		c.known[i].check(c.world)
	}
	if !mirrored(states[0], states[1]) {
		t.Fatalf("%05b and %05b", states[0], states[1])
	}
}

func (c *couple) part() {
	for _, each := range c.clients {
		each.disconnects()
	}
}

// Whatever two accounts do to each other, online or not, each roster mirrors the other, and each client knows its own by
// pushes alone.
func TestRostersConverge(t *testing.T) {
	w := newWorld(t)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		c := w.couple(t, n)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			me := rapid.IntRange(0, 1).Draw(t, "who")
			c.does(t, me, rapid.SampledFrom(actions).Draw(t, "action"))
		}
		c.part()
	})
}

// What TestRostersConverge has found once: who did which of the actions.
func TestRostersConvergeAgain(t *testing.T) {
	const subscribe, subscribed, unsubscribe, unsubscribed, name, remove, come, leave = 0, 1, 2, 3, 4, 5, 6, 7
	type deed struct{ who, action int }
	w := newWorld(t)
	n := 0
	for what, deeds := range map[string][]deed{
		"names, requests and refusals, come and go": {
			{0, come},
			{0, subscribe},
			{0, unsubscribe},
			{0, unsubscribe},
			{0, subscribe},
			{0, subscribed},
			{0, subscribed},
			{0, subscribed},
			{0, subscribed},
			{1, unsubscribed},
			{1, remove},
			{0, name},
			{1, name},
			{0, subscribe},
			{0, subscribe},
			{0, subscribed},
			{0, unsubscribed},
			{0, subscribe},
			{1, unsubscribed},
			{1, name},
			{0, remove},
			{1, come},
			{0, leave},
			{0, name},
			{0, subscribe},
			{0, come},
			{1, unsubscribe},
		},
		"a request that was approved before":                    {{0, subscribed}, {0, come}, {1, subscribe}, {1, come}},
		"one is removed after both had asked to see each other": {{0, subscribe}, {1, subscribe}, {0, remove}},
	} {
		t.Run(what, func(t *testing.T) {
			n++
			c := w.couple(t, n)
			for _, d := range deeds {
				c.does(t, d.who, actions[d.action])
			}
			c.part()
		})
	}
}

// Many sessions at once, of which some come and go: what each client and the broker's memory think stays true.
func TestConcurrentSessions(t *testing.T) {
	w := newWorld(t, "a@example.com", "b@example.com")
	w.settings.Contacts = 3
	var work sync.WaitGroup
	var all [4]*mirror
	for i := range all {
		own, other := "a@example.com", "b@example.com"
		if i%2 == 1 {
			own, other = other, own
		}
		random := rand.New(rand.NewPCG(1, uint64(i)))
		work.Go(func() {
			for round := range 4 {
				c := w.connects(fmt.Sprintf("%s/%d-%d", own, i, round))
				for step := range 15 {
					if step == 5 { // while others are at work
						all[i] = mirrors(t, c)
					}
					contact := []string{other, "x@example.net", "y@example.net", "z@example.net"}[random.IntN(4)]
					c.sends(fmt.Sprintf(actions[random.IntN(len(actions))], contact))
				}
				if round < 3 {
					c.disconnects()
				}
			}
		})
	}
	work.Wait()
	for _, m := range all {
		m.check(w)
	}
	if n := w.service.holding.Load(); n != 0 {
		t.Errorf("%d resources hold their pushes", n)
	}
}
