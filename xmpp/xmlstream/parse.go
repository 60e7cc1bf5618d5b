package xmlstream

import "bytes"

// Document reads b as one whole document, with the checks that a stream's elements get, and hands out its root element
// as Next does, until the next call. It is for transports whose frames hold one element each (RFC 7395 §3.3). The
// stream that the Tokenizer was reading, if any, is forgotten, and b is used in place: it must not change meanwhile.
// An XML declaration may come first and white space may surround the element. An error is a *SyntaxError.
func (t *Tokenizer) Document(b []byte) error { return t.documentIn("", b) }

// documentIn does so for an element below a default namespace.
func (t *Tokenizer) documentIn(space string, b []byte) error {
	t.kind, t.size, t.start, t.buf = More, 0, 0, b
	t.begin(atStart)
	t.headed, t.docu = true, true
	if space != "" {
		t.def = t.keepSpace(space)
		t.outer.strs = int32(len(t.strs))
	}
	kind, err := t.Next()
	if err != nil {
		return err
	}
	if kind != Complete {
		t.fail(len(t.window()), NotWellFormed, "document ends early")
		return t.err
	}
	rest := bytes.TrimLeft(b[t.start+t.size:], " \t\r\n")
	switch at := len(b) - len(rest) - t.start; {
	case len(rest) == 0:
		return nil
	case bytes.HasPrefix(rest, []byte("<!--")), bytes.HasPrefix(rest, []byte("<?")):
		t.fail(at, RestrictedXML, "comment or processing instruction")
	default:
		t.fail(at, NotWellFormed, "more than one root element")
	}
	t.kind = More
	return t.err
}

// keepSpace makes a ref to a namespace that does not lie in the window.
func (t *Tokenizer) keepSpace(space string) ref {
	if k := knownSpace([]byte(space)); k >= 0 {
		return ref{off: ^k}
	}
	return t.keep(space)
}

// Parse reads one whole document, of which the root element must say its namespace. An error is a *SyntaxError.
func Parse(b []byte, l Limits) (*Element, error) { return ParseIn("", b, l) }

// ParseIn reads one element as it could stand below a default namespace. An error is a *SyntaxError.
func ParseIn(space string, b []byte, l Limits) (*Element, error) {
	t := NewTokenizer(l)
	if err := t.documentIn(space, b); err != nil {
		return nil, err
	}
	return t.Element(), nil
}
