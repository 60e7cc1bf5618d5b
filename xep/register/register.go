// Package register implements In-Band Registration, XEP-0077 (2.4): accounts are created on a stream that has not logged in yet, and
// their owners change the password or remove the account.
//
// By default only those who hold an API key create accounts: they sign the form (XEP-0348, 0.3), and the account counts against the
// quota of the key. A form is good once, on the stream that it was given out on, and near the time that it was signed at.
//
// Missing: registration with services; redirection to a web page; forms for removal and change of password, though one that a
// client fills in for the latter is understood.
package register

import (
	"strings"

	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

const (
	// NS is the namespace, and the disco feature of a server that registers.
	NS = "jabber:iq:register"
	// NSFeature is the namespace of the stream feature.
	NSFeature = "http://jabber.org/features/iq-register"
)

// Vars of a form. XEP-0077#registrar-formtypes
const (
	varUsername = "username"
	varPassword = "password"
)

// login is what a client asks for, in a form or in elements.
type login struct{ username, password string }

// read returns what the client wants. A form goes before elements (XEP-0077#precedence). The error is a stanza.NotAcceptable where
// something is missing.
func read(query *xmlstream.Element, f *form.Form) (login, error) {
	l := login{query.ChildText(NS, varUsername), query.ChildText(NS, varPassword)}
	if f != nil {
		l = login{f.String(varUsername), f.String(varPassword)}
	}
	l.username = strings.TrimSpace(l.username)
	if l.username == "" || l.password == "" {
		return l, stanza.NotAcceptable.With("a user name and a password are needed") // XEP-0077#usecases-register
	}
	return l, nil
}

// query makes a request of the elements.
func query(parts ...xmlstream.Part) *xmlstream.Element { return xmlstream.New(NS, "query", parts...) }

func child(local, text string) *xmlstream.Element {
	if text == "" {
		return xmlstream.New(NS, local)
	}
	return xmlstream.New(NS, local, xmlstream.Text(text))
}
