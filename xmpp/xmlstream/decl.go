package xmlstream

import (
	"bytes"
	"strings"
)

// maxDeclaration is the length that an XML declaration may have, in bytes. The longest sensible one has 60.
const maxDeclaration = 256

// declaration passes over <?xml version='1.0' …?>, which is allowed at the very start of a stream only.
// RFC 6120 §11.5
func (t *Tokenizer) declaration(w []byte) bool {
	const open = "<?xml"
	n := min(len(w), len(open))
	switch {
	case string(w[:n]) != open[:n]:
		return t.fail(0, RestrictedXML, "processing instruction")
	case len(w) <= len(open):
		return false
	case isNameByte(w[len(open)]):
		return t.fail(0, RestrictedXML, "processing instruction")
	}
	i := bytes.IndexByte(w[t.pos:min(len(w), maxDeclaration)], '>')
	if i < 0 {
		if len(w) >= maxDeclaration {
			return t.fail(0, NotWellFormed, "XML declaration too long")
		}
		return t.starve(len(w))
	}
	end := t.pos + i
	if condition, detail := checkDeclaration(string(w[len(open):end])); condition != "" {
		return t.fail(0, condition, detail)
	}
	t.start += end + 1
	t.state = atProlog
	return true
}

func isNameByte(c byte) bool { return c >= 0x80 || c == ':' || classes[c]&className != 0 }

// checkDeclaration reads what stands between <?xml and >. XML 1.0 §2.8, §2.9, §4.3.3
func checkDeclaration(s string) (condition, detail string) {
	malformed := func() (string, string) { return NotWellFormed, "malformed XML declaration" }
	s, ok := strings.CutSuffix(s, "?")
	if !ok {
		return malformed()
	}
	version, s, ok := pseudoAttr(s, "version")
	if !ok || version != "1.0" {
		return malformed()
	}
	if encoding, rest, ok := pseudoAttr(s, "encoding"); ok {
		if !strings.EqualFold(encoding, "UTF-8") {
			return UnsupportedEncoding, "encoding declared other than UTF-8"
		}
		s = rest
	}
	if standalone, rest, ok := pseudoAttr(s, "standalone"); ok {
		if standalone != "yes" && standalone != "no" {
			return malformed()
		}
		s = rest
	}
	if trimSpace(s) != "" {
		return malformed()
	}
	return "", ""
}

// pseudoAttr cuts one name='value' with white space before it from s.
func pseudoAttr(s, name string) (value, rest string, ok bool) {
	t := trimSpace(s)
	if len(t) == len(s) || !strings.HasPrefix(t, name) {
		return "", s, false
	}
	t, ok = strings.CutPrefix(trimSpace(t[len(name):]), "=")
	if t = trimSpace(t); !ok || t == "" || t[0] != '\'' && t[0] != '"' {
		return "", s, false
	}
	value, rest, ok = strings.Cut(t[1:], t[:1])
	return value, rest, ok
}

// trimSpace removes leading white space of XML.
func trimSpace(s string) string { return strings.TrimLeft(s, " \t\r\n") }
