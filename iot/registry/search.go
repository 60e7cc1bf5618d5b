package registry

import (
	"strings"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// MaxOperators is how many operators one search may hold [ours].
const MaxOperators = 64

// Search asks for the public things whose tags meet all Operators. XEP-0347#search
type Search struct {
	iot.Page
	Distributed bool // other registries may be asked. Discovery.md "Distributed Searches"
	Operators   []Operator
}

// Test is what an Operator does with the value of a tag.
type Test uint8

const (
	Equal Test = iota
	NotEqual
	Greater
	GreaterOrEqual
	Less
	LessOrEqual
	InRange
	NotInRange
	Mask  // of text only: a text with wildcards
	RegEx // of text only: a regular expression of RE2 for the whole value
)

// testNames are the ends of the elements' names, behind "str" or "num".
var testNames = [...]string{"Eq", "NEq", "Gt", "GtEq", "Lt", "LtEq", "Range", "NRange", "Mask", "RegEx"}

// String returns the end of the element's name, as in "GtEq".
func (t Test) String() string {
	if int(t) < len(testNames) {
		return testNames[t]
	}
	return "?"
}

func (t Test) isRange() bool { return t == InRange || t == NotInRange }

// Operator is one condition of a search. A thing without such a tag, or with one of the other type, does not meet it, not
// even NotEqual and NotInRange. Where and its sisters make one.
type Operator struct {
	Test         Test
	Numeric      bool   // of numeric tags; else of text
	Name         string // of the tag; ":" means "_", since names cannot hold it but those of interfaces are URNs
	NameWildcard string // stands for any characters in Name; empty for none
	Value        Value  // what is compared with: a constant, mask or expression, or the lower end of a range
	Upper        Value  // the upper end of a range
	LowerOpen    bool   // the lower end is not in the range
	UpperOpen    bool   // the upper end is not in the range
	Wildcard     string // stands for any characters in a mask
}

// Value is text, or a number and how it was written.
type Value struct {
	Text   string
	Number float64
}

// Where returns an operator on a text tag. Test is none of InRange, NotInRange and Mask, which need more.
func Where(name string, test Test, value string) Operator {
	return Operator{Test: test, Name: name, Value: Value{Text: value}}
}

// WhereNum returns an operator on a numeric tag, with one of the first six Tests.
func WhereNum(name string, test Test, value float64) Operator {
	return Operator{Test: test, Numeric: true, Name: name, Value: number(value)}
}

// WhereMask returns an operator on a text tag that looks like mask, in which wildcard stands for any characters.
func WhereMask(name, mask, wildcard string) Operator {
	return Operator{Test: Mask, Name: name, Value: Value{Text: mask}, Wildcard: wildcard}
}

// WhereRange returns an operator on a text tag from lower to upper, both included.
func WhereRange(name, lower, upper string) Operator {
	return Operator{Test: InRange, Name: name, Value: Value{Text: lower}, Upper: Value{Text: upper}}
}

// WhereNumRange returns an operator on a numeric tag from lower to upper, both included.
func WhereNumRange(name string, lower, upper float64) Operator {
	return Operator{Test: InRange, Numeric: true, Name: name, Value: number(lower), Upper: number(upper)}
}

func number(v float64) Value { return Value{iot.FormatDouble(v), v} }

// ParseSearch reads a <search/>. Operators are checked further by Compile. The error is BadRequest; so it is for an operator
// that does not exist, because a search without it would find too much.
func ParseSearch(el *xmlstream.Element) (Search, error) {
	if _, err := expect(el, "search"); err != nil {
		return Search{}, err
	}
	var s Search
	var err error
	if s.Page, err = iot.ParsePage(el); err != nil {
		return Search{}, err
	}
	if s.Distributed, err = iot.BoolAttr(el, "distributed", false); err != nil {
		return Search{}, err
	}
	for c := range el.Children() {
		if c.Space() != el.Space() {
			continue
		}
		if len(s.Operators) == MaxOperators {
			return Search{}, errTooManyOperators
		}
		op, err := parseOperator(c)
		if err != nil {
			return Search{}, err
		}
		s.Operators = append(s.Operators, op)
	}
	if len(s.Operators) == 0 {
		return Search{}, errNoOperator
	}
	return s, nil
}

var (
	errTooManyOperators = stanza.BadRequest.With("more than %d operators", MaxOperators)
	errNoOperator       = stanza.BadRequest.With("a search needs an operator")
)

// parseOperator reads one condition.
func parseOperator(el *xmlstream.Element) (Operator, error) {
	op, ok := operatorNamed(el.Local())
	if !ok {
		return Operator{}, stanza.BadRequest.With("no operator <%s/>", el.Local())
	}
	op.Name = el.Attr("name")
	op.NameWildcard = el.Attr("nameWildcard")
	op.Wildcard = el.Attr("wildcard")
	var err error
	if !op.Test.isRange() {
		op.Value, err = op.parseValue(el, "value")
		return op, err
	}
	if op.Value, err = op.parseValue(el, "min"); err != nil {
		return Operator{}, err
	}
	if op.Upper, err = op.parseValue(el, "max"); err != nil {
		return Operator{}, err
	}
	lower, err := iot.BoolAttr(el, "minIncluded", true)
	if err != nil {
		return Operator{}, err
	}
	upper, err := iot.BoolAttr(el, "maxIncluded", true)
	op.LowerOpen, op.UpperOpen = !lower, !upper
	return op, err
}

// operatorNamed returns the operator that an element's name stands for, of those that exist.
func operatorNamed(local string) (Operator, bool) {
	end, isNum := strings.CutPrefix(local, "num")
	if !isNum {
		var isStr bool
		if end, isStr = strings.CutPrefix(local, "str"); !isStr {
			return Operator{}, false
		}
	}
	for t, name := range testNames {
		if name == end && !(isNum && Test(t) >= Mask) {
			return Operator{Test: Test(t), Numeric: isNum}, true
		}
	}
	return Operator{}, false
}

// parseValue reads an attribute that must be there; an empty text is a value like others.
func (op Operator) parseValue(el *xmlstream.Element, name string) (Value, error) {
	text, ok := el.LookupAttr("", name)
	if !ok {
		return Value{}, stanza.BadRequest.With("<%s/> needs the attribute %s", el.Local(), name)
	}
	if !op.Numeric {
		return Value{Text: text}, nil
	}
	n, ok := iot.ParseDouble(text)
	if !ok {
		return Value{}, stanza.BadRequest.With("the attribute %s is no number", name)
	}
	return Value{text, n}, nil
}

// Element returns the request in a generation.
func (s Search) Element(g iot.Generation) *xmlstream.Element {
	_, ns := Space.For(g)
	parts := s.Page.Parts()
	if s.Distributed {
		parts = append(parts, iot.Bool("distributed", true))
	}
	for _, op := range s.Operators {
		parts = append(parts, op.element(ns))
	}
	return xmlstream.New(ns, "search", parts...)
}

func (op Operator) element(space string) *xmlstream.Element {
	local := "str" + op.Test.String()
	if op.Numeric {
		local = "num" + op.Test.String()
	}
	parts := []xmlstream.Part{xmlstream.A("name", op.Name)}
	if op.NameWildcard != "" {
		parts = append(parts, xmlstream.A("nameWildcard", op.NameWildcard))
	}
	switch {
	case op.Test.isRange():
		parts = append(
			parts,
			xmlstream.A("min", op.Value.Text), iot.Bool("minIncluded", !op.LowerOpen),
			xmlstream.A("max", op.Upper.Text), iot.Bool("maxIncluded", !op.UpperOpen),
		)
	case op.Test == Mask:
		parts = append(parts, xmlstream.A("value", op.Value.Text), xmlstream.A("wildcard", op.Wildcard))
	default:
		parts = append(parts, xmlstream.A("value", op.Value.Text))
	}
	return xmlstream.New(space, local, parts...)
}
