package xs

import (
	"cmp"
	"math/big"
	"net/url"
	"strings"
)

// maxDigits bounds xs:integer and xs:decimal, which have no bounds of their own.
const maxDigits = 256

// bits of the bounded integer types.
func bits(datatype string) int {
	switch datatype {
	case "xs:byte":
		return 8
	case "xs:short":
		return 16
	case "xs:int":
		return 32
	case "xs:long":
		return 64
	}
	return 0
}

// Check reports as ErrSyntax a value that is none of its datatype, which is named with the prefix xs, as in "xs:int".
// A datatype that it does not know is taken as xs:string, as XEP-0122#impl-req wants, and that takes any value.
func Check(datatype, value string) error {
	switch datatype {
	case "xs:boolean":
		_, err := ParseBool(value)
		return err
	case "xs:byte", "xs:short", "xs:int", "xs:long":
		_, err := ParseInt(value, bits(datatype))
		return err
	case "xs:integer":
		return check(isInteger, value)
	case "xs:decimal":
		return check(isDecimal, value)
	case "xs:double", "xs:float":
		_, err := ParseDouble(value)
		return err
	case "xs:date":
		_, err := ParseDate(value)
		return err
	case "xs:time":
		_, err := ParseTime(value)
		return err
	case "xs:dateTime":
		_, err := ParseDateTime(value)
		return err
	case "xs:duration":
		_, err := ParseDuration(value)
		return err
	case "xs:anyURI":
		if _, err := url.Parse(trim(value)); err != nil {
			return ErrSyntax
		}
	case "xs:language":
		return check(isLanguage, value)
	}
	return nil
}

func check(legal func(string) bool, value string) error {
	if value = trim(value); len(value) > maxDigits || !legal(value) {
		return ErrSyntax
	}
	return nil
}

// isLanguage reports whether s has the form of a language tag: parts of 1 to 8 letters or, behind the first, digits.
func isLanguage(s string) bool {
	for i, part := range strings.Split(s, "-") {
		if len(part) < 1 || len(part) > 8 {
			return false
		}
		for _, c := range []byte(part) {
			letter := c|0x20 >= 'a' && c|0x20 <= 'z'
			if !letter && (i == 0 || c < '0' || c > '9') {
				return false
			}
		}
	}
	return true
}

// Compare returns -1, 0 or 1 as a is before, at or behind b. Both must be of the datatype, and that must have an order, else
// the error is ErrSyntax. NaN has no place in the order of doubles: it is an error too.
func Compare(datatype, a, b string) (int, error) {
	switch datatype {
	case "xs:byte", "xs:short", "xs:int", "xs:long", "xs:integer", "xs:decimal":
		return compareNumbers(datatype, a, b)
	case "xs:double", "xs:float":
		x, errX := ParseDouble(a)
		y, errY := ParseDouble(b)
		if errX != nil || errY != nil || x != x || y != y {
			return 0, ErrSyntax
		}
		return cmp.Compare(x, y), nil
	case "xs:date":
		return compareTimes(dateLayout, a, b)
	case "xs:time":
		return compareTimes(timeLayout, a, b)
	case "xs:dateTime":
		return compareTimes(dateTimeLayout, a, b)
	}
	return 0, ErrSyntax
}

func compareNumbers(datatype, a, b string) (int, error) {
	if Check(datatype, a) != nil || Check(datatype, b) != nil {
		return 0, ErrSyntax
	}
	x, okX := new(big.Rat).SetString(trim(a))
	y, okY := new(big.Rat).SetString(trim(b))
	if !okX || !okY {
		return 0, ErrSyntax
	}
	return x.Cmp(y), nil
}

func compareTimes(layout, a, b string) (int, error) {
	x, errX := parse(layout, a)
	y, errY := parse(layout, b)
	if errX != nil || errY != nil {
		return 0, ErrSyntax
	}
	return x.Compare(y), nil
}
