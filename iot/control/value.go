package control

import (
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/form/xs"
)

// Type is the type of a control parameter.
type Type uint8

// The types of parameters. XEP-0325#set
const (
	Untyped  Type = iota // of a value from a form, until its parameter is known
	Boolean              // true or false
	Color                // RRGGBB or RRGGBBAA in hexadecimal digits
	Date                 // xs:date
	DateTime             // xs:dateTime
	Double               // a number with decimals
	Duration             // xs:duration
	Enum                 // a word of an enumeration; a String in the first generation
	Int                  // an integer of 32 bits
	Long                 // an integer of 64 bits
	String               // text
	Time                 // xs:time
)

// types are the elements of values, and the datatypes that their values are of.
var types = [...]struct{ long, short, datatype string }{
	Boolean:  {"boolean", "b", "xs:boolean"},
	Color:    {"color", "cl", ""},
	Date:     {"date", "d", "xs:date"},
	DateTime: {"dateTime", "dt", "xs:dateTime"},
	Double:   {"double", "db", "xs:double"},
	Duration: {"duration", "dr", "xs:duration"},
	Enum:     {"string", "e", "xs:string"},
	Int:      {"int", "i", "xs:int"},
	Long:     {"long", "l", "xs:long"},
	String:   {"string", "s", "xs:string"},
	Time:     {"time", "t", "xs:time"},
}

// smackBool is what Smack calls a boolean.
const smackBool = "bool"

// String returns the name of the type in XEP-0325, and enum.
func (t Type) String() string {
	switch {
	case t == Enum:
		return "enum"
	case t < Boolean || t > Time:
		return "unknown"
	}
	return types[t].long
}

// Check reports whether a value, as it is written, is of the type. A Double must be finite: nothing can be set to INF or NaN.
func (t Type) Check(value string) error {
	switch t {
	case Color:
		_, err := parseColor(value)
		return err
	case Double:
		f, err := xs.ParseDouble(value)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return xs.ErrSyntax
		}
		return nil
	case Untyped:
		return nil
	}
	if t > Time {
		return xs.ErrSyntax
	}
	return xs.Check(types[t].datatype, value)
}

// typeOf returns the type that an element of the generation has, or Untyped.
func typeOf(local string, g iot.Generation) Type {
	for t := Boolean; t <= Time; t++ {
		switch {
		case g == iot.XSF && t == Enum:
		case g == iot.XSF && types[t].long == local, g != iot.XSF && types[t].short == local:
			return t
		}
	}
	if g == iot.XSF && local == smackBool {
		return Boolean
	}
	return Untyped
}

// Value is what a parameter is to be set to.
type Value struct {
	Name     string
	Type     Type
	Text     string // as it is written, which Type allows
	EnumType string // the name of an Enum's enumeration; may be empty
}

// NewBool returns a Boolean.
func NewBool(name string, v bool) Value { return Value{name, Boolean, strconv.FormatBool(v), ""} }

// NewInt returns an Int.
func NewInt(name string, v int32) Value { return Value{name, Int, strconv.Itoa(int(v)), ""} }

// NewLong returns a Long.
func NewLong(name string, v int64) Value { return Value{name, Long, strconv.FormatInt(v, 10), ""} }

// NewDouble returns a Double.
func NewDouble(name string, v float64) Value { return Value{name, Double, xs.FormatDouble(v), ""} }

// NewText returns a String.
func NewText(name, v string) Value { return Value{name, String, v, ""} }

// NewDuration returns a Duration.
func NewDuration(name string, v time.Duration) Value {
	return Value{name, Duration, xs.Duration{Rest: v}.String(), ""}
}

// NewTime returns a DateTime, Date or Time, as t says. Dates and times of day are those of the zone of v.
func NewTime(name string, t Type, v time.Time) Value {
	switch t {
	case Date:
		return Value{name, t, xs.FormatDate(v), ""}
	case Time:
		return Value{name, t, xs.FormatTime(v), ""}
	}
	return Value{name, DateTime, xs.FormatDateTime(v), ""}
}

// NewColor returns a Color, with its alpha only if it is not opaque.
func NewColor(name string, v color.NRGBA) Value {
	text := fmt.Sprintf("%02X%02X%02X", v.R, v.G, v.B)
	if v.A != 0xff {
		text += fmt.Sprintf("%02X", v.A)
	}
	return Value{name, Color, text, ""}
}

// Bool returns the value of a Boolean. The error, as of all that follow, is xs.ErrSyntax for another type.
func (v Value) Bool() (bool, error) {
	if v.Type != Boolean {
		return false, xs.ErrSyntax
	}
	return xs.ParseBool(v.Text)
}

// Int returns the value of an Int or Long.
func (v Value) Int() (int64, error) {
	if v.Type != Int && v.Type != Long {
		return 0, xs.ErrSyntax
	}
	return xs.ParseInt(v.Text, 64)
}

// Float returns the value of a Double, Int or Long.
func (v Value) Float() (float64, error) {
	if v.Type != Double && v.Type != Int && v.Type != Long {
		return 0, xs.ErrSyntax
	}
	return xs.ParseDouble(v.Text)
}

// Time returns the value of a DateTime, Date or Time. A value without a zone is taken as UTC.
func (v Value) Time() (time.Time, error) {
	switch v.Type {
	case DateTime:
		return xs.ParseDateTime(v.Text)
	case Date:
		return xs.ParseDate(v.Text)
	case Time:
		return xs.ParseTime(v.Text)
	}
	return time.Time{}, xs.ErrSyntax
}

// Duration returns the value of a Duration.
func (v Value) Duration() (xs.Duration, error) {
	if v.Type != Duration {
		return xs.Duration{}, xs.ErrSyntax
	}
	return xs.ParseDuration(v.Text)
}

// Color returns the value of a Color, opaque where it has no alpha.
func (v Value) Color() (color.NRGBA, error) {
	if v.Type != Color {
		return color.NRGBA{}, xs.ErrSyntax
	}
	return parseColor(v.Text)
}

// parseColor reads RRGGBB or RRGGBBAA. XEP-0331
func parseColor(s string) (color.NRGBA, error) {
	if len(s) != 6 && len(s) != 8 || strings.Trim(s, "0123456789abcdefABCDEF") != "" {
		return color.NRGBA{}, xs.ErrSyntax
	}
	if len(s) == 6 {
		s += "FF"
	}
	n, err := strconv.ParseUint(s, 16, 32)
	if err != nil {
		return color.NRGBA{}, xs.ErrSyntax
	}
	return color.NRGBA{R: uint8(n >> 24), G: uint8(n >> 16), B: uint8(n >> 8), A: uint8(n)}, nil
}
