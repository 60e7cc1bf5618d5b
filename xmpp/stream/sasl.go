package stream

import (
	"encoding/base64"

	"github.com/comity-iot/comity/xmpp/sasl"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Mechanisms makes the SASL feature, RFC 6120 §6.4.1.
func Mechanisms(names []string) *xmlstream.Element {
	parts := make([]xmlstream.Part, len(names))
	for i, n := range names {
		parts[i] = xmlstream.New(NSSASL, "mechanism", xmlstream.Text(n))
	}
	return xmlstream.New(NSSASL, "mechanisms", parts...)
}

// SASL makes an element of the exchange: auth, challenge, response or success. Data that is nil is left out; data that is
// there but empty is sent as "=" (RFC 6120 §6.4.2).
func SASL(local string, data []byte, attrs ...xmlstream.Attr) *xmlstream.Element {
	el := xmlstream.New(NSSASL, local)
	for _, a := range attrs {
		el = el.With(a)
	}
	switch {
	case data == nil:
		return el
	case len(data) == 0:
		return el.With(xmlstream.Text("="))
	}
	return el.With(xmlstream.Text(base64.StdEncoding.EncodeToString(data)))
}

// SASLData returns what an element of the exchange carries, nil for nothing. The error is a *sasl.Failure.
func SASLData(el *xmlstream.Element) ([]byte, error) {
	switch text := el.Text(); text {
	case "":
		return nil, nil
	case "=":
		return []byte{}, nil
	default:
		data, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil {
			return nil, sasl.IncorrectEncoding // RFC 6120 §6.5.5
		}
		return data, nil
	}
}

// Failure makes the SASL failure of a condition, RFC 6120 §6.5.
func Failure(condition string) *xmlstream.Element {
	return xmlstream.New(NSSASL, "failure", xmlstream.New(NSSASL, condition))
}
