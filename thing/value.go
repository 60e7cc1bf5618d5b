package thing

import (
	"math"
	"strconv"
	"time"

	"github.com/comity-iot/comity/iot/sensordata"
)

// Value is what a field has at a time. The zero Value is none.
type Value struct {
	reading sensordata.Reading // without its name
	at      time.Time          // zero for when it was read
}

// FloatValue returns a number with this many decimals, which tell how precise it is; -1 is for as many as it takes.
func FloatValue(v float64, decimals int) Value {
	return Value{reading: sensordata.NewFloat(sensordata.Field{Type: sensordata.Numeric}, v, decimals)}
}

// IntValue returns an integer.
func IntValue(v int64) Value {
	t := sensordata.Int
	if v < math.MinInt32 || v > math.MaxInt32 {
		t = sensordata.Long
	}
	return Value{reading: sensordata.NewInt(sensordata.Field{Type: t}, v)}
}

// BoolValue returns true or false.
func BoolValue(v bool) Value {
	return Value{reading: sensordata.NewBool(sensordata.Field{Type: sensordata.Boolean}, v)}
}

// TextValue returns text.
func TextValue(v string) Value {
	return Value{reading: sensordata.NewText(sensordata.Field{Type: sensordata.String}, v)}
}

// EnumValue returns one word of those that a vocabulary of that name has.
func EnumValue(vocabulary, word string) Value {
	return Value{reading: sensordata.NewText(sensordata.Field{Type: sensordata.Enum, DataType: vocabulary}, word)}
}

// TimeValue returns a time.
func TimeValue(v time.Time) Value {
	return Value{reading: sensordata.NewTime(sensordata.Field{Type: sensordata.DateTime}, v)}
}

// DurationValue returns a length of time.
func DurationValue(v time.Duration) Value {
	return Value{reading: sensordata.NewDuration(sensordata.Field{Type: sensordata.Duration}, v)}
}

// At returns the value with the time that it is of, where that is not when it was read.
func (v Value) At(t time.Time) Value {
	v.at = t
	return v
}

// With returns the value with flags that say how far it can be relied upon.
func (v Value) With(q sensordata.Quality) Value {
	v.reading.Quality |= q
	return v
}

// String returns the value as it is written on the wire.
func (v Value) String() string { return v.reading.Value }

// isZero reports whether there is no value.
func (v Value) isZero() bool { return v.reading.Type == 0 }

// people returns the value as people read it.
func (v Value) people(unit string) string {
	text := v.reading.Value
	if v.reading.Type == sensordata.Boolean {
		if on, err := strconv.ParseBool(text); err == nil && on {
			return "on"
		}
		return "off"
	}
	if unit != "" {
		text += " " + unit
	}
	return text
}
