package roster

import "github.com/comity-iot/comity/xmpp/stanza"

// state is how the owner of a roster and a contact stand to each other: one of the nine states of RFC 6121 §A.1, and
// whether the owner has approved the contact beforehand (§3.4).
type state uint8

const (
	to         state = 1 << iota // the owner sees the contact
	from                         // the contact sees the owner
	pendingOut                   // the owner has asked to see the contact
	pendingIn                    // the contact has asked to see the owner
	approved                     // the contact may see the owner as soon as it asks

	none  state = 0
	outIn       = pendingOut | pendingIn
	both        = to | from
)

func (s state) has(bits state) bool { return s&bits == bits }

// subscription is what a roster shows of the state.
func (s state) subscription() Subscription {
	return [...]Subscription{None, To, From, Both}[s&both]
}

// step is a line of a table in RFC 6121 appendix A: whether the stanza goes on, to the contact's server (A.2) or to the
// owner's clients (A.3), and the state that follows.
type step struct {
	pass bool
	next state
}

type table map[state]step

// outbound is RFC 6121 §A.2: what the owner sends.
var outbound = map[stanza.Type]table{
	stanza.Subscribe: { // A.2.1
		none:              {true, pendingOut},
		pendingOut:        {true, pendingOut},
		pendingIn:         {true, outIn},
		outIn:             {true, outIn},
		to:                {true, to},
		to | pendingIn:    {true, to | pendingIn},
		from:              {true, from | pendingOut},
		from | pendingOut: {true, from | pendingOut},
		both:              {true, both},
	},
	stanza.Unsubscribe: { // A.2.2
		none:              {true, none},
		pendingOut:        {true, none},
		pendingIn:         {true, pendingIn},
		outIn:             {true, pendingIn},
		to:                {true, none},
		to | pendingIn:    {true, pendingIn},
		from:              {true, from},
		from | pendingOut: {true, from},
		both:              {true, from},
	},
	stanza.Subscribed: { // A.2.3
		none:              {false, none},
		pendingOut:        {false, pendingOut},
		pendingIn:         {true, from},
		outIn:             {true, from | pendingOut},
		to:                {false, to},
		to | pendingIn:    {true, both},
		from:              {false, from},
		from | pendingOut: {false, from | pendingOut},
		both:              {false, both},
	},
	stanza.Unsubscribed: { // A.2.4
		none:              {false, none},
		pendingOut:        {false, pendingOut},
		pendingIn:         {true, none},
		outIn:             {true, pendingOut},
		to:                {false, to},
		to | pendingIn:    {true, to},
		from:              {true, none},
		from | pendingOut: {true, pendingOut},
		both:              {true, to},
	},
}

// inbound is RFC 6121 §A.3: what comes from the contact.
var inbound = map[stanza.Type]table{
	stanza.Subscribe: { // A.3.1
		none:              {true, pendingIn},
		pendingOut:        {true, outIn},
		pendingIn:         {false, pendingIn},
		outIn:             {false, outIn},
		to:                {true, to | pendingIn},
		to | pendingIn:    {false, to | pendingIn},
		from:              {false, from},
		from | pendingOut: {false, from | pendingOut},
		both:              {false, both},
	},
	stanza.Unsubscribe: { // A.3.2
		none:              {false, none},
		pendingOut:        {false, pendingOut},
		pendingIn:         {true, none},
		outIn:             {true, pendingOut},
		to:                {false, to},
		to | pendingIn:    {true, to},
		from:              {true, none},
		from | pendingOut: {true, pendingOut},
		both:              {true, to},
	},
	stanza.Subscribed: { // A.3.3
		none:              {false, none},
		pendingOut:        {true, to},
		pendingIn:         {false, pendingIn},
		outIn:             {true, to | pendingIn},
		to:                {false, to},
		to | pendingIn:    {false, to | pendingIn},
		from:              {false, from},
		from | pendingOut: {true, both},
		both:              {false, both},
	},
	stanza.Unsubscribed: { // A.3.4
		none:              {false, none},
		pendingOut:        {true, none},
		pendingIn:         {false, pendingIn},
		outIn:             {true, pendingIn},
		to:                {true, none},
		to | pendingIn:    {true, pendingIn},
		from:              {false, from},
		from | pendingOut: {true, from},
		both:              {true, from},
	},
}

// send gives the state after the owner sends a subscription stanza of type t, and whether it is routed to the contact.
func (s state) send(t stanza.Type) (next state, route bool) {
	line, ok := outbound[t][s&^approved]
	if !ok {
		return s, false
	}
	next = line.next | s&approved
	switch {
	case t == stanza.Subscribed && !next.has(from):
		next |= approved // §3.4.2
	case t == stanza.Unsubscribed:
		next &^= approved // §3.4.2, rule 3
	}
	return next, line.pass
}

// receive gives the state after a subscription stanza of type t has come from the contact, and whether it is delivered
// to the owner's clients. accept says to answer that the contact is subscribed, in the owner's name (§3.1.3, rule 2;
// §3.4.2).
func (s state) receive(t stanza.Type) (next state, deliver, accept bool) {
	line, ok := inbound[t][s&^approved]
	if !ok {
		return s, false, false
	}
	next = line.next | s&approved
	switch {
	case t != stanza.Subscribe:
	case s.has(from):
		accept = true // A.3.1, note 1
	case s.has(approved):
		return s&^pendingIn | from, false, true
	}
	return next, line.pass, accept
}
