package registry

import (
	"math"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/comity-iot/comity/xmpp/stanza"
)

// maxOperand is how many characters a value, a mask, a regular expression or a name may have [ours].
const maxOperand = 256

// Filter is a search made ready to look at things. It is safe for concurrent use.
type Filter struct {
	never bool
	conds []condition
}

// condition is an operator made ready.
type condition struct {
	numeric bool
	named   func(key string) bool
	holds   func(e *entry) bool
}

// Compile checks the operators and makes them ready. The error is BadRequest.
func (s Search) Compile() (*Filter, error) {
	switch n := len(s.Operators); {
	case n == 0:
		return nil, errNoOperator
	case n > MaxOperators:
		return nil, errTooManyOperators
	}
	f := &Filter{}
	for _, op := range s.Operators {
		if Fold(op.Name) == foldedKey {
			f.never = true // XEP-0347#search: searches on KEY MUST never find things
		}
		c, err := op.compile()
		if err != nil {
			return nil, err
		}
		f.conds = append(f.conds, c)
	}
	return f, nil
}

// Never reports whether no thing can match, so that none needs to be looked at.
func (f *Filter) Never() bool { return f.never }

// Match reports whether a thing with those tags meets all operators.
func (f *Filter) Match(tags Tags) bool {
	if f.never {
		return false
	}
	for i := range f.conds {
		if !f.conds[i].match(tags) {
			return false
		}
	}
	return true
}

// match reports whether any tag that the condition names meets it. KEY is no tag, whatever the wildcard.
func (c *condition) match(tags Tags) bool {
	for i := range tags.list {
		e := &tags.list[i]
		if e.Numeric == c.numeric && e.key != foldedKey && c.named(e.key) && c.holds(e) {
			return true
		}
	}
	return false
}

func (op Operator) compile() (condition, error) {
	if op.Name == "" || !isWithin(op.Name, maxOperand) || !isWithin(op.NameWildcard, maxOperand) {
		return condition{}, stanza.BadRequest.With("an operator has no name, or one too long")
	}
	if !isWithin(op.Value.Text, maxOperand) || !isWithin(op.Upper.Text, maxOperand) {
		return condition{}, stanza.BadRequest.With("the value of an operator is longer than %d characters", maxOperand)
	}
	c := condition{numeric: op.Numeric, named: op.compileName()}
	var err error
	if op.Numeric {
		c.holds, err = op.compileNumber()
	} else {
		c.holds, err = op.compileText()
	}
	return c, err
}

// key is the name as it is compared. It has "_" for ":", as an interface urn:nfi:iot:hi:sensor is the tag urn_nfi_iot_hi_sensor.
func (op Operator) key() string { return Fold(strings.ReplaceAll(op.Name, ":", "_")) }

// compileName replaces ":" around the wildcards.
func (op Operator) compileName() func(string) bool {
	if op.NameWildcard == "" {
		key := op.key()
		return func(k string) bool { return k == key }
	}
	m := newMask(op.Name, op.NameWildcard)
	for i := range m {
		m[i] = strings.ReplaceAll(m[i], ":", "_")
	}
	return m.match
}

func (op Operator) compileNumber() (func(*entry) bool, error) {
	a, b := op.Value.Number, op.Upper.Number
	if math.IsNaN(a) || math.IsNaN(b) {
		return nil, stanza.BadRequest.With("NaN cannot be compared with")
	}
	if op.Test.isRange() {
		return op.compileRange(
			func(e *entry) int { return order(e.Number, a) },
			func(e *entry) int { return order(e.Number, b) },
		), nil
	}
	holds, ok := compared(op.Test, func(e *entry) int { return order(e.Number, a) })
	if !ok {
		return nil, stanza.BadRequest.With("numbers have no operator %s", op.Test)
	}
	return holds, nil
}

func order(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// compileText compares without case for equality and masks, and by code points for order. [ours]: the documents do not say.
func (op Operator) compileText() (func(*entry) bool, error) {
	switch op.Test {
	case Equal, NotEqual:
		want, equal := Fold(op.Value.Text), op.Test == Equal
		return func(e *entry) bool { return (Fold(e.Text) == want) == equal }, nil
	case Mask:
		if op.Wildcard == "" || !isWithin(op.Wildcard, maxOperand) {
			return nil, stanza.BadRequest.With("a mask needs a wildcard")
		}
		m := newMask(op.Value.Text, op.Wildcard)
		return func(e *entry) bool { return m.match(Fold(e.Text)) }, nil
	case RegEx:
		matches, err := compileRegEx(op.Value.Text)
		if err != nil {
			return nil, err
		}
		return func(e *entry) bool { return matches(norm.NFC.String(e.Text)) }, nil
	}
	toLower := func(e *entry) int { return compareText(e.Text, op.Value.Text) }
	if op.Test.isRange() {
		return op.compileRange(toLower, func(e *entry) int { return compareText(e.Text, op.Upper.Text) }), nil
	}
	holds, ok := compared(op.Test, toLower)
	if !ok {
		return nil, stanza.BadRequest.With("no operator %s", op.Test)
	}
	return holds, nil
}

func compareText(a, b string) int { return strings.Compare(norm.NFC.String(a), norm.NFC.String(b)) }

// compileRange returns the test for a value from how it compares with both ends. Being outside is nothing but not being
// inside: an end that is in the range is not outside it. XEP-0347#search
func (op Operator) compileRange(toLower, toUpper func(*entry) int) func(*entry) bool {
	within := op.Test == InRange
	lowest, highest := 0, 0
	if op.LowerOpen {
		lowest = 1
	}
	if op.UpperOpen {
		highest = -1
	}
	return func(e *entry) bool {
		return (toLower(e) >= lowest && toUpper(e) <= highest) == within
	}
}

// compared returns the test for a value from how it compares with the operator's.
func compared(t Test, to func(*entry) int) (func(*entry) bool, bool) {
	switch t {
	case Equal:
		return func(e *entry) bool { return to(e) == 0 }, true
	case NotEqual:
		return func(e *entry) bool { return to(e) != 0 }, true
	case Greater:
		return func(e *entry) bool { return to(e) > 0 }, true
	case GreaterOrEqual:
		return func(e *entry) bool { return to(e) >= 0 }, true
	case Less:
		return func(e *entry) bool { return to(e) < 0 }, true
	case LessOrEqual:
		return func(e *entry) bool { return to(e) <= 0 }, true
	}
	return nil, false
}
