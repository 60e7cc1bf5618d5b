// Package roster implements RFC 6121 (March 2011), §2 to §4: rosters with versions, presence subscriptions with
// pre-approval, and presence.
//
// A client half asks for the roster, changes it and reads pushes (Client, Watch), and makes the stanzas of subscriptions
// (Subscribe and its like). The server half (Module) keeps rosters of accounts and of the broker's services. A service
// accepts every subscription at once and subscribes back.
//
// What is missing: the difference between two versions of a roster, in whose place the whole roster is sent (§2.6.3 allows
// it); the content of an account's last unavailable presence, in whose place a probe gets an empty one (§4.3.2 allows
// it); forbidden for who sets another's roster (§2.3.3), who gets what he gets where there is no account, lest accounts be
// probed; and, for a cluster, pushes to sessions that are bound at another node.
package roster

import (
	"slices"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// The namespaces of rosters (RFC 6121 §2.1.1) and of the stream features (§2.6.1, §3.4.1).
const (
	NS            = "jabber:iq:roster"
	NSVersioning  = "urn:xmpp:features:rosterver"
	NSPreApproval = "urn:xmpp:features:pre-approval"
)

// Subscription says who sees whom (RFC 6121 §2.1.2.5), from the view of the roster's owner.
type Subscription string

const (
	None   Subscription = "none"   // nobody sees the other
	To     Subscription = "to"     // the owner sees the contact
	From   Subscription = "from"   // the contact sees the owner
	Both   Subscription = "both"   // each sees the other
	Remove Subscription = "remove" // the contact is taken out of the roster; only in requests and pushes
)

// Item is one contact of a roster (RFC 6121 §2.1.2).
type Item struct {
	JID          jid.JID
	Name         string   // that the owner gave the contact; may be empty
	Groups       []string // that the owner put the contact into
	Subscription Subscription
	Ask          bool // the owner's request to see the contact is unanswered
	Approved     bool // the contact's request to see the owner is approved before it comes (§3.4)
}

// Element returns the item as it travels.
func (i Item) Element() *xmlstream.Element {
	parts := []xmlstream.Part{xmlstream.A("jid", i.JID.String())}
	attr := func(is bool, name, value string) {
		if is {
			parts = append(parts, xmlstream.A(name, value))
		}
	}
	attr(i.Name != "", "name", i.Name)
	attr(i.Subscription != "", "subscription", string(i.Subscription))
	attr(i.Ask, "ask", "subscribe")
	attr(i.Approved, "approved", "true")
	for _, g := range i.Groups {
		parts = append(parts, xmlstream.New(NS, "group", xmlstream.Text(g)))
	}
	return xmlstream.New(NS, "item", parts...)
}

// ParseItem reads an item. The error is stanza.BadRequest where it has no address, and stanza.JIDMalformed where that is
// none.
func ParseItem(el *xmlstream.Element) (Item, error) {
	addr, ok := el.LookupAttr("", "jid")
	if !el.Is(NS, "item") || !ok {
		return Item{}, stanza.BadRequest.With("a roster item needs a jid")
	}
	contact, err := jid.Parse(addr)
	if err != nil {
		return Item{}, stanza.JIDMalformed.Wrap(err)
	}
	i := Item{
		JID:          contact,
		Name:         el.Attr("name"),
		Subscription: Subscription(el.Attr("subscription")),
		Ask:          el.Attr("ask") == "subscribe",
		Approved:     slices.Contains([]string{"true", "1"}, el.Attr("approved")), // xs:boolean
	}
	if i.Subscription == "" {
		i.Subscription = None // §2.1.2.5
	}
	for g := range el.ChildrenNamed(NS, "group") {
		i.Groups = append(i.Groups, g.Text())
	}
	return i, nil
}

// Roster is what a server answers to a request for it.
type Roster struct {
	Version string // opaque; empty where the server has none
	Items   []Item
}

// ParseRoster reads a roster. Items without a good address are left out.
func ParseRoster(query *xmlstream.Element) *Roster {
	r := &Roster{Version: query.Attr("ver")}
	for el := range query.ChildrenNamed(NS, "item") {
		if i, err := ParseItem(el); err == nil {
			r.Items = append(r.Items, i)
		}
	}
	return r
}

// query makes the payload of requests, answers and pushes.
func query(version string, items ...*xmlstream.Element) *xmlstream.Element {
	parts := make([]xmlstream.Part, 0, len(items)+1)
	if version != "" {
		parts = append(parts, xmlstream.A("ver", version))
	}
	for _, i := range items {
		parts = append(parts, i)
	}
	return xmlstream.New(NS, "query", parts...)
}
