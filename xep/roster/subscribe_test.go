package roster

import (
	"strings"
	"testing"

	"github.com/comity-iot/comity/xmpp/jid"
)

// RFC 6121 §3.1, seen from the server of who asks.
func TestRequestingASubscription(t *testing.T) {
	w := newWorld(t, juliet)
	c := w.logsIn("juliet@example.com/balcony")

	// Stamped with the bare address, and sent to the bare one (§3.1.2).
	c.sends(`<presence id='xk3h1v69' to='romeo@example.net/orchard' type='subscribe'><status>me</status></presence>`)
	w.leaves(`<presence from='juliet@example.com' id='xk3h1v69' to='romeo@example.net' type='subscribe'><status>me</status></presence>`)
	c.receives(c.push(1, `<item jid='romeo@example.net' subscription='none' ask='subscribe'/>`))

	// Again: it goes out again, and changes nothing (A.2.1).
	c.sends(`<presence to='romeo@example.net' type='subscribe'/>`)
	w.leaves(`<presence from='juliet@example.com' to='romeo@example.net' type='subscribe'/>`)
	c.receives()

	// Approved (§3.1.6).
	w.arrives(`<presence from='romeo@example.net' to='juliet@example.com' type='subscribed'/>`)
	c.receives(`<presence from='romeo@example.net' to='juliet@example.com' type='subscribed'/>`,
		c.push(2, `<item jid='romeo@example.net' subscription='to'/>`))
	w.arrives(`<presence from='romeo@example.net/orchard' to='juliet@example.com'><show>dnd</show></presence>`)
	c.receives(`<presence from='romeo@example.net/orchard' to='juliet@example.com'><show>dnd</show></presence>`)

	// An approval that nobody asked for is ignored (A.3.3).
	w.arrives(`<presence from='mercutio@example.net' to='juliet@example.com' type='subscribed'/>`)
	c.receives()

	// Cancelled by the contact (§3.2.3).
	w.arrives(`<presence from='romeo@example.net' to='juliet@example.com' type='unsubscribed'/>`)
	c.receives(`<presence from='romeo@example.net' to='juliet@example.com' type='unsubscribed'/>`,
		c.push(3, `<item jid='romeo@example.net' subscription='none'/>`))
	w.leaves()
}

// RFC 6121 §3.1.3: a request is kept with all that it says, and brought at each login until it is decided.
func TestPendingRequest(t *testing.T) {
	w := newWorld(t, juliet)
	request := `<presence from='romeo@example.net' id='q' to='juliet@example.com' type='subscribe' xml:lang='it'>` +
		`<status>O&amp;M &lt;3</status><nick xmlns='http://jabber.org/protocol/nick'>Romeo</nick></presence>`
	w.arrives(request, strings.Replace(request, "q", "again", 1))

	c := w.connects("juliet@example.com/balcony")
	c.sends(`<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>`)
	c.receives(c.result("r", `<query xmlns='jabber:iq:roster' ver='0'/>`)) // a request alone is not in the roster (A.1)
	c.sends(`<presence/>`)
	self := `<presence from='juliet@example.com/balcony' to='juliet@example.com'/>`
	c.receives(self, request)
	c.sends(`<presence/>`)
	c.receives(self) // not at each presence, only at the first
	c.disconnects()

	w.start() // of the broker anew
	c = w.logsIn("juliet@example.com/balcony")
	other := w.connects("juliet@example.com/chamber")
	other.sends(`<presence/>`)
	other.receives(`<presence from='juliet@example.com/chamber' to='juliet@example.com'/>`,
		`<presence from='juliet@example.com/balcony' to='juliet@example.com/chamber'/>`, request)
	c.drop()

	// §3.1.5: approved, and told at once of all that is available.
	c.sends(`<presence to='romeo@example.net' type='subscribed'/>`)
	w.leaves(`<presence from='juliet@example.com' to='romeo@example.net' type='subscribed'/>`,
		`<presence from='juliet@example.com/balcony' to='romeo@example.net'/>`,
		`<presence from='juliet@example.com/chamber' to='romeo@example.net'/>`)
	c.receives(c.push(2, `<item jid='romeo@example.net' subscription='from'/>`))
	other.disconnects()
	w.leaves(`<presence from='juliet@example.com/chamber' to='romeo@example.net' type='unavailable'/>`)

	// A contact that asks again is answered by the server (A.3.1, note).
	w.arrives(`<presence from='romeo@example.net' to='juliet@example.com' type='subscribe'/>`)
	w.leaves(`<presence from='juliet@example.com' to='romeo@example.net' type='subscribed'/>`,
		`<presence from='juliet@example.com/balcony' to='romeo@example.net'/>`)
	c.drop()
	// What is decided is not brought again.
	w.arrives(`<presence from='tybalt@example.net' to='juliet@example.com' type='subscribe'/>`)
	third := w.connects("juliet@example.com/garden")
	third.sends(`<presence/>`)
	third.receives(`<presence from='juliet@example.com/garden' to='juliet@example.com'/>`,
		`<presence from='juliet@example.com/balcony' to='juliet@example.com/garden'/>`,
		`<presence from='tybalt@example.net' to='juliet@example.com' type='subscribe'/>`)
}

