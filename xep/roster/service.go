package roster

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Settings bound what the rosters of a domain hold.
type Settings struct {
	Contacts     int `toml:"contacts" doc:"Contacts in the roster of an account."`
	Groups       int `toml:"groups" doc:"Groups that one contact is in."`
	NameBytes    int `toml:"name_bytes" doc:"Length of the name that an owner gives a contact, in bytes."`
	GroupBytes   int `toml:"group_bytes" doc:"Length of the name of a group, in bytes."`
	Requests     int `toml:"requests" doc:"Requests to subscribe, of who is not in the roster, that wait for the owner. More are ignored."`
	RequestBytes int `toml:"request_bytes" doc:"Length of a request that is kept with its content, in bytes. A longer one is kept without."`
	Directed     int `toml:"directed" doc:"Addresses besides the contacts that one session may send its presence to."`
	Subscribers  int `toml:"subscribers" doc:"Contacts in the roster of a service of the broker."`
	Seen         int `toml:"seen" doc:"Available resources of other servers' accounts that the services remember."`
}

func defaults() *Settings {
	return &Settings{
		Contacts: 1000, Groups: 20, NameBytes: 512, GroupBytes: 128,
		Requests: 200, RequestBytes: 4096,
		Directed: 500, Subscribers: 1_000_000, Seen: 100_000,
	}
}

// Module returns the feature.
func Module() module.Def {
	settings := defaults()
	return module.Def{
		Name:  "roster",
		Title: "Rosters, presence subscriptions and presence",
		Specs: []module.Spec{{
			ID: "RFC 6121", Version: "2011-03",
			Missing: "of §2 to §4: the difference between two roster versions; the content of the last unavailable presence; " +
				"and forbidden for who asks for or sets another's roster, who gets what he gets where there is no account",
		}},
		Config:     settings,
		Migrations: migrations(),
		Init:       func(h *module.Host) (*module.Hooks, error) { return newService(h, settings).hooks(), nil },
	}
}

// service is the server half, for one domain.
type service struct {
	host     *module.Host
	settings *Settings
	holding  atomic.Int32 // resources whose pushes wait, in all
	seen     seen
	removals removals

	mu       sync.RWMutex
	accounts map[jid.JID]*account // who has sessions, by bare JID
}

var _ module.Presence = (*service)(nil)

func newService(h *module.Host, settings *Settings) *service {
	return &service{
		host: h, settings: settings, accounts: map[jid.JID]*account{},
		seen: seen{limit: settings.Seen, full: map[acquaintance][]jid.JID{}}, removals: newRemovals(),
	}
}

func (s *service) hooks() *module.Hooks {
	return &module.Hooks{
		// At the account itself only: who asks for another's roster gets service-unavailable, as for an account that does
		// not exist, and not the forbidden of §2.3.3, which would tell the two apart.
		IQ: []module.IQ{{
			Name:   xmlstream.Name{Space: NS, Local: "query"},
			On:     []module.Place{module.Own},
			Handle: s.handle,
		}},
		StreamFeatures: features,
		Bound:          s.bound,
		Ended:          s.ended,
		Deliver:        s.deliver,
		Presence:       s,
		Removed:        s.removed,
		Run:            s.run,
	}
}

// features are offered where a resource can be bound. RFC 6121 §2.6.1, §3.4.1
func features(st module.Stream) []*xmlstream.Element {
	if st.Account().IsZero() {
		return nil
	}
	return []*xmlstream.Element{xmlstream.New(NSVersioning, "ver"), xmlstream.New(NSPreApproval, "sub")}
}

func (s *service) handle(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	if iq.Type == stanza.Get {
		return s.get(ctx, iq)
	}
	return nil, s.set(ctx, iq)
}

// get answers with the roster, or with nothing where the client has it already. RFC 6121 §2.2, §2.6.3
func (s *service) get(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	roster, err := s.roster(ctx, iq.From.Bare())
	if err != nil {
		return nil, err
	}
	if a, r := s.find(iq.From); r != nil { // else the session has ended meanwhile
		roster = s.hold(a, r, iq.ID)
	}
	if has, ok := iq.Payload.LookupAttr("", "ver"); ok && has == formatVersion(roster.version) {
		return nil, nil
	}
	return roster.element(), nil
}

