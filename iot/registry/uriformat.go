package registry

import (
	"errors"
	"strings"
)

var (
	errNotInURI = errors.New("registry: a URI cannot hold this operator")
	errNothing  = errors.New("registry: a URI needs a tag or an operator")
)

// Format returns the URI. Names and values are percent-encoded, which clients read that put a backslash before ";" and "\"
// too. The error says that a search has something that URIs cannot say: a regular expression, a wildcard in a name, or a
// range whose ends are crossed; or that a claim has no KEY and would be read as a search.
func (u URI) Format() (string, error) {
	var items []string
	for _, e := range u.Claim.list {
		items = append(items, formatItem(e.Numeric, e.Name, "=", e.Text))
	}
	if _, ok := u.Claim.Get(KeyTag); u.IsClaim() != ok {
		return "", errNothing
	}
	for _, op := range u.Search {
		more, err := op.items()
		if err != nil {
			return "", err
		}
		items = append(items, more...)
	}
	if !u.Registry.IsZero() {
		items = append(items, formatItem(false, RegistryTag, "=", u.Registry.String()))
	}
	return "iotdisco:" + strings.Join(items, ";"), nil
}

func formatItem(numeric bool, name, sign, value string) string {
	if numeric {
		return "#" + encodeName(name) + sign + percentEncode(value)
	}
	return encodeName(name) + sign + percentEncode(value)
}

var signs = [...]string{Equal: "=", NotEqual: "<>", Greater: ">", GreaterOrEqual: ">=", Less: "<", LessOrEqual: "<="}

// items returns the operator as one item, or as two that are the ends of a range.
func (op Operator) items() ([]string, error) {
	name := strings.ReplaceAll(op.Name, ":", "_")
	if op.NameWildcard != "" || !isName(name) || strings.EqualFold(name, KeyTag) || strings.EqualFold(name, RegistryTag) {
		return nil, errNotInURI
	}
	if int(op.Test) < len(signs) {
		return []string{formatItem(op.Numeric, name, signs[op.Test], op.Value.Text)}, nil
	}
	switch op.Test {
	case InRange, NotInRange:
		return op.rangeItems(name)
	case Mask:
		return op.maskItem(name)
	}
	return nil, errNotInURI
}

// rangeItems is the inverse of joinRange.
func (op Operator) rangeItems(name string) ([]string, error) {
	if op.isCrossed() {
		return nil, errNotInURI
	}
	lower, upper := GreaterOrEqual, LessOrEqual
	if op.LowerOpen {
		lower = Greater
	}
	if op.UpperOpen {
		upper = Less
	}
	if op.Test == InRange {
		return []string{
			formatItem(op.Numeric, name, signs[lower], op.Value.Text),
			formatItem(op.Numeric, name, signs[upper], op.Upper.Text),
		}, nil
	}
	swapped := op
	swapped.Value, swapped.Upper = op.Upper, op.Value
	if !swapped.isCrossed() { // the ends are the same, and would be read as those of a range
		return nil, errNotInURI
	}
	below, above := Less, Greater
	if op.LowerOpen {
		below = LessOrEqual
	}
	if op.UpperOpen {
		above = GreaterOrEqual
	}
	return []string{
		formatItem(op.Numeric, name, signs[below], op.Value.Text),
		formatItem(op.Numeric, name, signs[above], op.Upper.Text),
	}, nil
}

// maskItem writes the mask with a wildcard that needs no encoding and is not in its text.
func (op Operator) maskItem(name string) ([]string, error) {
	if op.Wildcard == "" || op.Numeric {
		return nil, errNotInURI
	}
	parts := strings.Split(op.Value.Text, op.Wildcard)
	literal := strings.Join(parts, "")
	for _, w := range "*?!$'(),_" {
		if strings.ContainsRune(literal, w) {
			continue
		}
		for i := range parts {
			parts[i] = percentEncode(parts[i])
		}
		return []string{encodeName(name) + "~" + string(w) + strings.Join(parts, string(w))}, nil
	}
	return nil, errNotInURI
}