// RFC 6121 §3.1.3: to who is available, whether or not they have asked for the roster, a request comes at once.
func TestRequestComesAtOnce(t *testing.T) {
	w := newWorld(t, juliet)
	c := w.connects("juliet@example.com/balcony")
	c.sends(`<presence/>`)
	away := w.connects("juliet@example.com/chamber")
	away.sends(`<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>`)
	c.drop()
	away.drop()
	w.arrives(`<presence from='romeo@example.net/orchard' to='juliet@example.com' type='subscribe'/>`)
	c.receives(`<presence from='romeo@example.net' to='juliet@example.com' type='subscribe'/>`)
	away.receives()

	// Refused: the contact hears it, and nothing was ever in the roster.
	c.sends(`<presence to='romeo@example.net' type='unsubscribed'/>`)
	w.leaves(`<presence from='juliet@example.com' to='romeo@example.net' type='unsubscribed'/>`)
	c.receives()
	away.receives()

	// Withdrawn by who asked (A.3.2).
	w.arrives(`<presence from='romeo@example.net' to='juliet@example.com' type='subscribe'/>`,
		`<presence from='romeo@example.net' to='juliet@example.com' type='unsubscribe'/>`)
	c.drop()
	again := w.connects("juliet@example.com/garden")
	again.sends(`<presence/>`)
	again.receives(`<presence from='juliet@example.com/garden' to='juliet@example.com'/>`,
		`<presence from='juliet@example.com/balcony' to='juliet@example.com/garden'/>`)
}

// RFC 6121 §3.2, §3.3. That a contact asks is a revision too, without a push.
func TestEndingASubscription(t *testing.T) {
	w := newWorld(t, juliet)
	c := w.logsIn("juliet@example.com/balcony")
	befriend := func() {
		t.Helper()
		c.sends(`<presence to='romeo@example.net' type='subscribe'/>`)
		w.arrives(`<presence from='romeo@example.net' to='juliet@example.com' type='subscribed'/>`,
			`<presence from='romeo@example.net' to='juliet@example.com' type='subscribe'/>`)
		c.sends(`<presence to='romeo@example.net' type='subscribed'/>`)
		c.drop()
		w.drop()
	}
	befriend()

	// §3.2.2: unavailable first, while Romeo still may know.
	c.sends(`<presence to='romeo@example.net' type='unsubscribed'/>`)
	w.leaves(`<presence from='juliet@example.com/balcony' to='romeo@example.net' type='unavailable'/>`,
		`<presence from='juliet@example.com' to='romeo@example.net' type='unsubscribed'/>`)
	c.receives(c.push(5, `<item jid='romeo@example.net' subscription='to'/>`))
	c.sends(`<presence to='romeo@example.net' type='unsubscribed'/>`)
	w.leaves() // A.2.4
	c.receives()

	// §3.3.2
	c.sends(`<presence to='romeo@example.net' type='unsubscribe'/>`)
	w.leaves(`<presence from='juliet@example.com' to='romeo@example.net' type='unsubscribe'/>`)
	c.receives(c.push(6, `<item jid='romeo@example.net' subscription='none'/>`))

	// §3.3.3
	befriend()
	w.arrives(`<presence from='romeo@example.net' to='juliet@example.com' type='unsubscribe'/>`)
	w.leaves(`<presence from='juliet@example.com/balcony' to='romeo@example.net' type='unavailable'/>`)
	c.receives(`<presence from='romeo@example.net' to='juliet@example.com' type='unsubscribe'/>`,
		c.push(11, `<item jid='romeo@example.net' subscription='to'/>`))

	// §2.5.2: the removal of a contact ends both.
	befriend()
	c.sends(`<iq type='set' id='d'><query xmlns='jabber:iq:roster'><item jid='romeo@example.net' subscription='remove'/></query></iq>`)
	w.leaves(`<presence from='juliet@example.com' to='romeo@example.net' type='unsubscribe'/>`,
		`<presence from='juliet@example.com/balcony' to='romeo@example.net' type='unavailable'/>`,
		`<presence from='juliet@example.com' to='romeo@example.net' type='unsubscribed'/>`)
	c.receives(c.push(14, `<item jid='romeo@example.net' subscription='remove'/>`), c.result("d", ""))
}

