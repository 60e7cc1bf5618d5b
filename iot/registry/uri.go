package registry

import (
	"errors"
	"fmt"
	"strings"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
)

// MaxURI is how long a URI may be, in bytes [ours]. The largest QR code holds 2953.
const MaxURI = 8192

// URI is what an iotdisco URI says: a claim, with all tags of one thing, or a search.
// XEP-0347#claim, Discovery.md "IoTDisco URI Scheme"
type URI struct {
	Registry jid.JID    // where to ask; zero where the URI does not say
	Claim    Tags       // of a claim
	Search   []Operator // of a search
}

// IsClaim reports whether the URI is for a claim.
func (u URI) IsClaim() bool { return len(u.Search) == 0 }

var (
	errNotURI   = errors.New("registry: not an iotdisco URI")
	errLongURI  = fmt.Errorf("registry: URI longer than %d bytes", MaxURI)
	errItem     = errors.New("registry: item of the URI is not a name, an operator and a value")
	errKeyTest  = errors.New("registry: URI of a search names KEY")
	errRegistry = errors.New("registry: R in the URI is not the address of a registry")
)

// ParseURI reads a URI in every way it is written: iotdisco:SN=1;#V=1.0, whose values have a backslash before ";" and
// "\", or are percent-encoded; and the first document's IoTDisco;SN:1;#V:1.0, which is always a claim. Any other with
// KEY is a claim, and a search without.
func ParseURI(s string) (URI, error) {
	s = strings.TrimSpace(s)
	if len(s) > MaxURI {
		return URI{}, errLongURI
	}
	const scheme = len("iotdisco")
	if len(s) <= scheme || !strings.EqualFold(s[:scheme], "iotdisco") {
		return URI{}, errNotURI
	}
	parse, old := parseItem, s[scheme] == ';'
	switch {
	case old:
		parse = parseOldItem
	case s[scheme] != ':':
		return URI{}, errNotURI
	}
	var u URI
	var items []Operator
	for raw := range splitUnescaped(s[scheme+1:], ';') {
		if raw == "" {
			continue // some clients end the URI with a semicolon
		}
		op, err := parse(raw)
		if err != nil {
			return URI{}, err
		}
		if !op.Numeric && strings.EqualFold(op.Name, RegistryTag) {
			if u.Registry, err = parseRegistry(op); err != nil {
				return URI{}, err
			}
			continue
		}
		if len(items) == MaxTags {
			return URI{}, errItem
		}
		items = append(items, op)
	}
	return u.fill(items, old)
}

// fill tells claim and search apart.
func (u URI) fill(items []Operator, old bool) (URI, error) {
	if len(items) == 0 {
		return URI{}, errNotURI
	}
	hasKey, onlyEqual := false, true
	for _, op := range items {
		hasKey = hasKey || strings.EqualFold(op.Name, KeyTag)
		onlyEqual = onlyEqual && op.Test == Equal
	}
	switch {
	case hasKey && !onlyEqual:
		return URI{}, errKeyTest
	case !hasKey && !old:
		u.Search = joinRanges(items)
		_, err := Search{Operators: u.Search}.Compile()
		return u, err
	}
	tags := make([]Tag, len(items))
	for i, op := range items {
		tags[i] = Tag{Name: op.Name, Text: op.Value.Text, Numeric: op.Numeric}
	}
	var err error
	if u.Claim, err = NewTags(tags...); err != nil {
		return URI{}, err
	}
	return u, u.Claim.checkClaimable()
}

func parseRegistry(op Operator) (jid.JID, error) {
	j, err := jid.Parse(op.Value.Text)
	if err != nil || op.Test != Equal || j.IsFull() {
		return jid.JID{}, errRegistry
	}
	return j, nil
}

// parseOldItem reads [#]NAME:VALUE. Nothing is percent-encoded there.
func parseOldItem(raw string) (Operator, error) {
	name, value, ok := strings.Cut(raw, ":")
	if !ok {
		return Operator{}, errItem
	}
	return newItem(unescape(name), Equal, unescape(value))
}

