package sasl

import (
	"strings"
	"unicode/utf8"

	"github.com/xdg-go/stringprep"
	"golang.org/x/text/secure/precis"
)

// prepare applies SASLprep, RFC 4013. A stored string may only have characters that Unicode 3.2 knew, a query may
// have others: RFC 3454 §7. ok is false for a string that is forbidden, not UTF-8, or empty.
func prepare(s string, p func() stringprep.Profile) (prepared string, ok bool) {
	if s == "" || !utf8.ValidString(s) {
		return "", false
	}
	if printableASCII(s) {
		return s, true
	}
	prepared, err := p().Prepare(s)
	return prepared, err == nil && prepared != ""
}

func stored() stringprep.Profile { return stringprep.SASLprep }

// query is SASLprep without its table of unassigned code points.
func query() stringprep.Profile {
	p := stringprep.SASLprep
	p.Prohibits = []stringprep.Set{
		stringprep.TableC1_2, stringprep.TableC2_1, stringprep.TableC2_2, stringprep.TableC3, stringprep.TableC4,
		stringprep.TableC5, stringprep.TableC6, stringprep.TableC7, stringprep.TableC8, stringprep.TableC9,
	}
	return p
}

// fold maps all spellings of a username that lead to one account to one string, so that a fake salt stays the same
// where a real one would. What is no localpart at all (RFC 7622 §3.3) has no account and stays as it is.
func fold(username string) string {
	if printableASCII(username) {
		return strings.ToLower(username)
	}
	if folded, err := precis.UsernameCaseMapped.CompareKey(username); err == nil {
		return folded
	}
	return username
}

func printableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
