package sasl

import (
	"encoding/base64"
	"testing"
)

// vectors are exchanges published with their secrets.
var vectors = []struct {
	source, name       string
	username, password string
	clientNonce        string
	serverNonce        string
	salt               string
	iterations         int
	transcript         [4]string
}{
	{
		source: "RFC 5802 §5", name: ScramSHA1, username: "user", password: "pencil",
		clientNonce: "fyko+d2lbbFgONRv9qkxdawL", serverNonce: "3rfcNHYJY1ZVvWVs7j",
		salt: "QSXCR+Q6sek8bf92", iterations: 4096,
		transcript: [4]string{
			"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
			"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
			"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
			"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
		},
	},
	{
		source: "RFC 6120 §9.1.2", name: ScramSHA1, username: "juliet", password: "r0m30myr0m30",
		clientNonce: "oMsTAAwAAAAMAAAANP0TAAAAAABPU0AA", serverNonce: "e124695b-69a9-4de6-9c30-b51b3808c59e",
		salt: "NjhkYTM0MDgtNGY0Zi00NjdmLTkxMmUtNDlmNTNmNDNkMDMz", iterations: 4096,
		transcript: [4]string{
			"n,,n=juliet,r=oMsTAAwAAAAMAAAANP0TAAAAAABPU0AA",
			"r=oMsTAAwAAAAMAAAANP0TAAAAAABPU0AAe124695b-69a9-4de6-9c30-b51b3808c59e," +
				"s=NjhkYTM0MDgtNGY0Zi00NjdmLTkxMmUtNDlmNTNmNDNkMDMz,i=4096",
			"c=biws,r=oMsTAAwAAAAMAAAANP0TAAAAAABPU0AAe124695b-69a9-4de6-9c30-b51b3808c59e,p=UA57tM/SvpATBkH2FXs0WDXvJYw=",
			"v=pNNDFVEQxuXxCoSEiW8GEZ+1RSo=",
		},
	},
	{
		source: "RFC 7677 §3", name: ScramSHA256, username: "user", password: "pencil",
		clientNonce: "rOprNGfwEbeRWgbNEkqO", serverNonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
		salt: "W22ZaJ0SNY7soEsUEjb6gQ==", iterations: 4096,
		transcript: [4]string{
			"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
			"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
			"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
			"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
		},
	},
	{
		// No RFC has SHA-512 yet; this is an exchange recorded in the tests of github.com/xdg-go/scram v1.4.0.
		source: "xdg-go sha-512-ascii", name: ScramSHA512, username: "user", password: "pencil",
		clientNonce: "/uAp+YhRXyuq+1zS3YWsUsZHpxLfGkcQ", serverNonce: "4FHzBxBhPzykjGStpoxdfs4Nyp1mtC9B",
		salt: "W22ZaJ0SNY7soEsUEjb6gQ==", iterations: 10000,
		transcript: [4]string{
			"n,,n=user,r=/uAp+YhRXyuq+1zS3YWsUsZHpxLfGkcQ",
			"r=/uAp+YhRXyuq+1zS3YWsUsZHpxLfGkcQ4FHzBxBhPzykjGStpoxdfs4Nyp1mtC9B,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=10000",
			"c=biws,r=/uAp+YhRXyuq+1zS3YWsUsZHpxLfGkcQ4FHzBxBhPzykjGStpoxdfs4Nyp1mtC9B," +
				"p=E2tqtuwJz5ShFuck1/KeqZKCmGZe/Lxjyr6fTZio21wZtlpgyeYLNxxQXrLuK/FfMSCanyDRmI1q5KL1Tj54nQ==",
			"v=qKOkLNGdt0VrlVkoL3kXjhWmI4SjEfqw8ogXgikzbPOMh6gloo8Mrboq/q3cz0/7hIvcQ1N9VL4m7iiSTTyolQ==",
		},
	},
}

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.source, func(t *testing.T) {
			salt, err := base64.StdEncoding.DecodeString(v.salt)
			if err != nil {
				t.Fatal(err)
			}
			h, _, _ := scram(v.name)
			keys, err := DeriveKeys(h, v.password, salt, v.iterations)
			if err != nil {
				t.Fatal(err)
			}
			offer := Offer{Mechanisms: []string{v.name}}
			cred := ClientCredentials{Username: v.username, Password: v.password}
			c, err := NewClient(v.name, cred, ChannelBinding{}, offer)
			if err != nil {
				t.Fatal(err)
			}
			s, err := NewServer(v.name, config(accounts{v.username: {keys}}), ChannelBinding{}, offer)
			if err != nil {
				t.Fatal(err)
			}
			c.(*scramClient).nonce = v.clientNonce
			s.(*scramServer).nonce = v.serverNonce
			check := login{tamper: func(step int, m string) string {
				if m != v.transcript[step] {
					t.Errorf("message %d:\n got %s\nwant %s", step, m, v.transcript[step])
				}
				return m
			}}
			if err := check.exchange(c, s); err != nil {
				t.Error(err)
			}
		})
	}
}
