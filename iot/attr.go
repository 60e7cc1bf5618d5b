package iot

import (
	"math"
	"strconv"
	"strings"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// xmlSpace is the white space of XML, which the lexical forms of numbers and booleans may have around them.
const xmlSpace = " \t\r\n"

// ParseBool reads an xs:boolean: true, false, 1 or 0.
func ParseBool(s string) (v, ok bool) {
	switch strings.Trim(s, xmlSpace) {
	case "true", "1":
		return true, true
	case "false", "0":
		return false, true
	}
	return false, false
}

// ParseDouble reads an xs:double. Unlike strconv it takes neither hexadecimal nor "_" nor "Infinity". What is too large
// for a double is an infinity, as XML Schema has it; INF and NaN are numbers here, so the caller refuses them if it must.
func ParseDouble(s string) (v float64, ok bool) {
	s = strings.Trim(s, xmlSpace)
	switch s {
	case "INF", "+INF":
		return math.Inf(1), true
	case "-INF":
		return math.Inf(-1), true
	case "NaN":
		return math.NaN(), true
	}
	if strings.Trim(s, "+-.0123456789eE") != "" {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil || math.IsInf(v, 0)
}

// FormatDouble writes the shortest xs:double that reads back as v, with an exponent only where the number would be long.
func FormatDouble(v float64) string {
	switch abs := math.Abs(v); {
	case math.IsInf(v, 1):
		return "INF"
	case math.IsInf(v, -1):
		return "-INF"
	case v == 0 || abs >= 1e-6 && abs < 1e21:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'E', -1, 64)
}

// Attr returns the value of a required attribute. One that is empty counts as absent, because there are clients that
// write id=” for none. The error is BadRequest.
func Attr(el *xmlstream.Element, name string) (string, error) {
	v := el.Attr(name)
	if v == "" {
		return "", stanza.BadRequest.With("<%s/> needs the attribute %s", el.Local(), name)
	}
	return v, nil
}

// BoolAttr returns a boolean attribute, or absent where it is not there. The error is BadRequest.
func BoolAttr(el *xmlstream.Element, name string, absent bool) (bool, error) {
	v := el.Attr(name)
	if v == "" {
		return absent, nil
	}
	b, ok := ParseBool(v)
	if !ok {
		return false, stanza.BadRequest.With("the attribute %s is no boolean", name)
	}
	return b, nil
}

// RequiredBoolAttr returns a boolean attribute that must be there. The error is BadRequest.
func RequiredBoolAttr(el *xmlstream.Element, name string) (bool, error) {
	if _, err := Attr(el, name); err != nil {
		return false, err
	}
	return BoolAttr(el, name, false)
}

// CountAttr returns an attribute that is an xs:nonNegativeInteger, or absent where it is not there. XML Schema sets no
// upper end: what is above math.MaxInt32 counts as that. The error is BadRequest.
func CountAttr(el *xmlstream.Element, name string, absent int) (int, error) {
	v := strings.Trim(el.Attr(name), xmlSpace)
	if v == "" {
		return absent, nil
	}
	digits := strings.TrimPrefix(v, "+")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, stanza.BadRequest.With("the attribute %s is no count", name)
	}
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil { // only too large is left
		return math.MaxInt32, nil
	}
	return int(n), nil
}

// AddressAttr returns an attribute that must be there and an address, without its resource. The error is BadRequest where
// it is missing and JIDMalformed where it is none.
func AddressAttr(el *xmlstream.Element, name string) (jid.JID, error) {
	v, err := Attr(el, name)
	if err != nil {
		return jid.JID{}, err
	}
	j, err := jid.Parse(v)
	if err != nil {
		return jid.JID{}, stanza.JIDMalformed.Wrap(err)
	}
	return j.Bare(), nil
}

// Bool returns a boolean attribute.
func Bool(name string, v bool) xmlstream.Attr { return xmlstream.A(name, strconv.FormatBool(v)) }
