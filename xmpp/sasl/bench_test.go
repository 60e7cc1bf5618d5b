package sasl

import (
	"testing"
)

// BenchmarkServer is a login's cost to the server: no stretching, whatever the iteration count.
func BenchmarkServer(b *testing.B) {
	for _, name := range []string{ScramSHA1, ScramSHA256, ScramSHA256Plus, ScramSHA512} {
		b.Run(name, func(b *testing.B) { benchmarkServer(b, name) })
	}
}

func benchmarkServer(b *testing.B, name string) {
	h, plus, _ := scram(name)
	var cb ChannelBinding
	if plus {
		cb.Exporter = []byte("32 bytes of keying material here")
	}
	offer := NewOffer(Mechanisms(), cb)
	k, err := DeriveKeys(h, romeo.Password, NewSalt(), DefaultIterations)
	if err != nil {
		b.Fatal(err)
	}
	c, err := NewClient(name, romeo, cb, offer)
	if err != nil {
		b.Fatal(err)
	}
	conf := ServerConfig{Credentials: accounts{romeo.Username: {k}}, Secret: secret}
	// The client's messages are made once, for a server nonce that stays.
	var said [][]byte
	s := scripted(b, name, conf, cb, offer)
	record := login{tamper: func(step int, m string) string {
		if step%2 == 0 {
			said = append(said, []byte(m))
		}
		return m
	}}
	if err := record.exchange(c, s); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		s := scripted(b, name, conf, cb, offer)
		_, _, err := s.Next(b.Context(), said[0])
		_, done, err2 := s.Next(b.Context(), said[1])
		if err != nil || err2 != nil || !done {
			b.Fatal(err, err2)
		}
	}
}

func scripted(b *testing.B, name string, conf ServerConfig, cb ChannelBinding, offer Offer) Server {
	s, err := NewServer(name, conf, cb, offer)
	if err != nil {
		b.Fatal(err)
	}
	s.(*scramServer).nonce = "3rfcNHYJY1ZVvWVs7j"
	return s
}

// BenchmarkStretch is what each login costs a client, and PLAIN the server.
func BenchmarkStretch(b *testing.B) {
	for _, h := range []Hash{SHA1, SHA256, SHA512} {
		b.Run(h.String(), func(b *testing.B) {
			salt := NewSalt()
			for b.Loop() {
				if _, err := DeriveKeys(h, romeo.Password, salt, DefaultIterations); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
