package signing

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// What the vectors have in common. The keys and values are throw-away.
var (
	key   = Key{ID: "3b9ee7c8f2a64a1d8f3d7a6d0c5be210", Secret: "s3cr3t/Key+with=chars&more"}
	token = Token{ID: "tok-7Zk2", Secret: "ts_91.b~x"}
	at    = time.Unix(1545730073, 0)
)

const nonce = "00112233445566778899aabbccddeeff"

// submit returns the registration form of a thing, filled in.
func submit(password string, more ...form.Field) *form.Form {
	f := form.New(form.TypeSubmit, FormType, form.Value("username", "thing01"), form.Value("password", password))
	f.Fields = append(f.Fields, more...)
	return f
}

const password = "Pa ss;w0rd!~"

var email = form.Value("email", "a@example.org")

// vectors were computed apart from this package.
var vectors = []struct {
	name      string
	form      *form.Form
	token     Token
	to        string
	way       int
	signature string
}{
	{"A: no destination", submit(password), token, "", 0, "UKXpZUHBJK5SlXUwRHN7d/VmgwE="},
	{"B: a destination", submit(password), token, "example.org", 0, "n2FH62rERA9v7q0k2d1lzjLQX6Q="},
	{"C1: escapes of UTF-8", submit("på€"), token, "", 0, "FuoHNLiBBPfMZ0m3JaJRFcBgzRw="},
	{"C2: escapes of UTF-16", submit("på€"), token, "", 1, "VDBtQbA6Z052F65byQ+wnNnQuA8="},
	{"D1: sorted by code point", submit(password, email), token, "", 0, "QMEoshrncXILLo4yDn4x+9HaT4I="},
	{"D2: sorted without case", submit(password, email), token, "", 2, "Kg4uhrrgeVFS3IXLuJq8shLJUio="},
	{"E: no token", submit(password), Token{}, "", 0, "mXluN1K+VDtXU6qoz0rDUwkSy0A="},
}

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			signed, err := Sign(v.form, key, v.token, nonce, at, v.to)
			if err != nil {
				t.Fatal(err)
			}
			if got := ways[v.way].sign(signed, v.to, key.Secret, v.token.Secret); got != v.signature {
				t.Errorf("signed %s, want %s", got, v.signature)
			}
			if v.way == 0 && signed.String(varSignature) != escapeUTF8(v.signature) {
				t.Errorf("the field is %s", signed.String(varSignature))
			}
			for _, field := range []string{v.signature, escapeUTF8(v.signature)} {
				signed.Set(varSignature, field)
				if err := Verify(signed, key.Secret, v.token, "", "example.org"); err != nil {
					t.Errorf("%s is refused: %v", field, err)
				}
			}
		})
	}
}

func TestBase(t *testing.T) {
	signed, err := Sign(submit(password), key, token, nonce, at, "")
	if err != nil {
		t.Fatal(err)
	}
	const p = "FORM_TYPE=urn%3Axmpp%3Axdata%3Asignature%3Aoauth1&oauth_consumer_key=3b9ee7c8f2a64a1d8f3d7a6d0c5be210&oauth_nonce=00112233445566778899aabbccddeeff&oauth_signature_method=HMAC-SHA1&oauth_timestamp=1545730073&oauth_token=tok-7Zk2&oauth_version=1.0&password=Pa%20ss%3Bw0rd%21~&username=thing01"
	if got := ways[0].parameters(signed); got != p {
		t.Errorf("parameter string\n%s, want\n%s", got, p)
	}
	base := ways[0].base(signed, "")
	if !strings.HasPrefix(base, "submit&&FORM_TYPE%3Durn%253Axmpp%253Axdata%253A") ||
		!strings.HasSuffix(base, "password%3DPa%2520ss%253Bw0rd%2521~%26username%3Dthing01") {
		t.Errorf("base string\n%s", base)
	}
}

func TestEscape(t *testing.T) {
	for _, c := range [][3]string{
		{"aZ09-._~", "aZ09-._~", "aZ09-._~"},
		{" \n", "%20%0A", "%20%0A"},
		{"å€", "%C3%A5%E2%82%AC", "%E5%20AC"},
		{"a\u030a", "%C3%A5", "%E5"}, // becomes å in NFC
		{"ā😀", "%C4%81%F0%9F%98%80", "%101%D83D%DE00"},
	} {
		if got := escapeUTF8(c[0]); got != c[1] {
			t.Errorf("%q in UTF-8 is %s, want %s", c[0], got, c[1])
		}
		if got := escapeUTF16(c[0]); got != c[2] {
			t.Errorf("%q in UTF-16 is %s, want %s", c[0], got, c[2])
		}
	}
}

// The first destination that fits is taken, and no other address counts.
func TestDestinations(t *testing.T) {
	all := Destinations(jid.MustParse("reg.example.org"), "example.org")
	for _, to := range []string{"", "reg.example.org", "example.org"} {
		signed, err := Sign(submit(password), key, token, nonce, at, to)
		if err != nil {
			t.Fatal(err)
		}
		if err := Verify(signed, key.Secret, token, all...); err != nil {
			t.Errorf("signed for %q: %v", to, err)
		}
		if err := Verify(signed, key.Secret, token, "example.net"); !errors.Is(err, stanza.BadRequest) {
			t.Errorf("signed for %q, verified for another: %v", to, err)
		}
	}
	if got := Destinations(jid.JID{}, "example.org"); len(got) != 2 {
		t.Errorf("a stanza without to leaves %q", got)
	}
}

