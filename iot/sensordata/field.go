package sensordata

import (
	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/form/xs"
)

// Type is the type of a field's value.
type Type uint8

// The types of values. XEP-0323#fieldvaluetypes
const (
	Numeric  Type = iota + 1 // a number with decimals, and perhaps a unit: a physical quantity
	String                   // text
	Boolean                  // true or false
	Date                     // xs:date
	DateTime                 // xs:dateTime
	Duration                 // xs:duration
	Enum                     // a word of the enumeration that Field.DataType names
	Int                      // an integer of 32 bits
	Long                     // an integer of 64 bits
	Time                     // xs:time
)

// typeNames are the elements of values, and the datatypes that their values are of.
var typeNames = [...]struct{ long, short, datatype string }{
	Numeric:  {"numeric", "q", "xs:double"},
	String:   {"string", "s", "xs:string"},
	Boolean:  {"boolean", "b", "xs:boolean"},
	Date:     {"date", "d", "xs:date"},
	DateTime: {"dateTime", "dt", "xs:dateTime"},
	Duration: {"duration", "dr", "xs:duration"},
	Enum:     {"enum", "e", "xs:string"},
	Int:      {"int", "i", "xs:int"},
	Long:     {"long", "l", "xs:long"},
	Time:     {"time", "t", "xs:time"},
}

// oldDuration is what XEP-0323 called a duration before its version 0.3.
const oldDuration = "timeSpan"

// String returns the name of the type in XEP-0323.
func (t Type) String() string {
	if t < Numeric || t > Time {
		return "unknown"
	}
	return typeNames[t].long
}

// Check reports whether a value, as it is written, is of the type.
func (t Type) Check(value string) error {
	if t < Numeric || t > Time {
		return xs.ErrSyntax
	}
	return xs.Check(typeNames[t].datatype, value)
}

// typeOf returns the type that an element of the generation has, or 0.
func typeOf(local string, g iot.Generation) Type {
	for t := Numeric; t <= Time; t++ {
		name := typeNames[t].short
		if g == iot.XSF {
			name = typeNames[t].long
		}
		if name == local {
			return t
		}
	}
	if g == iot.XSF && local == oldDuration {
		return Duration
	}
	return 0
}

// Field is what a thing can tell: what it declares of a value beside the value itself.
type Field struct {
	Name       string
	Type       Type
	Unit       string // of a Numeric; may be empty
	DataType   string // the name of an Enum's enumeration
	Categories iot.Categories
	Writable   bool // a control parameter has the same name

	// History says more of a Historical field. Only the first generation can.
	History History

	// Module and StringIDs name texts for the field in other languages: a namespace, and steps such as "1,3" within.
	Module, StringIDs string
}

// History is a set of the periods at whose end a value was stored. XEP-0323#fieldtypes
type History uint16

// The periods of history.
const (
	Second History = 1 << iota
	Minute
	Hour
	Day
	Week
	Month
	Quarter
	Year
	Other
)

// historyNames are the attributes in the order of the bits.
var historyNames = [...]string{
	"historicalSecond", "historicalMinute", "historicalHour", "historicalDay", "historicalWeek", "historicalMonth",
	"historicalQuarter", "historicalYear", "historicalOther",
}
