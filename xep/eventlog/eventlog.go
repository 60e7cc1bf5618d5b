// Package eventlog implements Event Logging over XMPP, XEP-0337 (0.3): things send what happens to them to a log. On the broker's side
// the log is at the discovery service. It takes events from its own accounts, keeps the newest of each, and shows them to the account
// itself and to administrators with the ad-hoc command "eventlog".
//
// Missing: events that are published (XEP-0060); the language of an event; an event without a time zone is taken to be in UTC.
package eventlog

import (
	"slices"
	"time"

	"github.com/comity-iot/comity/xmpp/form/xs"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// NS is the namespace, and the disco feature of a log.
const NS = "urn:xmpp:eventlog"

// Type is how bad an event is. XEP-0337#eventtype
type Type string

const (
	Debug         Type = "Debug"
	Informational Type = "Informational" // the default
	Notice        Type = "Notice"
	Warning       Type = "Warning"
	Error         Type = "Error"
	Critical      Type = "Critical"
	Alert         Type = "Alert"
	Emergency     Type = "Emergency"
)

// Types returns all types, the least bad first.
func Types() []Type {
	return []Type{Debug, Informational, Notice, Warning, Error, Critical, Alert, Emergency}
}

// severity is the type's place among all, -1 for none.
func (t Type) severity() int { return slices.Index(Types(), t) }

// Level is how far an event reaches. XEP-0337#eventlevel
type Level string

const (
	Minor  Level = "Minor" // the default
	Medium Level = "Medium"
	Major  Level = "Major"
)

// Event is something that happened. All but Time and Message may be empty.
type Event struct {
	Time       time.Time
	Type       Type   // empty for Informational
	Level      Level  // empty for Minor
	ID         string // of this kind of event, for machines
	Object     string // that it happened to
	Subject    string // that did it
	Facility   string
	Module     string // of the software
	Message    string // for people
	Tags       []Tag
	StackTrace string
}

// Tag is a detail of an event.
type Tag struct {
	Name, Value string
	Type        string // "xs:int", …; empty for xs:string
}

// parse reads a <log/>, with at most tags of them. The error is a stanza.BadRequest, or a stanza.ResourceConstraint for too many.
func parse(el *xmlstream.Element, tags int) (Event, error) {
	e := Event{
		Type: Informational, Level: Minor,
		ID: el.Attr("id"), Object: el.Attr("object"), Subject: el.Attr("subject"),
		Facility: el.Attr("facility"), Module: el.Attr("module"),
		Message: el.ChildText(NS, "message"), StackTrace: el.ChildText(NS, "stackTrace"),
	}
	var err error
	if e.Time, err = xs.ParseDateTime(el.Attr("timestamp")); err != nil {
		return e, stanza.BadRequest.With("an event needs a timestamp")
	}
	if t := el.Attr("type"); t != "" {
		e.Type = Type(t)
	}
	if l := el.Attr("level"); l != "" {
		e.Level = Level(l)
	}
	switch {
	case el.Child(NS, "message") == nil:
		return e, stanza.BadRequest.With("an event needs a message")
	case e.Type.severity() < 0 || e.Level != Minor && e.Level != Medium && e.Level != Major:
		return e, stanza.BadRequest.With("no such type or level")
	}
	for c := range el.ChildrenNamed(NS, "tag") {
		if len(e.Tags) == tags {
			return e, stanza.ResourceConstraint.With("more than %d tags", tags)
		}
		e.Tags = append(e.Tags, Tag{c.Attr("name"), c.Attr("value"), c.Attr("type")})
	}
	return e, nil
}

// element returns the event as it travels: the message first, the stack trace last. XEP-0337#tags, XEP-0337#debug
func (e Event) element() *xmlstream.Element {
	el := xmlstream.New(NS, "log", xmlstream.A("timestamp", xs.FormatDateTime(e.Time)))
	for _, a := range []struct{ name, value string }{
		{"id", e.ID},
		{"type", string(e.Type)},
		{"level", string(e.Level)},
		{"object", e.Object},
		{"subject", e.Subject},
		{"facility", e.Facility},
		{"module", e.Module},
	} {
		if a.value != "" {
			el = el.With(xmlstream.A(a.name, a.value))
		}
	}
	el = el.With(xmlstream.New(NS, "message", xmlstream.Text(e.Message)))
	for _, t := range e.Tags {
		tag := xmlstream.New(NS, "tag", xmlstream.A("name", t.Name), xmlstream.A("value", t.Value))
		if t.Type != "" {
			tag = tag.With(xmlstream.A("type", t.Type))
		}
		el = el.With(tag)
	}
	if e.StackTrace != "" {
		el = el.With(xmlstream.New(NS, "stackTrace", xmlstream.Text(e.StackTrace)))
	}
	return el
}