// module.Roster: a feature withdraws a contact's sight of an owner.
func TestCancel(t *testing.T) {
	w := newWorld(t, juliet)
	c := w.logsIn("juliet@example.com/balcony")
	w.arrives(`<presence from='romeo@example.net' to='juliet@example.com' type='subscribe'/>`)
	c.sends(`<presence to='romeo@example.net' type='subscribed'/>`)
	c.drop()
	w.drop()
	owner, contact := jid.MustParse(juliet), jid.MustParse(romeo)
	if !w.service.Sees(t.Context(), contact, owner) {
		t.Error("a subscriber does not see the owner")
	}
	if err := w.service.Cancel(t.Context(), owner, contact); err != nil {
		t.Fatal(err)
	}
	w.leaves(`<presence from='juliet@example.com/balcony' to='romeo@example.net' type='unavailable'/>`,
		`<presence from='juliet@example.com' to='romeo@example.net' type='unsubscribed'/>`)
	c.receives(c.push(3, `<item jid='romeo@example.net' subscription='none'/>`))
	if w.service.Sees(t.Context(), contact, owner) {
		t.Error("a cancelled contact sees the owner")
	}
}

// RFC 6121 §3.4
func TestPreApproval(t *testing.T) {
	w := newWorld(t, juliet)
	c := w.logsIn("juliet@example.com/balcony")
	c.sends(`<presence id='pg81vx64' to='romeo@example.net' type='subscribed'/>`)
	w.leaves() // MUST NOT be routed
	c.receives(c.push(1, `<item jid='romeo@example.net' subscription='none' approved='true'/>`))

	w.arrives(`<presence from='romeo@example.net' to='juliet@example.com' type='subscribe'/>`)
	w.leaves(`<presence from='juliet@example.com' to='romeo@example.net' type='subscribed'/>`,
		`<presence from='juliet@example.com/balcony' to='romeo@example.net'/>`)
	c.receives(c.push(2, `<item jid='romeo@example.net' subscription='from' approved='true'/>`))

	c.sends(`<presence to='romeo@example.net' type='unsubscribed'/>`)
	c.receives(c.push(3, `<item jid='romeo@example.net' subscription='none'/>`))
	w.drop()

	// Taken back before it is used: nobody else hears of it.
	c.sends(`<presence to='mercutio@example.net' type='subscribed'/>`, `<presence to='mercutio@example.net' type='unsubscribed'/>`)
	w.leaves()
	c.receives(c.push(4, `<item jid='mercutio@example.net' subscription='none' approved='true'/>`),
		c.push(5, `<item jid='mercutio@example.net' subscription='none'/>`))
}

// Two accounts of the broker, each with its own state: one code path with other servers.
func TestLocalSubscription(t *testing.T) {
	w := newWorld(t, juliet, "nurse@example.com")
	c := w.logsIn("juliet@example.com/balcony")
	n := w.logsIn("nurse@example.com/kitchen")
	c.sends(`<presence to='nurse@example.com' type='subscribe'/>`)
	c.receives(c.push(1, `<item jid='nurse@example.com' subscription='none' ask='subscribe'/>`))
	n.receives(`<presence from='juliet@example.com' to='nurse@example.com' type='subscribe'/>`)
	n.sends(`<presence to='juliet@example.com' type='subscribed'/>`)
	n.receives(n.push(2, `<item jid='juliet@example.com' subscription='from'/>`))
	c.receives(`<presence from='nurse@example.com' to='juliet@example.com' type='subscribed'/>`,
		c.push(2, `<item jid='nurse@example.com' subscription='to'/>`),
		`<presence from='nurse@example.com/kitchen' to='juliet@example.com'/>`)
	n.sends(`<presence><show>away</show></presence>`)
	c.receives(`<presence from='nurse@example.com/kitchen' to='juliet@example.com'><show>away</show></presence>`)
	n.drop()
	c.sends(`<presence><show>xa</show></presence>`)
	n.receives() // she has not asked
	w.leaves()
}