// parseItem reads [#]NAME op VALUE.
func parseItem(raw string) (Operator, error) {
	i := indexUnescaped(raw, "=<>~")
	if i < 0 {
		// Encoded once more by something that took the operators for ordinary characters.
		raw = percentDecode(raw)
		if i = indexUnescaped(raw, "=<>~"); i < 0 {
			return Operator{}, errItem
		}
	}
	name, rest := decode(raw[:i]), raw[i:]
	if mask, ok := strings.CutPrefix(rest, "~"); ok {
		return newMaskItem(name, mask)
	}
	for _, o := range [...]struct {
		sign string
		test Test
	}{{"<>", NotEqual}, {"<=", LessOrEqual}, {">=", GreaterOrEqual}, {"=", Equal}, {"<", Less}, {">", Greater}} {
		if value, ok := strings.CutPrefix(rest, o.sign); ok {
			return newItem(name, o.test, decode(value))
		}
	}
	return Operator{}, errItem
}

// newItem makes an operator; "#" before the name says that the value is a number.
func newItem(name string, test Test, value string) (Operator, error) {
	name, numeric := strings.CutPrefix(name, "#")
	op := Operator{Test: test, Numeric: numeric, Name: name, Value: Value{Text: value}}
	if numeric {
		var ok bool
		if op.Value.Number, ok = iot.ParseDouble(value); !ok {
			return Operator{}, errItem
		}
	}
	if !isName(name) {
		return Operator{}, errItem
	}
	return op, nil
}

// newMaskItem reads what is behind "~": one character, the wildcard, and the mask.
func newMaskItem(name, rest string) (Operator, error) {
	if !isName(name) || strings.HasPrefix(name, "#") || rest == "" {
		return Operator{}, errItem
	}
	n := runeLen(rest)
	if len(rest) > 2 && len(percentDecode(rest[:3])) == 1 {
		n = 3
	}
	return WhereMask(name, decode(rest[n:]), percentDecode(rest[:n])), nil
}

// joinRanges puts two ends on one name together: a range, or what is outside of one where the upper end is below the
// lower. Discovery.md "IoTDisco URI Scheme for searches"
func joinRanges(items []Operator) []Operator {
	var out []Operator
next:
	for _, op := range items {
		for i := range out {
			if joined, ok := joinRange(out[i], op); ok {
				out[i] = joined
				continue next
			}
		}
		out = append(out, op)
	}
	return out
}

func joinRange(a, b Operator) (Operator, bool) {
	if a.Numeric != b.Numeric || Fold(a.Name) != Fold(b.Name) {
		return Operator{}, false
	}
	if isUpperEnd(a.Test) {
		a, b = b, a
	}
	if !isLowerEnd(a.Test) || !isUpperEnd(b.Test) {
		return Operator{}, false
	}
	r := Operator{
		Test: InRange, Numeric: a.Numeric, Name: a.Name,
		Value: a.Value, LowerOpen: a.Test == Greater,
		Upper: b.Value, UpperOpen: b.Test == Less,
	}
	if !r.isCrossed() {
		return r, true
	}
	// "<1" leaves 1 in the range that the value must be outside of; "<=1" does not.
	r.Test, r.Value, r.Upper = NotInRange, b.Value, a.Value
	r.LowerOpen, r.UpperOpen = b.Test == LessOrEqual, a.Test == GreaterOrEqual
	return r, true
}

func isLowerEnd(t Test) bool { return t == Greater || t == GreaterOrEqual }
func isUpperEnd(t Test) bool { return t == Less || t == LessOrEqual }

// isCrossed reports whether the upper end of a range is below the lower.
func (op Operator) isCrossed() bool {
	if op.Numeric {
		return op.Upper.Number < op.Value.Number
	}
	return compareText(op.Upper.Text, op.Value.Text) < 0
}
