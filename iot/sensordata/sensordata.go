// Package sensordata implements the reading of sensors in four namespace generations: XEP-0323 (0.6, Sensor Data) and the
// Neuro-Foundation's Sensor Data and its Request/Response pattern (sd:1.0).
//
// The model is one: a Request asks; a Report answers, with Readings of Fields by node and time; an Update is one element on
// the way from the thing to who asked. Read and Follow are the client's half, Respond and Device the thing's.
//
// Clients that follow XEP-0323 before its version 0.3, as the plugin of slixmpp 1.8 does, know neither int, long, date and
// time nor IQ errors. A request whose stanza has its sequence number for an id is taken for one of theirs, as only those
// versions wrote them alike: it is answered in the types and with the elements that they know. Their timeSpan is read too.
//
// Missing: subscriptions to events, which are a protocol of their own; the payload of a field's <x/> is kept but not
// understood; the texts that localization refers to.
package sensordata

import "github.com/comity-iot/comity/iot"

// Family has the namespaces, which are the features too.
var Family = iot.NewFamily("urn:xmpp:iot:sensordata", "sd:1.0")

// Bounds of what this package takes [ours].
const (
	MaxReadings = 8192  // readings and errors in one element
	MaxReport   = 65536 // readings and errors that Read collects
	MaxFields   = 1024  // fields in one request
	MaxName     = 1023  // bytes of the name of a field
	MaxID       = 255   // bytes of the identity of a request
)

// The names of elements that are the same in all generations.
const (
	elemRequest  = "req"
	elemAccepted = "accepted"
	elemStarted  = "started"
	elemDone     = "done"
	elemCancel   = "cancel"
)

// The names of the others: those of the first generation, and the one that the others have for both.
const (
	elemFields    = "fields"
	elemFailure   = "failure"
	elemCancelled = "cancelled"
	elemRejected  = "rejected"
	elemResponse  = "resp"
)

// names are the names that differ between the generations.
type names struct {
	id       string // of the request, an attribute
	field    string // a child of the request
	name     string // of a field, an attribute, as all that follow
	value    string
	unit     string
	dataType string
	module   string
	strings  string
	writable string

	timestamp, time string // the element and its attribute
}

var (
	longNames = names{
		"seqnr", "field", "name", "value", "unit", "dataType", "module", "stringIds", "writable", "timestamp", "value",
	}
	shortNames = names{"id", "f", "n", "v", "u", "t", "lns", "loc", "ctr", "ts", "v"}
)

func namesOf(g iot.Generation) *names {
	if g == iot.XSF {
		return &longNames
	}
	return &shortNames
}