// What nobody should learn, and what nobody should make us do.
func TestStrangers(t *testing.T) {
	w := newWorld(t, juliet)
	w.settings.Requests = 3
	probe := `<presence from='tybalt@example.net/x' to='WHO@example.com' type='probe'/>`
	subscribe := `<presence from='tybalt@example.net/x' to='WHO@example.com' type='subscribe'/>`
	answers := map[string]string{}
	for _, who := range []string{"juliet", "nobody"} {
		w.arrives(strings.Replace(probe, "WHO", who, 1), strings.Replace(subscribe, "WHO", who, 1),
			strings.Replace(subscribe, "WHO", who, 1), strings.Replace(probe, "WHO", who, 1))
		for _, st := range w.drop() {
			answers[who] += strings.Replace(st.String(), who, "WHO", 1)
		}
	}
	if answers["juliet"] != answers["nobody"] {
		t.Errorf("an account answers:\n%s\nwithout one:\n%s", answers["juliet"], answers["nobody"])
	}

	// Requests are bounded, and so is what they say.
	long := `<presence from='b@example.net' to='juliet@example.com' type='subscribe'><status>` + strings.Repeat("x", 5000) + `</status></presence>`
	w.arrives(long)
	for _, from := range []string{"c", "d", "e"} {
		w.arrives(`<presence from='` + from + `@example.net' to='juliet@example.com' type='subscribe'/>`)
	}
	w.leaves()
	c := w.connects("juliet@example.com/balcony")
	c.sends(`<presence/>`)
	c.receives(`<presence from='juliet@example.com/balcony' to='juliet@example.com'/>`,
		`<presence from='b@example.net' to='juliet@example.com' type='subscribe'/>`,
		`<presence from='c@example.net' to='juliet@example.com' type='subscribe'/>`,
		`<presence from='tybalt@example.net' to='juliet@example.com' type='subscribe'/>`)

	// What is decided makes room.
	c.sends(`<presence to='c@example.net' type='unsubscribed'/>`)
	w.arrives(`<presence from='f@example.net' to='juliet@example.com' type='subscribe'/>`)
	c.receives(`<presence from='f@example.net' to='juliet@example.com' type='subscribe'/>`)
}

func TestOddSubscriptions(t *testing.T) {
	w := newWorld(t, juliet)
	c := w.logsIn("juliet@example.com/balcony")
	for _, typ := range []string{"subscribe", "subscribed", "unsubscribe", "unsubscribed"} {
		c.sends(`<presence to='juliet@example.com' type='` + typ + `'/>`) // to oneself
		c.receives()
		c.sends(`<presence id='1' type='` + typ + `'/>`)
		c.receives(`<presence type='error' id='1' from='juliet@example.com' to='juliet@example.com/balcony'><error type='modify'>` +
			`<bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>` +
			`<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>presence of this type needs an address</text></error></presence>`)
	}
	// An unsubscribe goes out whatever we think (A.2.2), and makes no roster item.
	c.sends(`<presence to='romeo@example.net' type='unsubscribe'/>`)
	w.leaves(`<presence from='juliet@example.com' to='romeo@example.net' type='unsubscribe'/>`)
	c.receives()
	// What comes of it is for the clients to see.
	w.arrives(`<presence from='romeo@example.net' to='juliet@example.com' type='error'><error type='cancel'/></presence>`)
	c.receives(`<presence from='romeo@example.net' to='juliet@example.com' type='error'><error type='cancel'/></presence>`)
}

// An account is removed: its contacts are not left with a ghost.
func TestRemovedAccount(t *testing.T) {
	w := newWorld(t, juliet, "nurse@example.com")
	c := w.logsIn("juliet@example.com/balcony")
	n := w.logsIn("nurse@example.com/kitchen")
	w.arrives(`<presence from='romeo@example.net' to='juliet@example.com' type='subscribe'/>`,
		`<presence from='tybalt@example.net' to='juliet@example.com' type='subscribe'/>`)
	c.sends(`<presence to='romeo@example.net' type='subscribed'/>`, `<presence to='nurse@example.com' type='subscribe'/>`)
	n.sends(`<presence to='juliet@example.com' type='subscribed'/>`)
	n.drop()
	w.drop()

	w.removes(juliet)
	w.leaves(`<presence from='juliet@example.com/balcony' to='romeo@example.net' type='unavailable'/>`,
		`<presence from='juliet@example.com' to='romeo@example.net' type='unsubscribed'/>`,
		`<presence from='juliet@example.com' to='tybalt@example.net' type='unsubscribed'/>`)
	n.receives(`<presence from='juliet@example.com' to='nurse@example.com' type='unsubscribe'/>`,
		n.push(3, `<item jid='juliet@example.com' subscription='none'/>`))
	c.disconnects()
	w.leaves()
	contacts, err := w.service.Contacts(t.Context(), jid.MustParse(juliet))
	if err != nil || len(contacts) != 0 {
		t.Errorf("left over: %v, %v", contacts, err)
	}
	w.removes("juliet@elsewhere.example") // another domain of the broker
	w.leaves()
}
