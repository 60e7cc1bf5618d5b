package sensordata

import (
	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// longCategories returns the categories of a field in the first generation, where history is always of a period.
func longCategories(c iot.Categories, h History) []xmlstream.Part {
	var parts []xmlstream.Part
	for bit := iot.Momentary; bit < iot.Historical; bit <<= 1 {
		if c&bit != 0 {
			parts = append(parts, bit.Parts(iot.XSF)...)
		}
	}
	if c&iot.Historical != 0 {
		if h == 0 {
			h = Other
		}
		parts = append(parts, h.parts()...)
	}
	return parts
}

// shortCategories returns the categories of a field in the others, each on its own: "all" is for requests.
func shortCategories(c iot.Categories) []xmlstream.Part {
	var parts []xmlstream.Part
	for bit := iot.Momentary; bit <= iot.Historical; bit <<= 1 {
		if c&bit != 0 {
			parts = append(parts, bit.Parts(iot.NF)...)
		}
	}
	return parts
}

func parseHistory(el *xmlstream.Element, g iot.Generation) (History, error) {
	var h History
	if g != iot.XSF {
		return 0, nil
	}
	for i, name := range historyNames {
		set, err := iot.BoolAttr(el, name, false)
		if err != nil {
			return 0, err
		}
		if set {
			h |= 1 << i
		}
	}
	return h, nil
}

func (h History) parts() []xmlstream.Part {
	var parts []xmlstream.Part
	for i, name := range historyNames {
		if h&(1<<i) != 0 {
			parts = append(parts, iot.Bool(name, true))
		}
	}
	return parts
}