func TestVerifyRefuses(t *testing.T) {
	for name, change := range map[string]func(*form.Form){
		"another value":         func(f *form.Form) { f.Set("username", "thing02") },
		"a field more":          func(f *form.Form) { f.Set("zone", "1") },
		"another key":           func(f *form.Form) { f.Set(varKey, "other") },
		"another nonce":         func(f *form.Form) { f.Set(varNonce, "other") },
		"no nonce":              func(f *form.Form) { f.Set(varNonce, "") },
		"another time":          func(f *form.Form) { f.Set(varTimestamp, "1545730074") },
		"no time":               func(f *form.Form) { f.Set(varTimestamp, "now") },
		"a time before 1970":    func(f *form.Form) { f.Set(varTimestamp, "-1") },
		"another token":         func(f *form.Form) { f.Set(varToken, "other") },
		"another version":       func(f *form.Form) { f.Set(varVersion, "2.0") },
		"RSA":                   func(f *form.Form) { f.Set(varMethod, "RSA-SHA1") },
		"no signature":          func(f *form.Form) { f.Set(varSignature, "") },
		"lower-case escapes":    func(f *form.Form) { f.Set(varSignature, strings.ToLower(f.String(varSignature))) },
		"a signature cut short": func(f *form.Form) { f.Set(varSignature, "UKXp") },
		"another FORM_TYPE":     func(f *form.Form) { f.Set(form.FormType, "jabber:iq:register") },
		"a result":              func(f *form.Form) { f.Type = form.TypeResult },
		"a plain text secret": func(f *form.Form) {
			f.Set(varMethod, "PLAINTEXT")
			f.Set(varSignature, escapeUTF8(key.Secret)+escapeUTF8(token.Secret))
		},
		"more than is signed": func(f *form.Form) { f.Set("username", strings.Repeat("x", maxSigned)) },
	} {
		signed, err := Sign(submit(password), key, token, nonce, at, "")
		if err != nil {
			t.Fatal(err)
		}
		change(signed)
		if err := Verify(signed, key.Secret, token, ""); !errors.Is(err, stanza.BadRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	signed, err := Sign(submit(password), key, token, nonce, at, "")
	if err != nil {
		t.Fatal(err)
	}
	if Verify(signed, "another", token, "") == nil || Verify(signed, key.Secret, Token{token.ID, "other"}, "") == nil {
		t.Error("another secret is accepted")
	}
}

// The field of the token's secret is not signed, and what a client sends back in it does not matter.
func TestTokenSecretIsNotSigned(t *testing.T) {
	signed, err := Sign(submit(password), key, token, nonce, at, "")
	if err != nil {
		t.Fatal(err)
	}
	signed.Set(varTokenSecret, "")
	if err := Verify(signed, key.Secret, token, ""); err != nil {
		t.Error(err)
	}
}

// A client answers the form of a service: the whole way over XML but for the stream.
func TestRoundTrip(t *testing.T) {
	asked := form.New(form.TypeForm, "", Fields(token)...)
	asked.Title = "Create account"
	asked.Fields = append(asked.Fields,
		form.Field{Var: "username", Type: form.TextSingle, Label: "User name", Required: true},
		form.Field{Var: "password", Type: form.TextPrivate, Label: "Password", Required: true})
	received, err := form.Parse(asked.Element())
	if err != nil || !Wanted(received) {
		t.Fatalf("wanted %v, %v", Wanted(received), err)
	}
	answer, err := received.Submit(map[string][]string{"username": {"thing01"}, "password": {password}})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := Sign(answer, key, token, nonce, at, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := form.Parse(signed.Element()); err != nil || Verify(got, key.Secret, token, "") != nil {
		t.Errorf("%v, %v", err, Verify(got, key.Secret, token, ""))
	}
	claim, err := Read(signed)
	if err != nil || claim != (Claim{key.ID, token.ID, nonce, at.UTC()}) {
		t.Errorf("read %+v, %v", claim, err)
	}
	if err := asked.Check(signed); err != nil {
		t.Error(err)
	}
}

func TestSignRefusesOtherForms(t *testing.T) {
	if _, err := Sign(form.New(form.TypeSubmit, "jabber:iq:register"), key, token, nonce, at, ""); err == nil {
		t.Error("a form that does not want it was signed")
	}
	if Wanted(form.New(form.TypeForm, FormType)) {
		t.Error("a form without the fields of a signature wants one")
	}
}

func FuzzVerify(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.form.String("password"), "gender", "x", v.to, escapeUTF8(v.signature))
	}
	f.Fuzz(func(t *testing.T, password, name, value, to, forged string) {
		if strings.HasPrefix(name, "oauth_") || name == form.FormType || name == "" || name == "password" || name == "username" {
			return
		}
		s := submit(password, form.Value(name, value))
		signed, err := Sign(s, key, token, nonce, at, to)
		if err != nil {
			t.Fatal(err)
		}
		if err := Verify(signed, key.Secret, token, to); err != nil && signedSize(signed) <= maxSigned {
			t.Errorf("what was signed is refused: %v", err)
		}
		good := signed.String(varSignature)
		signed.Set(varSignature, forged)
		if Verify(signed, key.Secret, Token{token.ID, "unknown"}, to) == nil {
			t.Errorf("%q was forged, %q would be right", forged, good)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	signed, err := Sign(submit(password), key, token, nonce, at, "")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if Verify(signed, "wrong", token, "", "example.org") == nil {
			b.Fatal("a wrong secret is accepted")
		}
	}
}
