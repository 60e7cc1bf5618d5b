package form

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/comity-iot/comity/xmpp/form/xs"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Method is how values are judged beyond their datatype (XEP-0122#usecases-validation).
type Method string

// The methods of validation.
const (
	Basic Method = "basic" // by the datatype alone; the default
	Open  Method = "open"  // of a list: others than the options may be given
	Range Method = "range" // between Min and Max, both included
	Regex Method = "regex" // a pattern matches
)

// maxPattern bounds a regular expression in bytes.
const maxPattern = 1024

// Validation says which values a field takes (XEP-0122).
type Validation struct {
	Datatype string // "xs:int", Color, …; empty for xs:string
	Method   Method // empty for Basic
	Min, Max string // of Range; empty for no bound
	Pattern  string // of Regex, for the whole value
	// ListMin and ListMax bound how many values a list-multi takes; 0 for no bound.
	ListMin, ListMax int
}

func parseValidation(el *xmlstream.Element) (*Validation, error) {
	v := &Validation{Datatype: el.Attr("datatype"), Method: Basic}
	for c := range el.Children() {
		switch m := Method(c.Local()); {
		case c.Local() == "list-range":
			var err error
			if v.ListMin, v.ListMax, err = parseListRange(c); err != nil {
				return nil, err
			}
		case m == Basic || m == Open:
			v.Method = m
		case m == Range:
			v.Method, v.Min, v.Max = m, c.Attr("min"), c.Attr("max")
		case m == Regex:
			if v.Method, v.Pattern = m, c.Text(); len(v.Pattern) > maxPattern {
				return nil, tooLarge("a pattern of more than %d bytes", maxPattern)
			}
		}
	}
	return v, nil
}

func parseListRange(el *xmlstream.Element) (least, most int, err error) {
	for attr, bound := range map[string]*int{"min": &least, "max": &most} {
		if s := el.Attr(attr); s != "" {
			n, err := strconv.ParseUint(s, 10, 31)
			if err != nil {
				return 0, 0, malformed("%s of list-range", attr)
			}
			*bound = int(n)
		}
	}
	return least, most, nil
}

func (v *Validation) element() *xmlstream.Element {
	parts := appendAttr(nil, "datatype", v.Datatype)
	switch v.Method {
	case Range:
		bounds := appendAttr(appendAttr(nil, "min", v.Min), "max", v.Max)
		parts = append(parts, xmlstream.New(NSValidate, "range", bounds...))
	case Regex:
		parts = append(parts, text(NSValidate, "regex", v.Pattern))
	case Open:
		parts = append(parts, xmlstream.New(NSValidate, "open"))
	default:
		parts = append(parts, xmlstream.New(NSValidate, "basic"))
	}
	if v.ListMin > 0 || v.ListMax > 0 {
		var bounds []xmlstream.Part
		if v.ListMin > 0 {
			bounds = append(bounds, xmlstream.A("min", strconv.Itoa(v.ListMin)))
		}
		if v.ListMax > 0 {
			bounds = append(bounds, xmlstream.A("max", strconv.Itoa(v.ListMax)))
		}
		parts = append(parts, xmlstream.New(NSValidate, "list-range", bounds...))
	}
	return xmlstream.New(NSValidate, "validate", parts...)
}

// Check returns what is wrong with a value in words for the peer, or "".
func (v *Validation) Check(value string) string {
	if !isOf(v.Datatype, value) {
		return "not of type " + v.Datatype
	}
	switch v.Method {
	case Range:
		return v.checkRange(value)
	case Regex:
		// The default syntax has all of POSIX extended but its collating elements. The pattern comes from the own form.
		re, err := regexp.Compile("^(?:" + v.Pattern + ")$")
		if err == nil && !re.MatchString(value) {
			return "not of the form wanted"
		}
	}
	return ""
}

func (v *Validation) checkRange(value string) string {
	if v.Min != "" {
		// A bound that cannot be compared does not bind. XEP-0122#impl-ranges
		if order, err := xs.Compare(v.Datatype, value, v.Min); err == nil && order < 0 {
			return "less than " + v.Min
		}
	}
	if v.Max != "" {
		if order, err := xs.Compare(v.Datatype, value, v.Max); err == nil && order > 0 {
			return "more than " + v.Max
		}
	}
	return ""
}

// isOf reports whether the value is of the datatype.
func isOf(datatype, value string) bool {
	switch datatype {
	case Color:
		return isHex(value, 6)
	case ColorAlpha:
		return isHex(value, 8)
	}
	return xs.Check(datatype, value) == nil
}

func isHex(s string, length int) bool {
	return len(s) == length && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}
