package jid

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/secure/precis"
)

// Limits of DNS in octets, of a label and of a name without its final dot, both in ASCII form. RFC 1035 §2.3.4
const (
	maxLabel = 63
	maxName  = 253
)

// names maps names to lower-case NFC U-labels (RFC 5895, UTS #46) and checks them against the Bidi and joiner rules.
// What ASCII may be in a label is for labelTrouble to say, because StrictDomainName would refuse "_", and where
// hyphens may be too, because CheckHyphens counts octets where RFC 5891 counts characters.
var names = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false), idna.CheckHyphens(false))

// identifier tells which code points a U-label may have. UTS #46 lets symbols pass, IDNA2008 does not: of what it
// leaves unchanged, the PRECIS IdentifierClass keeps what RFC 5892 calls PVALID, and checks CONTEXTO.
var identifier = precis.NewIdentifier()

// PrepareDomain returns the canonical form of a domainpart, RFC 7622 §3.2: a name with U-labels in lower case
// without final dot, an IPv4 address, or an IPv6 address in brackets in the form of RFC 5952. Labels have 1 to 63
// octets and names up to 253, both counted in A-label form. The error is an [*Error].
func PrepareDomain(s string) (string, error) {
	switch {
	case isPlainName(s):
		return s, nil
	case s == "":
		return "", &Error{Part: "domainpart", Reason: isEmpty}
	case len(s) > maxPart+len("."):
		return "", &Error{Part: "domainpart", Reason: isTooLong}
	case s[0] == '[':
		return prepareIPv6(s)
	}
	return prepareName(s)
}

// prepareName brings a domain name or IPv4 address into canonical form, by IDNA.
func prepareName(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", &Error{Part: "domainpart", Reason: isNotUTF8}
	}
	name, err := names.ToUnicode(trimDot(s))
	switch {
	case err != nil: // quotes the input: not for us
		return "", &Error{Part: "domainpart", Reason: "is not an IDNA2008 name"}
	case len(name) > maxPart:
		return "", &Error{Part: "domainpart", Reason: isTooLong}
	}
	for label := range strings.SplitSeq(name, ".") {
		if trouble := labelTrouble(label, classesOf(label)); trouble != "" {
			return "", &Error{Part: "domainpart", Reason: trouble}
		}
	}
	if again, err := names.ToUnicode(name); err != nil || again != name {
		return "", &Error{Part: "domainpart", Reason: isNotStable}
	}
	if !fitsDNS(name) {
		return "", &Error{Part: "domainpart", Reason: "is longer than DNS allows"}
	}
	return name, nil
}

// trimDot cuts a final dot, which is no part of the address (RFC 7622 §3.2), in any of the forms of RFC 3490 §3.1.
// It works on the text before IDNA, where it cannot be taken for an A-label that decodes to nothing ("example.xn--").
func trimDot(s string) string {
	for _, dot := range [...]string{".", "\u3002", "\uff0e", "\uff61"} {
		if trimmed, ok := strings.CutSuffix(s, dot); ok {
			return trimmed
		}
	}
	return s
}

// fitsDNS reports whether a canonical name is within the limits of DNS, which count A-labels.
func fitsDNS(name string) bool {
	ascii, err := names.ToASCII(name)
	if err != nil || len(ascii) > maxName {
		return false
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if len(label) > maxLabel {
			return false
		}
	}
	return true
}

// prepareIPv6 brings an IP-literal (RFC 3986 §3.2.2) into canonical form. A zone means something to one host only.
func prepareIPv6(s string) (string, error) {
	inner, ok := strings.CutSuffix(s[1:], "]")
	addr, err := netip.ParseAddr(inner)
	if !ok || err != nil || !addr.Is6() || addr.Zone() != "" {
		return "", &Error{Part: "domainpart", Reason: "is not an IPv6 address in brackets"}
	}
	return "[" + addr.String() + "]", nil
}

// isPlainName reports whether s is a domain name, or IPv4 address, in ASCII and canonical already.
func isPlainName(s string) bool {
	if len(s) > maxName {
		return false
	}
	for {
		label, rest, more := strings.Cut(s, ".")
		class := classesOf(label)
		if class&(upper|high) != 0 || labelTrouble(label, class) != "" {
			return false
		}
		if !more {
			return true
		}
		s = rest
	}
}

// labelTrouble says what keeps a mapped label, whose bytes are of the classes given, from being an NR-LDH label ("_"
// allowed) or a U-label, RFC 5890 §2.3; empty if nothing does.
func labelTrouble(label string, class uint8) string {
	switch {
	case label == "":
		return "has an empty label"
	case class&notName != 0:
		return "contains a character not allowed in a domain name"
	case class&high == 0 && len(label) > maxLabel:
		return "has a label longer than 63 octets"
	case label[0] == '-' || label[len(label)-1] == '-' || isReserved(label):
		return "has a hyphen at a place that IDNA2008 reserves"
	case class&high != 0:
		if same, err := identifier.String(label); err != nil || same != label {
			return "contains a character that IDNA2008 does not allow"
		}
	}
	return ""
}

// isReserved reports whether the third and fourth character of label are hyphens. RFC 5891 §4.2.3.1
func isReserved(label string) bool {
	seen := 0
	for i := range label {
		if seen == 2 {
			return strings.HasPrefix(label[i:], "--")
		}
		seen++
	}
	return false
}
