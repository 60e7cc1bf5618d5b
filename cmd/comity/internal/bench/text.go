package bench

import (
	"strings"

	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// raw is XML as it is sent.
type raw string

// AppendXML implements xmlstream.Appender.
func (r raw) AppendXML(dst []byte, _ string) []byte { return append(dst, r...) }

const sentence = "The meter in the cellar says that all is well with it, and that it is not too warm there. "

// filler returns n bytes of text as people write it.
func filler(n int) string {
	return strings.Repeat(sentence, n/len(sentence)+1)[:n]
}

// attr returns " name='value'".
func attr(name, value string) string { return string(xmlstream.AppendAttr(nil, name, value)) }

// nsBench is the namespace of payloads that nobody but us has to understand.
const nsBench = "urn:comity:bench"

// payload returns an element of exactly n bytes. It says xmlns itself, so that it may stand anywhere.
func payload(n int) string {
	const head, tail = "<data xmlns='" + nsBench + "'>", "</data>"
	return head + filler(max(n-len(head)-len(tail), 0)) + tail
}
