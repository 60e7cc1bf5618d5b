package xs

import (
	"strings"
	"time"
)

// Layouts of the standard library read a fraction of a second wherever seconds end, so none needs to name it.
const (
	dateLayout     = "2006-01-02"
	timeLayout     = "15:04:05"
	dateTimeLayout = dateLayout + "T" + timeLayout
	zoneLayout     = "Z07:00"
)

// ParseDateTime reads an xs:dateTime. One without a time zone, as the examples of XEP-0323 have, is taken as UTC.
func ParseDateTime(s string) (time.Time, error) { return parse(dateTimeLayout, s) }

// ParseDate reads an xs:date as the first instant of that day, in UTC where it names no zone.
func ParseDate(s string) (time.Time, error) { return parse(dateLayout, s) }

// ParseTime reads an xs:time as an instant of the first of January of the year 0.
func ParseTime(s string) (time.Time, error) { return parse(timeLayout, s) }

// FormatDateTime writes t as an xs:dateTime in UTC, with a Z and with as many decimals as t has, up to nanoseconds.
func FormatDateTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999999999Z07:00") }

// FormatDate writes the date of t as an xs:date without a zone.
func FormatDate(t time.Time) string { return t.Format(dateLayout) }

// FormatTime writes the time of day of t as an xs:time without a zone.
func FormatTime(t time.Time) string { return t.Format("15:04:05.999999999") }

func parse(layout, s string) (time.Time, error) {
	s = trim(s)
	if !shaped(layout, s) {
		return time.Time{}, ErrSyntax
	}
	if t, err := time.Parse(layout, s); err == nil {
		return t, nil
	}
	t, err := time.Parse(layout+zoneLayout, s)
	if err != nil {
		return time.Time{}, ErrSyntax
	}
	return t, nil
}

// shaped reports whether s begins as the layout is, digit for digit, and has no comma. The standard library would take an hour
// of one digit and a comma before the fraction.
func shaped(layout, s string) bool {
	if len(s) < len(layout) || strings.Contains(s, ",") {
		return false
	}
	for i := range len(layout) {
		digit := digits(layout[i:i+1]) == 1
		if digit != (digits(s[i:i+1]) == 1) || !digit && s[i] != layout[i] {
			return false
		}
	}
	return true
}
