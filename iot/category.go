package iot

import (
	"math/bits"
	"strings"

	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Categories is a set of categories of sensor data. XEP-0323#fieldtypes
type Categories uint8

const (
	Momentary  Categories = 1 << iota // a value of now
	Peak                              // the largest or least of a period
	Status                            // on the state of the thing
	Computed                          // not measured
	Identity                          // who or where the thing is
	Historical                        // values of before

	// AllCategories are all of them.
	AllCategories = Momentary | Peak | Status | Computed | Identity | Historical
)

// longNames and shortNames are the attributes in the order of the bits.
var (
	longNames  = [...]string{"momentary", "peak", "status", "computed", "identity", "historical"}
	shortNames = [...]string{"m", "p", "s", "c", "i", "h"}
)

// historicalPrefix begins the first generation's attributes for each kind of history, as in historicalHour; later
// generations know one kind only.
const historicalPrefix = "historical"

// ParseCategories reads the categories that an element's attributes name, which may be none. The error is BadRequest.
func ParseCategories(el *xmlstream.Element, g Generation) (Categories, error) {
	var c Categories
	for a := range el.Attrs() {
		bit := categoryOf(a.Name, g)
		if bit == 0 {
			continue
		}
		v, err := BoolAttr(el, a.Name.Local, false)
		if err != nil {
			return 0, err
		}
		if v {
			c |= bit
		}
	}
	return c, nil
}

func categoryOf(name xmlstream.Name, g Generation) Categories {
	if name.Space != "" {
		return 0
	}
	if name.Local == "all" {
		return AllCategories
	}
	names := &shortNames
	if g == XSF {
		names = &longNames
		if strings.HasPrefix(name.Local, historicalPrefix) {
			return Historical
		}
	}
	for i, n := range names {
		if n == name.Local {
			return 1 << i
		}
	}
	return 0
}

// Parts returns the attributes that name the categories: "all" alone where it is all of them.
func (c Categories) Parts(g Generation) []xmlstream.Part {
	if c == AllCategories {
		return []xmlstream.Part{Bool("all", true)}
	}
	names := &shortNames
	if g == XSF {
		names = &longNames
	}
	var parts []xmlstream.Part
	for i, n := range names {
		if c&(1<<i) != 0 {
			parts = append(parts, Bool(n, true))
		}
	}
	return parts
}

// Len returns the number of categories in the set.
func (c Categories) Len() int { return bits.OnesCount8(uint8(c)) }

// String returns the categories for people to read.
func (c Categories) String() string {
	if c == AllCategories {
		return "all"
	}
	var names []string
	for i, n := range longNames {
		if c&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return strings.Join(names, ", ")
}
