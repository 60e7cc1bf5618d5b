package sasl

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// errGrammar: a SCRAM message does not follow RFC 5802 §7.
var errGrammar = errors.New("SCRAM message violates its grammar")

// clientFirst is client-first-message.
type clientFirst struct {
	gs2      string // gs2-header as sent, which the final message must repeat
	flag     byte   // 'n' cannot bind, 'y' thinks that the server cannot, 'p' binds
	binding  string // cb-name after 'p'
	authzID  string
	username string
	nonce    string
	bare     string // client-first-message-bare, signed by both
}

func parseClientFirst(msg string) (m clientFirst, err error) {
	flag, rest, ok1 := strings.Cut(msg, ",")
	authz, bare, ok2 := strings.Cut(rest, ",")
	if !ok1 || !ok2 || !valueText(msg) {
		return m, errGrammar
	}
	m.gs2, m.bare = msg[:len(msg)-len(bare)], bare
	if m.flag, m.binding, ok1 = parseFlag(flag); !ok1 {
		return m, errGrammar
	}
	if authz != "" {
		name, ok := strings.CutPrefix(authz, "a=")
		if m.authzID, ok2 = unescape(name); !ok || !ok2 {
			return m, errGrammar
		}
	}
	f := newFields(bare)
	if m.username, ok1 = unescape(f.take('n')); !ok1 {
		return m, errGrammar
	}
	m.nonce = f.take('r')
	if f.end() != nil || !printable(m.nonce) {
		return m, errGrammar
	}
	return m, nil
}

// parseFlag reads gs2-cbind-flag.
func parseFlag(s string) (flag byte, name string, ok bool) {
	if s == "n" || s == "y" {
		return s[0], "", true
	}
	name, ok = strings.CutPrefix(s, "p=")
	return 'p', name, ok && name != "" && printable(name)
}

// clientFinal is client-final-message.
type clientFinal struct {
	binding      []byte // gs2-header and channel binding data
	nonce        string
	proof        []byte
	withoutProof string // signed by both
}

func parseClientFinal(msg string) (m clientFinal, err error) {
	i := strings.LastIndex(msg, ",p=")
	if i < 0 || !valueText(msg) {
		return m, errGrammar
	}
	m.withoutProof = msg[:i]
	var ok1, ok2 bool
	m.proof, ok1 = decode(msg[i+len(",p="):])
	f := newFields(m.withoutProof)
	m.binding, ok2 = decode(f.take('c'))
	m.nonce = f.take('r')
	if f.end() != nil || !ok1 || !ok2 {
		return m, errGrammar
	}
	return m, nil
}

// serverFirst is server-first-message.
type serverFirst struct {
	nonce      string
	salt       []byte
	iterations int
}

func parseServerFirst(msg string) (m serverFirst, err error) {
	if !valueText(msg) {
		return m, errGrammar
	}
	f := newFields(msg)
	m.nonce = f.take('r')
	var ok bool
	m.salt, ok = decode(f.take('s'))
	count := f.take('i')
	if f.end() != nil || !ok || !printable(m.nonce) || count[0] == '0' {
		return m, errGrammar
	}
	n, err := strconv.ParseUint(count, 10, 31)
	if errors.Is(err, strconv.ErrRange) {
		return m, fmt.Errorf("%w: %s", ErrIterations, count)
	}
	if err != nil {
		return m, errGrammar
	}
	m.iterations = int(n)
	return m, nil
}

// parseServerFinal reads server-final-message: either the server's signature, or the name of an error.
func parseServerFinal(msg string) (signature []byte, refusal string, err error) {
	if !valueText(msg) {
		return nil, "", errGrammar
	}
	f := newFields(msg)
	if strings.HasPrefix(msg, "e=") {
		refusal = f.take('e')
		return nil, refusal, f.end()
	}
	signature, ok := decode(f.take('v'))
	if !ok {
		return nil, "", errGrammar
	}
	return signature, "", f.end()
}

// fields walks over the attributes of a message, which have an order. The first error sticks until end.
type fields struct {
	rest string
	more bool
	err  error
}

func newFields(s string) fields { return fields{rest: s, more: true} }

// take returns the value of the next attribute, which must have this name and not be empty. So "m=" is refused
// wherever it stands: no mandatory extension is known. RFC 5802 §5.1
func (f *fields) take(name byte) string {
	var field string
	if f.more {
		field, f.rest, f.more = strings.Cut(f.rest, ",")
	}
	if len(field) < 3 || field[0] != name || field[1] != '=' {
		f.err = errGrammar
		return ""
	}
	return field[2:]
}

// end passes over extensions, which are ignored when unknown, and returns the first error.
func (f *fields) end() error {
	for f.more && f.err == nil {
		if f.rest == "" || f.rest[0] == 'm' || !letter(f.rest[0]) {
			return errGrammar
		}
		f.take(f.rest[0])
	}
	return f.err
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// valueText tells that a message is UTF-8 without NUL and within the limit; commas have been cut away.
func valueText(s string) bool {
	return len(s) <= maxMessage && utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// printable is the grammar's 1*printable, of nonces.
func printable(s string) bool {
	return s != "" && printableASCII(s) && !strings.ContainsAny(s, " ,")
}

// escape writes a saslname.
func escape(s string) string {
	return strings.NewReplacer("=", "=3D", ",", "=2C").Replace(s)
}

// unescape reads a saslname. An '=' that starts neither =2C nor =3D is an error. RFC 5802 §5.1
func unescape(s string) (string, bool) {
	if strings.IndexByte(s, '=') < 0 {
		return s, s != ""
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "=")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		switch {
		case strings.HasPrefix(after, "2C"):
			b.WriteByte(',')
		case strings.HasPrefix(after, "3D"):
			b.WriteByte('=')
		default:
			return "", false
		}
		s = after[2:]
	}
}

func encode(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

// decode reads base64 as the grammar has it: not empty, and without the line breaks that Go lets pass.
func decode(s string) ([]byte, bool) {
	if s == "" || strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	data, err := base64.StdEncoding.Strict().DecodeString(s)
	return data, err == nil
}
