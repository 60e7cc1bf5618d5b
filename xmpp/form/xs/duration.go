package xs

import (
	"strconv"
	"strings"
	"time"
)

// Duration is an xs:duration. Months have no fixed length, so they are kept apart from the rest.
type Duration struct {
	Months int           // of the calendar; negative together with Rest
	Rest   time.Duration // days of 24 hours, hours, minutes and seconds
}

// step is a designator of a duration: how many months or how much time one of them is.
type step struct {
	letter byte
	months int64
	unit   time.Duration
}

var (
	dateSteps = [...]step{{'Y', 12, 0}, {'M', 1, 0}, {'D', 0, 24 * time.Hour}}
	timeSteps = [...]step{{'H', 0, time.Hour}, {'M', 0, time.Minute}, {'S', 0, time.Second}}
)

// ParseDuration reads an xs:duration, such as P1Y2M3DT4H5M6.5S or -PT90S. Fractions of a second finer than a nanosecond are
// cut. A duration that a Duration cannot hold, some 290 years beside its months, is refused.
func ParseDuration(s string) (Duration, error) {
	s = trim(s)
	s, negative := strings.CutPrefix(s, "-")
	s, ok := strings.CutPrefix(s, "P")
	if !ok || s == "" {
		return Duration{}, ErrSyntax
	}
	date, clock, hasClock := strings.Cut(s, "T")
	var d Duration
	if !d.read(date, dateSteps[:]) || hasClock && (clock == "" || !d.read(clock, timeSteps[:])) {
		return Duration{}, ErrSyntax
	}
	if negative {
		d.Months, d.Rest = -d.Months, -d.Rest
	}
	return d, nil
}

// read adds the numbers of s, each before its designator and those in the order of steps.
func (d *Duration) read(s string, steps []step) bool {
	for _, st := range steps {
		number := digits(s)
		end := number
		if st.letter == 'S' && number > 0 && number < len(s) && s[number] == '.' {
			end += 1 + digits(s[number+1:])
		}
		if end == 0 || end == len(s) || s[end] != st.letter {
			continue
		}
		n, err := strconv.ParseInt(s[:number], 10, 32)
		if err != nil || end == number+1 {
			return false
		}
		if !d.add(n, st) {
			return false
		}
		if end > number {
			d.Rest += fraction(s[number+1 : end])
		}
		s = s[end+1:]
	}
	return s == "" && d.Rest >= 0
}

func (d *Duration) add(n int64, st step) bool {
	if st.unit == 0 {
		d.Months += int(n * st.months)
		return d.Months <= 1<<31-1
	}
	if n > int64((1<<63-1-d.Rest)/st.unit) {
		return false
	}
	d.Rest += time.Duration(n) * st.unit
	return true
}

// fraction returns the digits behind a decimal point as a part of a second.
func fraction(s string) time.Duration {
	nanos := time.Duration(0)
	for i := range 9 {
		nanos *= 10
		if i < len(s) {
			nanos += time.Duration(s[i] - '0')
		}
	}
	return nanos
}

// String returns the xs:duration in its shortest form, PT0S for none.
func (d Duration) String() string {
	if d.Months == 0 && d.Rest == 0 {
		return "PT0S"
	}
	var b strings.Builder
	if d.Months < 0 || d.Rest < 0 {
		b.WriteByte('-')
	}
	b.WriteByte('P')
	months := magnitude(int64(d.Months))
	rest := magnitude(int64(d.Rest))
	put := func(n uint64, letter byte) {
		if n > 0 {
			b.WriteString(strconv.FormatUint(n, 10))
			b.WriteByte(letter)
		}
	}
	put(months/12, 'Y')
	put(months%12, 'M')
	put(rest/uint64(24*time.Hour), 'D')
	if rest %= uint64(24 * time.Hour); rest == 0 {
		return b.String()
	}
	b.WriteByte('T')
	put(rest/uint64(time.Hour), 'H')
	put(rest/uint64(time.Minute)%60, 'M')
	if seconds := rest % uint64(time.Minute); seconds%uint64(time.Second) == 0 {
		put(seconds/uint64(time.Second), 'S')
	} else {
		text := strconv.FormatFloat(float64(seconds)/float64(time.Second), 'f', 9, 64)
		b.WriteString(strings.TrimRight(text, "0"))
		b.WriteByte('S')
	}
	return b.String()
}

// magnitude returns |n|, of the least int64 too.
func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}
