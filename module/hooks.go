package module

import (
	"context"

	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/disco"
	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Hooks is where a feature takes part. Every field may be left empty.
type Hooks struct {
	// IQ answers requests.
	IQ []IQ
	// Messages take what is sent to the broker's own addresses.
	Messages []Message
	// Services are addresses below the domain. Several features may name the same.
	Services []Service
	// Announce adds to what disco says of the broker's addresses.
	Announce []Announcement
	// Commands are ad-hoc commands, XEP-0050.
	Commands []Command

	// BeforeAuth answers requests on a stream that is not authenticated yet; all others are refused there.
	BeforeAuth []BeforeAuth
	// StreamFeatures returns what to offer in <stream:features/>.
	StreamFeatures func(Stream) []*xmlstream.Element
	// Nonzas handle top-level elements that are no stanzas.
	Nonzas []Nonza
	// Writing is asked once for each write to a session's stream; what it returns, if anything, goes last in it.
	Writing func(Session) xmlstream.Appender

	// Bound is told of a new session once its resource is bound, Ended when a session is gone for good.
	Bound func(Session)
	Ended func(Session)
	// Online is told that a session has become available, or that its priority is negative no more, after its presence went out; and
	// whether no other of the account is available.
	Online func(ctx context.Context, s Session, first bool)

	// Outgoing sees each stanza of a local session, stamped, before it is routed. An error is answered instead.
	Outgoing func(context.Context, Session, *stanza.Stanza) error
	// Incoming sees each stanza for a local account before a session is chosen. An error is answered instead, or just drops the
	// stanza where none may be answered.
	Incoming func(ctx context.Context, account jid.JID, s *stanza.Stanza) error
	// Relay sees each message that a local account sends or gets, behind Outgoing or Incoming and before it is delivered, copied or
	// kept, and returns what goes on in its place: the message itself, or a changed copy. One between two local accounts is seen for each.
	Relay func(account jid.JID, m *stanza.Stanza) *stanza.Stanza
	// Deliver sees each stanza on its way into a session's queue and returns what to put there, nil for nothing.
	Deliver func(Session, *stanza.Stanza) *stanza.Stanza
	// Sent is told of each message that a local session sent, once it is routed. Delivered is told of each message for a local
	// account, with the sessions that it was handed to.
	Sent      func(Session, *stanza.Stanza)
	Delivered func(account jid.JID, s *stanza.Stanza, to []Session)
	// Undelivered takes a message for an account that no session could take. It returns true where it has taken charge of the
	// message for good; the first to say so ends the round.
	Undelivered func(ctx context.Context, account jid.JID, s *stanza.Stanza) (bool, error)

	// Hides reports whether an account shows no presence to a party, whatever its roster says.
	Hides func(ctx context.Context, account, party jid.JID) bool

	// Presence is what RFC 6121 asks of a server for presence and rosters. Exactly one feature has it.
	Presence Presence
	// Removed deletes what the feature holds of an account, in the transaction that removes the account.
	Removed func(tx *store.Tx, account jid.JID) error
	// Run works in the background until the context ends. An error that it returns stops the broker.
	Run func(context.Context) error
}

// IQ answers requests whose payload has a name. The handler returns the payload of the result, which may be nil, or an error:
// exactly one answer. It runs on the sender's own order: at Domain, Account and Own before the sender's next stanza is read, so it
// must not wait for other parties there; at a service off that path, behind the sender's earlier requests to the service.
type IQ struct {
	Name   xmlstream.Name // Local may be empty: every payload of the namespace
	On     []Place
	Handle func(context.Context, *stanza.IQ) (*xmlstream.Element, error)
}

// Message takes messages with a child of that name, at a service or the domain. An error is answered.
type Message struct {
	Name   xmlstream.Name
	On     Place
	Handle func(context.Context, *stanza.Stanza) error
}

// Service is an address below the domain. Its roster accepts every subscription.
type Service struct {
	Label    string // first part of the address: "discovery"
	Identity disco.Identity
}

// Announcement is what disco tells of a place.
type Announcement struct {
	On       Place
	Features []string
	// Extra is asked each time, for what changes; it may be nil.
	Extra func(ctx context.Context, at, asker jid.JID) disco.Info
}

// Command is an ad-hoc command (XEP-0050). Each step is given the form that the user sent, nil at first, and returns the next
// form, or the final result with Done.
type Command struct {
	Node, Name string
	On         Place
	Allowed    func(ctx context.Context, asker jid.JID) bool
	Step       func(ctx context.Context, asker jid.JID, submit *form.Form) (CommandResult, error)
}

// CommandResult is what a step of a command returns.
type CommandResult struct {
	Form *form.Form
	Note string // for people; may be empty
	Done bool
}

// BeforeAuth answers requests with a payload of that name on a stream without an account.
type BeforeAuth struct {
	Name   xmlstream.Name
	Handle func(context.Context, Stream, *stanza.IQ) (*xmlstream.Element, error)
}

// Nonza handles a top-level element that is no stanza. An error that is a stream error ends the stream.
type Nonza struct {
	Name   xmlstream.Name // Local may be empty: the whole namespace
	Handle func(context.Context, Stream, *xmlstream.Element) error
}

// Presence is what RFC 6121 asks of a server for presence and rosters.
type Presence interface {
	Roster
	// Out handles each presence that a local session sent.
	Out(context.Context, Session, *stanza.Stanza) error
	// In handles presence to the bare JID of a local account or service: subscriptions, probes and availability.
	In(context.Context, *stanza.Stanza) error
	// Gone broadcasts that a session ended without saying so.
	Gone(context.Context, Session)
}
