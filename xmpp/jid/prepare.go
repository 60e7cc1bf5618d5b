package jid

import (
	"errors"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/secure/bidirule"
	"golang.org/x/text/secure/precis"
)

// Limits in octets.
const (
	// maxPart is the limit of each part in canonical form. RFC 7622 §3.1
	maxPart = 1023
	// maxRaw is the limit before mapping, which is where work is bounded. Mapping may shorten a string: the four
	// octets of a code point may become one.
	maxRaw = 4 * maxPart
	// maxAddress is three parts and two separators; offsets into it fit 16 bits.
	maxAddress = 3*maxRaw + 2
)

// PrepareLocal returns the canonical form of a localpart, as for a new account. RFC 7622 §3.3: the PRECIS profile
// UsernameCaseMapped (RFC 8265 §3.3) without "&'/:<>@; 1 to 1023 octets. The error is an [*Error].
func PrepareLocal(s string) (string, error) {
	if 0 < len(s) && len(s) <= maxPart {
		switch classesOf(s) & (notLocal | upper | high) {
		case 0:
			return s, nil
		case upper:
			return lower(s, len(s)), nil
		}
	}
	return precisLocal(s)
}

// precisLocal is PrepareLocal without the short cut for ASCII.
func precisLocal(s string) (string, error) {
	s, err := enforce(precis.UsernameCaseMapped, "localpart", s)
	if err != nil {
		return "", err
	}
	// Looked for after mapping, which makes an "@" of U+FF20.
	if strings.ContainsAny(s, excluded) {
		return "", &Error{Part: "localpart", Reason: "contains one of " + excluded}
	}
	return s, nil
}

// PrepareResource returns the canonical form of a resourcepart. RFC 7622 §3.4: the PRECIS profile OpaqueString
// (RFC 8265 §4.2), which keeps case and spaces, leading ones too (erratum 4560); 1 to 1023 octets. The error is an
// [*Error].
func PrepareResource(s string) (string, error) {
	if 0 < len(s) && len(s) <= maxPart && classesOf(s)&(notResource|high) == 0 {
		return s, nil
	}
	return precisResource(s)
}

// precisResource is PrepareResource without the short cut for ASCII.
func precisResource(s string) (string, error) {
	return enforce(precis.OpaqueString, "resourcepart", s)
}

// Nickname returns the canonical form of a name for display in a room: the PRECIS profile Nickname, RFC 8266 §2.3.
// Spaces at the ends are cut and runs of spaces made one; case is kept. The result is a canonical resourcepart too,
// 1 to 1023 octets. The error is an [*Error].
func Nickname(s string) (string, error) {
	if strings.TrimSpace(s) == "" { // PRECIS has no name for this error
		return "", &Error{Part: "nickname", Reason: isEmpty}
	}
	return enforce(precis.Nickname, "nickname", s)
}

// enforce applies a PRECIS profile until it changes nothing more, because RFC 8264 does not promise that once is
// enough. Like RFC 8266 §2.1 it gives up after three repetitions. (No input is known that needs more than the one
// which sees that nothing changes, but the tables behind the profile grow each year.)
func enforce(p *precis.Profile, part, s string) (string, error) {
	switch {
	case s == "":
		return "", &Error{Part: part, Reason: isEmpty}
	case len(s) > maxRaw:
		return "", &Error{Part: part, Reason: isTooLong}
	case !utf8.ValidString(s):
		return "", &Error{Part: part, Reason: isNotUTF8}
	}
	for range 4 {
		mapped, err := p.String(s)
		switch {
		case err != nil:
			return "", &Error{Part: part, Reason: precisReason(err)}
		case len(mapped) > maxPart:
			return "", &Error{Part: part, Reason: isTooLong}
		case mapped == s:
			return s, nil
		}
		s = mapped
	}
	return "", &Error{Part: part, Reason: isNotStable}
}

// precisReason puts an error of package precis into our words.
func precisReason(err error) string {
	if errors.Is(err, bidirule.ErrInvalid) {
		return breaksBidi
	}
	return "contains a character that PRECIS does not allow there"
}