// set adds, changes or removes a contact. RFC 6121 §2.3 to §2.5
func (s *service) set(ctx context.Context, iq *stanza.IQ) error {
	owner := iq.From.Bare()
	i, err := onlyItem(iq.Payload)
	if err != nil {
		return err
	}
	contact := i.JID.Bare().Clone()
	switch {
	case contact == owner:
		return stanza.NotAllowed.With("nobody is their own contact")
	case i.Subscription == Remove:
		return s.remove(ctx, owner, contact)
	}
	if err := s.check(i); err != nil {
		return err
	}
	// Any other subscription, and ask and approved, are the server's to set. §2.1.2.5
	_, err = s.change(ctx, owner, contact, func(r *record) error {
		r.listed, r.told = true, true
		r.describe(i.Name, i.Groups)
		return nil
	})
	s.flush(owner)
	return err
}

// check is RFC 6121 §2.3.3.
func (s *service) check(i Item) error {
	switch {
	case len(i.Name) > s.settings.NameBytes:
		return stanza.NotAcceptable.With("name longer than %d bytes", s.settings.NameBytes)
	case len(i.Groups) > s.settings.Groups:
		return stanza.NotAcceptable.With("more than %d groups", s.settings.Groups)
	}
	for n, g := range i.Groups {
		switch {
		case g == "":
			return stanza.NotAcceptable.With("group without a name")
		case len(g) > s.settings.GroupBytes:
			return stanza.NotAcceptable.With("group longer than %d bytes", s.settings.GroupBytes)
		case slices.Contains(i.Groups[:n], g):
			return stanza.BadRequest.With("group given twice")
		}
	}
	return nil
}

// remove takes a contact out and ends what is between the two. A request of the contact stays open until the owner decides.
// RFC 6121 §2.5
func (s *service) remove(ctx context.Context, owner, contact jid.JID) error {
	c, err := s.change(ctx, owner, contact, func(r *record) error {
		if !r.listed {
			return stanza.ItemNotFound // §2.5.3
		}
		r.listed = false
		r.state &= pendingIn
		r.describe("", nil)
		return nil
	})
	if err != nil {
		return err
	}
	s.flush(owner)
	s.part(ctx, owner, c.before)
	return nil
}

// part tells a contact that what was between it and the owner is over. RFC 6121 §2.5.2
func (s *service) part(ctx context.Context, owner jid.JID, was item) {
	if was.state&(to|pendingOut) != 0 {
		s.say(ctx, stanza.Unsubscribe, owner, was.jid)
	}
	if was.state.has(from) {
		s.hide(ctx, owner, was.jid)
		s.say(ctx, stanza.Unsubscribed, owner, was.jid)
	}
}

// Contact implements module.Roster.
func (s *service) Contact(ctx context.Context, owner, contact jid.JID) (module.Contact, error) {
	i, err := s.item(ctx, owner, contact.Bare())
	return i.contact(), err
}

// Contacts implements module.Roster. Of a service it reads the whole roster into memory.
func (s *service) Contacts(ctx context.Context, owner jid.JID) ([]module.Contact, error) {
	roster, err := s.roster(ctx, owner)
	if err != nil {
		return nil, err
	}
	var all []module.Contact
	for i := range roster.items {
		if roster.items[i].listed {
			all = append(all, roster.items[i].contact())
		}
	}
	return all, nil
}

// Sees implements module.Roster. Everybody sees a service. Where it cannot be found out, the answer is no.
func (s *service) Sees(ctx context.Context, party, owner jid.JID) bool {
	party = party.Bare()
	if party == owner || isService(owner) && s.local(owner) {
		return true
	}
	i, err := s.item(ctx, owner, party)
	if err != nil && !errors.Is(err, context.Canceled) {
		s.host.Log.Error("roster unreadable", "owner", owner, "err", err)
	}
	return i.state.has(from)
}

// Cancel implements module.Roster: as if the owner had sent the contact an unsubscribed. It must not be called in a
// transaction nor in what follows a commit.
func (s *service) Cancel(ctx context.Context, owner, contact jid.JID) error {
	return s.send(ctx, owner, stanza.NewPresence(contact, stanza.Unsubscribed))
}
