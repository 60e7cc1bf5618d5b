package thing

import (
	"context"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/iot/provisioning"
	"github.com/comity-iot/comity/xmpp/jid"
)

// Address is where somebody is on the network: name@domain, without a resource here.
type Address = jid.JID

// Operation is what somebody wants with the thing.
type Operation = provisioning.Operation

// What somebody may want.
const (
	Befriend = provisioning.Befriend // to see the thing's presence, and so to be able to ask it for anything
	Read     = provisioning.Read     // to read fields
	Control  = provisioning.Control  // to set parameters, or to see what can be set
)

// Question is what somebody wants who is not the owner.
type Question struct {
	Op         Operation
	From       Address        // who wants it
	Names      []string       // of the fields or parameters; none for all
	Categories iot.Categories // of the data, if it is to be read
}

// Verdict is what a Policy says.
type Verdict uint8

const (
	Ask   Verdict = iota // let decision support say
	Allow                // all of it
	Deny
)

// Policy decides what somebody may do, before decision support is asked. It must return when ctx ends. Where a broker has no
// decision support, Ask is as good as Deny. Who wants to read or control is a friend already: a policy that allows that allows
// Befriend too.
type Policy func(ctx context.Context, q Question) Verdict

// Everybody is a Policy that allows everything to everybody who asks, as fits a thing for demonstrations.
func Everybody(context.Context, Question) Verdict { return Allow }
