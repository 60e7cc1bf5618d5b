package xmlstream

import (
	"errors"
	"fmt"
)

// The conditions of a SyntaxError: names of the stream errors to answer with (RFC 6120 §4.9.3).
const (
	// BadFormat is for XML that cannot be processed: text between the children of the stream. §4.9.3.1
	BadFormat = "bad-format"
	// BadNamespacePrefix is for a prefix that nothing in scope declares. §4.9.3.2
	BadNamespacePrefix = "bad-namespace-prefix"
	// NotWellFormed is for what violates XML 1.0 or Namespaces in XML 1.0. §4.9.3.13, §11.3
	NotWellFormed = "not-well-formed"
	// PolicyViolation is for what exceeds a limit. §4.9.3.14
	PolicyViolation = "policy-violation"
	// RestrictedXML is for comments, processing instructions, document type declarations and entity references
	// other than the predefined five. §4.9.3.18, §11.1
	RestrictedXML = "restricted-xml"
	// UnsupportedEncoding is for another encoding than UTF-8, and for bytes that are not UTF-8. §4.9.3.22, §11.6
	UnsupportedEncoding = "unsupported-encoding"
)

// SyntaxError says why input was refused. A stream cannot be read on after one.
type SyntaxError struct {
	Condition string // of the stream error to send, one of the constants of this package
	Detail    string // for a log: what was wrong, without quoting the peer
	Offset    int64  // of the offending byte, counted from where the stream or document began
}

// Error returns condition, detail and offset in one line.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("xmlstream: %s at byte %d: %s", e.Condition, e.Offset, e.Detail)
}

// errUnderWay is what Reset returns when a peer must not start a new stream yet.
var errUnderWay = errors.New("xmlstream: reset inside an element")

// fail makes a SyntaxError sticky. The offset is counted from the start of the element under way. It returns false, as
// the steps do that call it last.
func (t *Tokenizer) fail(at int, condition, detail string) bool {
	if t.err == nil {
		t.err = &SyntaxError{condition, detail, t.base + int64(t.start+at)}
	}
	return false
}
