package module

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Host is what a feature is given of one domain.
type Host struct {
	Domain    jid.JID
	Log       *slog.Logger
	Now       func() time.Time
	DB        store.DB
	Network   Network
	Sessions  Sessions
	Accounts  Accounts
	Roster    Roster
	Outbox    Outbox
	Directory Directory
	// Hides reports whether a feature hides an account from a party.
	Hides func(ctx context.Context, account, party jid.JID) bool
	// Secret derives 32 bytes from the broker's key file, others for each purpose, the same on each node and after each start.
	Secret func(purpose string) []byte
}

// Service returns the address of the domain's service with that label.
func (h *Host) Service(label string) jid.JID {
	return jid.MustParse(label + "." + h.Domain.String())
}

// PlaceOf returns where an address of the domain is: Domain, Account, or a service, of which it may be the address of a part.
func (h *Host) PlaceOf(addr jid.JID) Place {
	if label, ok := strings.CutSuffix(addr.Domain(), "."+h.Domain.Domain()); ok {
		return Place(label)
	}
	if addr.Local() != "" {
		return Account
	}
	return Domain
}

// Network sends on behalf of the broker's own addresses and of its accounts.
type Network interface {
	// Send routes a stanza, whose From must be an address of this domain. What cannot be delivered bounces to From.
	Send(context.Context, *stanza.Stanza)
	// Requester sends a request from an address of the broker's own and waits for the answer.
	stanza.Requester
}

// Sessions finds the bound sessions of the whole broker.
type Sessions interface {
	// Of returns the sessions of a bare JID, in no order.
	Of(bare jid.JID) []Session
	// Get returns the session with that full JID, or nil.
	Get(full jid.JID) Session
}

// Session is a bound resource. It outlives its connection where stream management keeps it.
type Session interface {
	JID() jid.JID
	// Since is when it was bound; Active when the client last sent a stanza.
	Since() time.Time
	Active() time.Time
	// Presence is what it last broadcast, nil while it is not available. Priority is that of it.
	Presence() *stanza.Stanza
	Priority() int8
	// SetPresence keeps what it broadcast; nil for unavailable.
	SetPresence(*stanza.Stanza)
	// Send puts a stanza into the session's queue, past the rules of routing. It never blocks.
	Send(*stanza.Stanza)
	// Close ends the session with a stream error, which may be nil.
	Close(error)

	// Keep puts reply into the queue and makes the session hold what it sends behind it until Acked, send no more than limit stanzas
	// before that, and wait for that time to be resumed after it has lost its connection. It reports false where the session does so already.
	Keep(limit int, wait time.Duration, reply xmlstream.Appender) bool
	// Acked drops the kept stanzas up to the h-th since Keep, modulo 2^32. The error is for an h that was never sent.
	Acked(h uint32) error
	// Sent and Handled count the stanzas sent and those received and handled since Keep, modulo 2^32. Unacked is how many are kept.
	Sent() uint32
	Handled() uint32
	Unacked() int
}

// Stream is a client's stream, before and after it has a session.
type Stream interface {
	ID() string
	Remote() netip.AddrPort
	Secure() bool
	// Account is who has authenticated, zero before. Session is nil before a resource is bound.
	Account() jid.JID
	Session() Session
	// Send puts an element that is no stanza behind all that is queued.
	Send(xmlstream.Appender)
	// Resume gives the stream to a session of the same account that has lost or is to lose its own. h is how many stanzas the client
	// has got; what is missing is sent again, behind the reply, which is told how many of the client's were handled.
	Resume(s Session, h uint32, reply func(handled uint32) xmlstream.Appender) error
	// Value and SetValue keep what a feature wants to remember for the life of the stream, by a key of a type of its own.
	Value(key any) any
	SetValue(key, value any)
}

// AccountKind says what an account is for; defaults follow it.
type AccountKind string

const (
	Person AccountKind = "person"
	Thing  AccountKind = "thing"
)

// AccountInfo is what is known of an account.
type AccountInfo struct {
	JID      jid.JID
	Kind     AccountKind
	Admin    bool
	Disabled bool
	Created  time.Time
	APIKey   string // that created it, empty for none
}

// NewAccount asks for an account.
type NewAccount struct {
	JID      jid.JID
	Password string
	Kind     AccountKind
	Admin    bool
	APIKey   string // counts against its quota; empty for none
	Remote   netip.Addr
}

// APIKey lets its holder create accounts with signed forms (XEP-0348).
type APIKey struct {
	ID       string
	Secret   string
	Owner    string // for people: who has it
	Limit    int    // accounts that it may create
	Used     int
	Kind     AccountKind
	Disabled bool
	Created  time.Time
}

// Accounts knows who may log in. Errors: store.ErrNotFound for an account or key that is not there.
type Accounts interface {
	Get(ctx context.Context, bare jid.JID) (AccountInfo, error)
	// Exists reports whether there is an account, from memory where it is online.
	Exists(ctx context.Context, bare jid.JID) bool
	// Create makes an account. Errors: stanza.Conflict where there is one, stanza.Forbidden where the API key is disabled or used up,
	// stanza.NotAcceptable for a name or password that will not do.
	Create(context.Context, NewAccount) error
	SetPassword(ctx context.Context, bare jid.JID, password string) error
	// Remove deletes the account, all that features hold of it, and its sessions.
	Remove(ctx context.Context, bare jid.JID) error
	Key(ctx context.Context, id string) (APIKey, error)
}

// Contact is one line of a roster.
type Contact struct {
	JID      jid.JID
	Name     string
	Groups   []string
	To, From bool // the owner sees the contact; the contact sees the owner
	Ask      bool // the owner's request to see the contact is unanswered
}

// Roster reads rosters, of accounts and of services.
type Roster interface {
	// Contact returns the owner's contact of that bare JID; without one, a Contact without subscriptions.
	Contact(ctx context.Context, owner, contact jid.JID) (Contact, error)
	Contacts(ctx context.Context, owner jid.JID) ([]Contact, error)
	// Sees reports whether the party may see the owner's presence, being the owner or subscribed.
	Sees(ctx context.Context, party, owner jid.JID) bool
	// Cancel withdraws, on the owner's behalf, the contact's sight of the owner.
	Cancel(ctx context.Context, owner, contact jid.JID) error
}

// Push is something to tell a party after a commit: it is sent until acknowledged.
type Push struct {
	Topic    string  // what it is about; a later push of the same From, To and Topic replaces it
	From, To jid.JID // To is bare; an iq goes to one of its available sessions
	IQ       bool    // an iq set, done when answered; else a message, done when routed
	Payload  *xmlstream.Element
	Text     string // for people, as a message's body; empty for none
}

// Outbox sends what must follow a commit, tries again when the receiver comes online, and survives a crash.
type Outbox interface {
	// Put writes a push in the transaction; sending starts after the commit.
	Put(tx *store.Tx, p Push) error
	// Wait waits until the pushes to a party from an address are acknowledged, or the context ends. It reports which.
	Wait(ctx context.Context, from, to jid.JID) bool
}

// Directory tells what disco says of the broker's own addresses.
type Directory interface {
	Info(ctx context.Context, at Place, addr, asker jid.JID) disco.Info
	// Items are the domain's services in their order, discovery last.
	Items() []disco.Item
	Commands(at Place) []Command
}
