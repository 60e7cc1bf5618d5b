package sensordata

import (
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/form/xs"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// State is how far a request has come.
type State uint8

// The states of a request, in their order.
const (
	Accepted  State = iota + 1 // it will be read
	Queued                     // so too, but later
	Started                    // reading has begun
	Telling                    // this is a part of the report
	Done                       // this is the last, and may be a part of the report too
	Cancelled                  // it is not read, as the asker wished
)

// Update is one element that a thing sends about a request: in the result of the request, or in a message.
type Update struct {
	ID     string
	State  State
	Report Report // if Telling or Done
}

// ParseUpdate reads an <accepted/>, <started/>, <fields/>, <failure/>, <resp/>, <done/> or <cancelled/>. Readings whose values
// are malformed become errors of the report. The error is a stanza.BadRequest for all else.
func ParseUpdate(el *xmlstream.Element) (*Update, error) {
	g, ok := Family.Of(el.Space())
	if !ok {
		return nil, stanza.BadRequest.With("no sensor data")
	}
	return ParseUpdateAs(el, g)
}

// ParseUpdateAs is ParseUpdate for an element in another namespace, with the names of a generation.
func ParseUpdateAs(el *xmlstream.Element, g iot.Generation) (*Update, error) {
	u := &Update{}
	var err error
	if u.ID, err = parseID(el, g); err != nil {
		return nil, err
	}
	switch el.Local() {
	case elemAccepted:
		u.State, err = flagged(el, "queued", Accepted, Queued)
	case elemStarted:
		u.State = Started
	case elemDone:
		u.State = Done
	case elemCancelled:
		u.State = Cancelled
	case elemFields, elemFailure:
		if u.State, err = flagged(el, "done", Telling, Done); err == nil {
			u.Report, err = parseReport(el, g)
		}
	case elemResponse:
		if u.State, err = flagged(el, "more", Done, Telling); err == nil {
			u.Report, err = parseReport(el, g)
		}
	default:
		err = stanza.BadRequest.With("no sensor data")
	}
	if err != nil {
		return nil, err
	}
	return u, nil
}

// flagged returns one of two states, as the attribute is not or is set.
func flagged(el *xmlstream.Element, name string, unset, set State) (State, error) {
	flag, err := iot.BoolAttr(el, name, false)
	if flag {
		return set, err
	}
	return unset, err
}

// parser reads a report.
type parser struct {
	Report
	g     iot.Generation
	space string
	count int // of readings and errors
}

func parseReport(el *xmlstream.Element, g iot.Generation) (Report, error) {
	p := parser{g: g, space: el.Space()}
	n := namesOf(g)
	for c := range el.Children() {
		var err error
		switch {
		case c.Space() != p.space:
		case g == iot.XSF && c.Local() == "error":
			err = p.failure(c)
		case g == iot.XSF && c.Local() == "node" || g != iot.XSF && c.Local() == "nd":
			err = p.node(c)
		case c.Local() == n.timestamp: // of the thing itself
			err = p.timestamp(iot.Node{}, c)
		}
		if err != nil {
			return Report{}, err
		}
	}
	return p.Report, nil
}

func (p *parser) node(el *xmlstream.Element) error {
	node, err := iot.ParseNode(el, p.g)
	if err != nil {
		return err
	}
	for c := range el.ChildrenNamed(p.space, namesOf(p.g).timestamp) {
		if err := p.timestamp(node, c); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) timestamp(node iot.Node, el *xmlstream.Element) error {
	at, err := xs.ParseDateTime(el.Attr(namesOf(p.g).time))
	if err != nil {
		return stanza.BadRequest.With("the timestamp is no dateTime")
	}
	for c := range el.Children() {
		if c.Space() != p.space {
			continue
		}
		if p.count++; p.count > MaxReadings {
			return stanza.BadRequest.With("more than %d readings", MaxReadings)
		}
		if p.g != iot.XSF && c.Local() == "err" {
			p.Fail(node, at, c.Text())
			continue
		}
		t := typeOf(c.Local(), p.g)
		if t == 0 {
			continue
		}
		if r, err := parseReading(c, p.g, t); err != nil {
			p.Fail(node, at, stanza.AsError(err).Text)
		} else {
			p.Add(node, at, r)
		}
	}
	return nil
}

// failure reads an <error/> of the first generation, whose timestamp is a mere string.
func (p *parser) failure(el *xmlstream.Element) error {
	if p.count++; p.count > MaxReadings {
		return stanza.BadRequest.With("more than %d errors", MaxReadings)
	}
	node, err := iot.ParseNode(el, p.g)
	if err != nil {
		return err
	}
	at, err := xs.ParseDateTime(el.Attr("timestamp"))
	if err != nil {
		at = time.Time{}
	}
	p.Fail(node, at, el.Text())
	return nil
}
