package xmlstream

// Equal reports whether two elements mean the same: the same name, the same attributes in whatever order, and the same
// content, in which it does not matter how character data was cut into pieces. Prefixes are no part of it.
func (e *Element) Equal(o *Element) bool {
	if e == nil || o == nil {
		return e == o
	}
	if e.name != o.name || len(e.attrs) != len(o.attrs) {
		return false
	}
	for i := range e.attrs {
		a := &e.attrs[i]
		if v, ok := o.LookupAttr(a.Name.Space, a.Name.Local); !ok || v != a.Value {
			return false
		}
	}
	mine, theirs := e.nodes, o.nodes
	for {
		var a, b string
		a, mine = leadingText(mine)
		b, theirs = leadingText(theirs)
		if a != b || len(mine) != len(theirs) && (len(mine) == 0 || len(theirs) == 0) {
			return false
		}
		if len(mine) == 0 {
			return true
		}
		if !mine[0].elem.Equal(theirs[0].elem) {
			return false
		}
		mine, theirs = mine[1:], theirs[1:]
	}
}

// leadingText cuts the character data off that nodes begin with, as one.
func leadingText(nodes []node) (string, []node) {
	text := ""
	for len(nodes) > 0 && nodes[0].elem == nil {
		text += nodes[0].text
		nodes = nodes[1:]
	}
	return text, nodes
}
