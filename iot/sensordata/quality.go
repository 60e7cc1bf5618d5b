package sensordata

import (
	"math/bits"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Quality is a set of flags on how far a value can be relied upon. A value without any was read out automatically.
// XEP-0323#fieldqosvalues
type Quality uint16

// The flags of quality, the least reliable first. TimeOffset, Warning, Error, EndOfSeries and PowerFailure only tell what
// happened; Signed raises whatever it stands with.
const (
	Missing Quality = 1 << iota
	InProgress
	AutomaticEstimate
	ManualEstimate
	ManualReadout
	AutomaticReadout
	TimeOffset
	Warning
	Error
	Signed
	Invoiced
	EndOfSeries
	PowerFailure
	InvoiceConfirmed
)

// qualityNames are the attributes in the order of the bits.
var qualityNames = [...]struct{ long, short string }{
	{"missing", "ms"},
	{"inProgress", "pr"},
	{"automaticEstimate", "ae"},
	{"manualEstimate", "me"},
	{"manualReadout", "mr"},
	{"automaticReadout", "ar"},
	{"timeOffset", "of"},
	{"warning", "w"},
	{"error", "er"},
	{"signed", "so"},
	{"invoiced", "iv"},
	{"endOfSeries", "eos"},
	{"powerFailure", "pf"},
	{"invoiceConfirmed", "ic"},
}

// ranked are the flags that have a rank among each other, lowest first. Signed has one of its own only if it stands alone.
const ranked = Missing | InProgress | AutomaticEstimate | ManualEstimate | ManualReadout | AutomaticReadout | Invoiced | InvoiceConfirmed

// Rank orders qualities: a value should replace another of the same field and time only if its rank is not lower.
// ms < ms+so < pr < pr+so < ae < … < ar < ar+so < so < iv < iv+so < ic < ic+so (Sensor Data, "Quality of service").
// What is missing or in progress is no more than that, whatever else is said of it.
func (q Quality) Rank() int {
	base := q & ranked
	switch {
	case base&Missing != 0:
		base = Missing
	case base&InProgress != 0:
		base = InProgress
	case base == 0 && q&Signed != 0:
		return 2 * bits.Len16(uint16(Signed))
	case base == 0:
		base = AutomaticReadout
	}
	rank := 2 * bits.Len16(uint16(base))
	if q&Signed != 0 {
		rank++
	}
	return rank
}

func parseQuality(el *xmlstream.Element, g iot.Generation) (Quality, error) {
	var q Quality
	for i, n := range qualityNames {
		name := n.short
		if g == iot.XSF {
			name = n.long
		}
		set, err := iot.BoolAttr(el, name, false)
		if err != nil {
			return 0, err
		}
		if set {
			q |= 1 << i
		}
	}
	return q, nil
}

// parts returns the attributes of the flags.
func (q Quality) parts(g iot.Generation) []xmlstream.Part {
	var parts []xmlstream.Part
	for i, n := range qualityNames {
		if q&(1<<i) == 0 {
			continue
		}
		name := n.short
		if g == iot.XSF {
			name = n.long
		}
		parts = append(parts, iot.Bool(name, true))
	}
	return parts
}
