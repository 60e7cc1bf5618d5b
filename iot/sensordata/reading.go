package sensordata

import (
	"strconv"
	"time"

	"github.com/comity-iot/comity/xmpp/form/xs"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Reading is a field with its value.
type Reading struct {
	Field
	Value   string // as it is written, which Type allows: the decimals of a Numeric tell its precision
	Quality Quality
	Ext     *xmlstream.Element // <x/>, what only some understand; may be nil, and always is in the first generation
}

// NewFloat returns a reading of a Numeric field with this many decimals, or as many as it takes if decimals is negative.
func NewFloat(f Field, v float64, decimals int) Reading {
	text := xs.FormatDouble(v)
	if decimals >= 0 && v-v == 0 { // INF and NaN have no decimals
		text = strconv.FormatFloat(v, 'f', decimals, 64)
	}
	return Reading{Field: f, Value: text}
}

// NewInt returns a reading of an Int, Long or Numeric field.
func NewInt(f Field, v int64) Reading { return Reading{Field: f, Value: strconv.FormatInt(v, 10)} }

// NewBool returns a reading of a Boolean field.
func NewBool(f Field, v bool) Reading { return Reading{Field: f, Value: strconv.FormatBool(v)} }

// NewText returns a reading of a String or Enum field.
func NewText(f Field, v string) Reading { return Reading{Field: f, Value: v} }

// NewTime returns a reading of a DateTime, Date or Time field. Dates and times of day are those of the zone of v.
func NewTime(f Field, v time.Time) Reading {
	switch f.Type {
	case Date:
		return Reading{Field: f, Value: xs.FormatDate(v)}
	case Time:
		return Reading{Field: f, Value: xs.FormatTime(v)}
	}
	return Reading{Field: f, Value: xs.FormatDateTime(v)}
}

// NewDuration returns a reading of a Duration field.
func NewDuration(f Field, v time.Duration) Reading {
	return Reading{Field: f, Value: xs.Duration{Rest: v}.String()}
}

// Float returns the value of a Numeric, Int or Long. The error, as of all that follow, is xs.ErrSyntax for another type.
func (r Reading) Float() (float64, error) {
	switch r.Type {
	case Numeric, Int, Long:
		return xs.ParseDouble(r.Value)
	}
	return 0, xs.ErrSyntax
}

// Int returns the value of an Int or Long, or of a Numeric that is written as an integer.
func (r Reading) Int() (int64, error) {
	switch r.Type {
	case Numeric, Int, Long:
		return xs.ParseInt(r.Value, 64)
	}
	return 0, xs.ErrSyntax
}

// Bool returns the value of a Boolean.
func (r Reading) Bool() (bool, error) {
	if r.Type != Boolean {
		return false, xs.ErrSyntax
	}
	return xs.ParseBool(r.Value)
}

// Time returns the value of a DateTime, Date or Time. A value without a zone is taken as UTC.
func (r Reading) Time() (time.Time, error) {
	switch r.Type {
	case DateTime:
		return xs.ParseDateTime(r.Value)
	case Date:
		return xs.ParseDate(r.Value)
	case Time:
		return xs.ParseTime(r.Value)
	}
	return time.Time{}, xs.ErrSyntax
}

// Duration returns the value of a Duration.
func (r Reading) Duration() (xs.Duration, error) {
	if r.Type != Duration {
		return xs.Duration{}, xs.ErrSyntax
	}
	return xs.ParseDuration(r.Value)
}
