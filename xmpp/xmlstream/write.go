package xmlstream

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// AppendXML appends the element as XML, to stand where the default namespace is inherited. It needs no other
// declaration around it: elements get an xmlns where their namespace differs, attributes in a namespace a prefix.
//
// What an element was made of can never break a stream. Character data and values are written as by AppendEscaped and
// AppendAttr. In an element's name, what names cannot have becomes an underscore. An attribute whose name is none, or
// would be a namespace declaration, or is in a namespace that cannot be written, is left out.
func (e *Element) AppendXML(dst []byte, inherited string) []byte {
	return e.appendTo(dst, inherited, false)
}

// unknownSpace is inherited where a declaration must not be left out.
const unknownSpace = "\x00"

// appendTo writes the element. In content position, which ends where an element is not in a content namespace, those
// namespaces go without saying and all others are declared; see Content.
func (e *Element) appendTo(dst []byte, inherited string, content bool) []byte {
	if e == nil {
		return dst
	}
	space := e.name.Space
	if content {
		inherited = unknownSpace
		content = isContentSpace(space)
	}
	from := len(dst) + 1
	dst = append(dst, '<')
	if space == SpaceXML { // which can be no default
		dst = append(dst, "xml:"...)
	}
	dst = appendName(dst, e.name.Local)
	nameEnd := len(dst)
	switch {
	case space == SpaceXML || content:
	case space == spaceXMLNS: // which can be nothing
		space = ""
		fallthrough
	default:
		if space != inherited {
			dst = AppendAttr(dst, "xmlns", space)
		}
		inherited = space
	}
	dst = AppendAttrs(dst, e.attrs)
	if len(e.nodes) == 0 {
		return append(dst, "/>"...)
	}
	dst = append(dst, '>')
	for _, n := range e.nodes {
		if n.elem != nil {
			dst = n.elem.appendTo(dst, inherited, content)
		} else {
			dst = AppendEscaped(dst, n.text)
		}
	}
	name := dst[from:nameEnd]
	return append(append(append(dst, "</"...), name...), '>')
}

// AppendAttrs appends attributes, declaring prefixes for those in a namespace. One whose name is none, or would be a
// namespace declaration, is left out.
func AppendAttrs(dst []byte, attrs []Attr) []byte {
	for i, a := range attrs {
		name := a.Name.Local
		switch {
		case !isNCName(name), a.Name.Space == "" && name == "xmlns", a.Name.Space == spaceXMLNS, !isLegal(a.Name.Space):
			continue
		case a.Name.Space == "":
		case a.Name.Space == SpaceXML:
			name = "xml:" + name
		default:
			declares := func(b Attr) bool { return b.Name.Space == a.Name.Space && isNCName(b.Name.Local) }
			first := slices.IndexFunc(attrs[:i+1], declares)
			prefix := "ns" + strconv.Itoa(first)
			if first == i {
				dst = AppendAttr(dst, "xmlns:"+prefix, a.Name.Space)
			}
			name = prefix + ":" + name
		}
		dst = AppendAttr(dst, name, a.Value)
	}
	return dst
}

// appendName appends a local name, made one if it is none.
func appendName(dst []byte, s string) []byte {
	if isNCName(s) {
		return append(dst, s...)
	}
	if r, _ := utf8.DecodeRuneInString(s); !isNameStart(r) || r == utf8.RuneError {
		dst = append(dst, '_')
	}
	return append(dst, strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !isNameChar(r) {
			return '_'
		}
		return r
	}, s)...)
}
