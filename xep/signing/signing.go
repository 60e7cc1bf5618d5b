// Package signing implements XEP-0348: Signing Forms (0.3), with its one algorithm, OAuth 1.0
// (urn:xmpp:xdata:signature:oauth1), and of its methods HMAC-SHA1.
//
// A manufacturer holds a key with a secret; things that it made sign the form of in-band registration with them, and the
// broker accepts the new account on the manufacturer's behalf. A service appends Fields to its form, reads the answer with
// Read, looks up the secret of the key, and calls Verify.
//
// Missing: the method RSA-SHA1. The method PLAINTEXT is refused, because it sends the secret to whoever asks.
package signing

import (
	"crypto/subtle"
	"strconv"
	"time"

	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// FormType is the FORM_TYPE of a form that is to be signed, and the disco feature of who understands that.
const FormType = "urn:xmpp:xdata:signature:oauth1"

// The vars of the fields that a signature needs (XEP-0348#signingform).
const (
	varVersion     = "oauth_version"
	varMethod      = "oauth_signature_method"
	varToken       = "oauth_token"
	varTokenSecret = "oauth_token_secret"
	varNonce       = "oauth_nonce"
	varTimestamp   = "oauth_timestamp"
	varKey         = "oauth_consumer_key"
	varSignature   = "oauth_signature"
)

const (
	version = "1.0"
	method  = "HMAC-SHA1"
)

// maxSigned bounds the vars and values under a signature in bytes. Whoever sends them is not known yet.
const maxSigned = 4096

// errSignature is for every signature that does not hold: without detail, so that nobody can probe. A form with a bad
// signature is a bad-request (XEP-0348#ibr).
const errSignature = "the form is not signed as it must be"

// Token is what a service gives out with one form, so that an answer fits no other. Both strings may be empty.
type Token struct {
	ID     string
	Secret string // known to whoever saw the form
}

// Key is what a form is signed with.
type Key struct {
	ID     string // the API key; travels with the form
	Secret string // the API secret; never sent
}

// Fields returns the hidden fields that a form to be signed begins with, FORM_TYPE first. All are there even if empty: without
// one of them existing clients submit the form unsigned.
//
// The fields that follow should have vars of lower-case letters that begin with g to z: then all ways to sort agree.
func Fields(t Token) []form.Field {
	var fields []form.Field
	for _, f := range [][2]string{
		{form.FormType, FormType},
		{varVersion, version},
		{varMethod, method},
		{varToken, t.ID},
		{varTokenSecret, t.Secret},
		{varNonce, ""},
		{varTimestamp, ""},
		{varKey, ""},
		{varSignature, ""},
	} {
		fields = append(fields, form.Field{Var: f[0], Type: form.Hidden, Values: []string{f[1]}})
	}
	return fields
}

// Wanted reports whether the form asks to be signed, with all the fields that a signature needs.
func Wanted(f *form.Form) bool {
	if f.FormType() != FormType {
		return false
	}
	for _, field := range Fields(Token{}) {
		if f.Field(field.Var) == nil {
			return false
		}
	}
	return true
}

// Refused is the answer to a form that is not signed as it must be, without detail: nobody is to probe which keys there are. It has
// the old code that XEP-0348#ibr asks for.
func Refused() *stanza.Error {
	e := stanza.BadRequest.With(errSignature)
	e.Code = "400"
	return e
}

// Claim is what a submitted form says about its signature, none of it verified.
type Claim struct {
	Key   string // ID of the key
	Token string // ID of the token
	Nonce string
	Time  time.Time // when it was signed, by the signer's clock, to the second
}

// Read returns the claim of a submitted form. The error is a stanza.BadRequest if one of the fields is missing or has a value
// that this package does not support. Whether the time is near and the nonce is new is for the caller to say.
func Read(submit *form.Form) (Claim, error) {
	c := Claim{Key: submit.String(varKey), Token: submit.String(varToken), Nonce: submit.String(varNonce)}
	seconds, err := strconv.ParseInt(submit.String(varTimestamp), 10, 64)
	switch {
	case submit.Type != form.TypeSubmit,
		submit.FormType() != FormType,
		submit.String(varVersion) != version,
		submit.String(varMethod) != method,
		submit.String(varSignature) == "",
		c.Key == "", c.Nonce == "", err != nil, seconds < 0:
		return Claim{}, Refused()
	}
	c.Time = time.Unix(seconds, 0).UTC()
	return c, nil
}

// Destinations returns the addresses that a form may have been signed for, in the order to try them: none, as existing
// clients have it, then the to of the stanza, then the domain.
func Destinations(to jid.JID, domain string) []string {
	d := []string{""}
	if !to.IsZero() {
		d = append(d, to.String())
	}
	return append(d, domain)
}

// Verify reports whether the submit was signed with the secret of the key that it names, for the token and for one of the
// destinations. The error is a stanza.BadRequest that does not say why.
//
// XEP-0348 leaves room that clients in the field fill differently, so of each of these the first that fits is taken: the
// destination, in the caller's order; the fields sorted by code point, then without regard to case; escapes of UTF-8, then
// of UTF-16 units; and the signature itself escaped or plain.
func Verify(submit *form.Form, secret string, t Token, destinations ...string) error {
	refused := Refused()
	claim, err := Read(submit)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(claim.Token), []byte(t.ID)) != 1 || signedSize(submit) > maxSigned {
		return refused
	}
	given := submit.String(varSignature)
	for _, to := range destinations {
		for _, w := range ways {
			if matches(given, w.sign(submit, to, secret, t.Secret)) {
				return nil
			}
		}
	}
	return refused
}

// matches compares in constant time what was given to a signature in base64 and to the same escaped.
func matches(given, signature string) bool {
	escaped := escapeUTF8(signature)
	return subtle.ConstantTimeCompare([]byte(given), []byte(escaped))|
		subtle.ConstantTimeCompare([]byte(given), []byte(signature)) == 1
}

// Sign returns a copy of the submit that is signed with the key, as XEP-0348 has it. nonce must be new each time and should be
// random; to is the address the form will be sent to, which is empty for the server of a stream without a to.
// The submit holds the fields of Fields or at least its FORM_TYPE; the error is a stanza.NotAcceptable if it does not want
// to be signed.
func Sign(submit *form.Form, k Key, t Token, nonce string, at time.Time, to string) (*form.Form, error) {
	if submit.Type != form.TypeSubmit || submit.FormType() != FormType {
		return nil, stanza.NotAcceptable.With("the form is not one to be signed")
	}
	signed := *submit
	signed.Fields = append([]form.Field(nil), submit.Fields...)
	signed.Set(varVersion, version)
	signed.Set(varMethod, method)
	signed.Set(varToken, t.ID)
	signed.Set(varTokenSecret, t.Secret)
	signed.Set(varNonce, nonce)
	signed.Set(varTimestamp, strconv.FormatInt(at.Unix(), 10))
	signed.Set(varKey, k.ID)
	signed.Set(varSignature, escapeUTF8(ways[0].sign(&signed, to, k.Secret, t.Secret)))
	return &signed, nil
}

// signedSize returns how many bytes a signature of the form covers.
func signedSize(f *form.Form) int {
	n := 0
	for i := range f.Fields {
		n += len(f.Fields[i].Var)
		for _, v := range f.Fields[i].Values {
			n += len(v)
		}
	}
	return n
}
