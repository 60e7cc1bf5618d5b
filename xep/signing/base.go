package signing

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/comity-iot/comity/xmpp/form"
)

// way is one reading of how the text under a signature is made.
type way struct {
	compare func(a, b string) int // the order of vars
	escape  func(string) string
}

// ways in the order that Verify tries them. The first is the one of XEP-0348.
var ways = [...]way{
	{strings.Compare, escapeUTF8},
	{strings.Compare, escapeUTF16},
	{compareFold, escapeUTF8},
	{compareFold, escapeUTF16},
}

// sign returns Base64(HMAC-SHA1(…)) of the form (XEP-0348#signature).
func (w way) sign(f *form.Form, to, secret, tokenSecret string) string {
	mac := hmac.New(sha1.New, []byte(w.escape(secret)+"&"+w.escape(tokenSecret)))
	mac.Write([]byte(w.base(f, to)))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// base returns the signature base string (XEP-0348#bstr).
func (w way) base(f *form.Form, to string) string {
	return w.escape(string(f.Type)) + "&" + w.escape(to) + "&" + w.escape(w.parameters(f))
}

// parameters returns the parameter string (XEP-0348#pstr).
func (w way) parameters(f *form.Form) string {
	var b strings.Builder
	for _, v := range w.sorted(f) {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(w.escape(v))
		b.WriteByte('=')
		b.WriteString(w.escape(f.String(v)))
	}
	return b.String()
}

// sorted returns the vars that are signed (XEP-0348#sortparameters).
func (w way) sorted(f *form.Form) []string {
	var vars []string
	for i := range f.Fields {
		switch v := f.Fields[i].Var; v {
		case "", varTokenSecret, varSignature:
		default:
			vars = append(vars, v)
		}
	}
	slices.SortFunc(vars, w.compare)
	return vars
}

// compareFold orders as a culture's collation does the names that occur in practice: letters without regard to their case, and
// the underscore before all of them.
func compareFold(a, b string) int {
	return cmp.Or(strings.Compare(strings.ToLower(a), strings.ToLower(b)), strings.Compare(a, b))
}

// escapeUTF8 is Escape(s) of XEP-0348#signingform: in NFC, every octet but the unreserved ones of RFC 3986 §2.3 as %XX.
func escapeUTF8(s string) string {
	s = norm.NFC.String(s)
	b := make([]byte, 0, len(s)+len(s)/2)
	for i := range len(s) {
		if isUnreserved(s[i]) {
			b = append(b, s[i])
		} else {
			b = append(b, '%', hexDigits[s[i]>>4], hexDigits[s[i]&15])
		}
	}
	return string(b)
}

// escapeUTF16 is the Escape of existing clients: one escape for each UTF-16 unit, of as many digits as it needs, but two at
// least.
func escapeUTF16(s string) string {
	s = norm.NFC.String(s)
	b := make([]byte, 0, len(s)+len(s)/2)
	for _, unit := range utf16.Encode([]rune(s)) {
		if unit < utf8.RuneSelf && isUnreserved(byte(unit)) {
			b = append(b, byte(unit))
			continue
		}
		b = append(b, '%')
		for shift := (max(bits.Len16(unit), 5) - 1) / 4 * 4; shift >= 0; shift -= 4 {
			b = append(b, hexDigits[unit>>shift&15])
		}
	}
	return string(b)
}

const hexDigits = "0123456789ABCDEF"

func isUnreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}
