package jid

// Error says why a string is no address. It never repeats the string, which may be hostile, long, or secret.
type Error struct {
	// Part is "localpart", "domainpart" or "resourcepart" as RFC 7622 calls them, "nickname", or "address" for the
	// whole.
	Part string
	// Reason continues the sentence that Part begins, as in "is empty".
	Reason string
}

// Error returns the sentence, as in "jid: localpart is empty".
func (e *Error) Error() string { return "jid: " + e.Part + " " + e.Reason }

// Reasons that are given in more than one place.
const (
	isEmpty     = "is empty"
	isTooLong   = "is longer than 1023 octets"
	isNotUTF8   = "is not valid UTF-8"
	isNotStable = "has no stable canonical form"
	breaksBidi  = "mixes directions of writing against the Bidi rule"
)
