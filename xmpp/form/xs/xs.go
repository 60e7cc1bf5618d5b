// Package xs reads and writes the datatypes of XML Schema Part 2 (2nd edition) that XMPP extensions carry in attributes and
// form values: boolean, the integers, decimal, double, date, time, dateTime, duration, anyURI and language.
//
// It is stricter than the standard library, whose parsers take hexadecimal and underscores, and it knows the schema's own
// words (INF, 1 for true). White space around a value is ignored, as the schema's "collapse" says. Years are 0001 to 9999,
// and 24:00:00 and leap seconds are refused.
package xs

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// ErrSyntax is the error of every value that does not have the form its type wants, or that its type cannot hold.
var ErrSyntax = errors.New("xs: malformed value")

// ParseBool reads an xs:boolean: true, false, 1 or 0.
func ParseBool(s string) (bool, error) {
	switch trim(s) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, ErrSyntax
}

// ParseInt reads a signed integer of the given number of bits: 8 for xs:byte, 16 for xs:short, 32 for xs:int, 64 for xs:long.
func ParseInt(s string, bits int) (int64, error) {
	n, err := strconv.ParseInt(trim(s), 10, bits)
	if err != nil {
		return 0, ErrSyntax
	}
	return n, nil
}

// ParseDouble reads an xs:double. A number beyond the range of a float64 becomes infinite, as in the schema.
func ParseDouble(s string) (float64, error) {
	s = trim(s)
	switch s {
	case "INF":
		return math.Inf(1), nil
	case "-INF":
		return math.Inf(-1), nil
	case "NaN":
		return math.NaN(), nil
	}
	mantissa, exponent, hasExponent := s, "", false
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent, hasExponent = s[:i], s[i+1:], true
	}
	if !isDecimal(mantissa) || hasExponent && !isInteger(exponent) {
		return 0, ErrSyntax
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, ErrSyntax
	}
	return f, nil
}

// FormatDouble writes an xs:double, with as few digits as bring the same number back.
func FormatDouble(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "INF"
	case math.IsInf(f, -1):
		return "-INF"
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// isInteger reports whether s is an optional sign and digits.
func isInteger(s string) bool {
	s = unsigned(s)
	return s != "" && digits(s) == len(s)
}

// isDecimal reports whether s is an optional sign and digits with at most one point among, before or behind them.
func isDecimal(s string) bool {
	s = unsigned(s)
	whole := digits(s)
	if whole == len(s) {
		return whole > 0
	}
	fraction := s[whole:]
	if fraction[0] != '.' {
		return false
	}
	fraction = fraction[1:]
	return digits(fraction) == len(fraction) && whole+len(fraction) > 0
}

// unsigned returns s without its sign.
func unsigned(s string) string {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		return s[1:]
	}
	return s
}

// digits returns how many of the first bytes of s are digits.
func digits(s string) int {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return i
		}
	}
	return len(s)
}

// trim removes what XML calls white space.
func trim(s string) string { return strings.Trim(s, " \t\r\n") }
