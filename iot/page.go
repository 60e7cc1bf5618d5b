package iot

import (
	"strconv"

	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Page says which part of a long list is wanted.
type Page struct {
	Offset   int // things to skip
	MaxCount int // things to return at most; 0 leaves it to who answers
}

// ParsePage reads the attributes offset and maxCount. The error is BadRequest.
func ParsePage(el *xmlstream.Element) (Page, error) {
	offset, err := CountAttr(el, "offset", 0)
	if err != nil {
		return Page{}, err
	}
	count, err := CountAttr(el, "maxCount", 0)
	return Page{offset, count}, err
}

// Parts returns the attributes.
func (p Page) Parts() []xmlstream.Part {
	parts := []xmlstream.Part{xmlstream.A("offset", strconv.Itoa(p.Offset))}
	if p.MaxCount > 0 {
		parts = append(parts, xmlstream.A("maxCount", strconv.Itoa(p.MaxCount)))
	}
	return parts
}
