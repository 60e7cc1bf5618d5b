// Package entitytime implements Entity Time, XEP-0202 (2.0): what time it is at an address, and in which zone. The formats are
// those of XEP-0082 (1.1.1): package xs has its dates and times, this one its time zones.
//
// The broker answers at its domain and at each service.
package entitytime

import (
	"fmt"
	"strings"
	"time"

	"github.com/comity-iot/comity/xmpp/form/xs"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// NS is the namespace, and the disco feature of who answers.
const NS = "urn:xmpp:time"

// maxOffset is the farthest zone of an xs:dateTime from UTC.
const maxOffset = 14 * time.Hour

// parse reads a time in the zone that it names. The error is a stanza.BadRequest.
func parse(el *xmlstream.Element) (time.Time, error) {
	if !el.Is(NS, "time") {
		return time.Time{}, stanza.BadRequest.With("no time")
	}
	utc, err := xs.ParseDateTime(el.ChildText(NS, "utc"))
	if err != nil {
		return time.Time{}, stanza.BadRequest.Wrap(err)
	}
	offset, err := ParseTZD(el.ChildText(NS, "tzo"))
	if err != nil {
		return time.Time{}, stanza.BadRequest.Wrap(err)
	}
	return utc.In(time.FixedZone("", int(offset/time.Second))), nil
}

// element tells the time in UTC to the millisecond, and the zone of t.
func element(t time.Time) *xmlstream.Element {
	_, east := t.Zone()
	return xmlstream.New(NS, "time",
		xmlstream.New(NS, "tzo", xmlstream.Text(FormatTZD(time.Duration(east)*time.Second))),
		xmlstream.New(NS, "utc", xmlstream.Text(xs.FormatDateTime(t.Truncate(time.Millisecond)))))
}

// ParseTZD reads a time zone as its offset east of UTC: "Z", "+01:00", "-06:00".
func ParseTZD(s string) (time.Duration, error) {
	s = strings.TrimSpace(s)
	if s == "Z" || s == "-00:00" {
		return 0, nil
	}
	t, err := time.Parse("-07:00", s)
	if err != nil {
		return 0, fmt.Errorf("entitytime: %.16q is no time zone", s)
	}
	_, seconds := t.Zone()
	east := time.Duration(seconds) * time.Second
	if FormatTZD(east) != s || east.Abs() > maxOffset { // the standard library takes an hour of 60 minutes
		return 0, fmt.Errorf("entitytime: %.16q is no time zone", s)
	}
	return east, nil
}

// FormatTZD writes a time zone, given as its offset east of UTC, to the minute.
func FormatTZD(east time.Duration) string {
	return time.Time{}.In(time.FixedZone("", int(east/time.Second))).Format("-07:00")
}
