package sasl

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// One field changed on the way ends the login, whichever it is.
func TestTampering(t *testing.T) {
	const clientFirst, serverFirst, clientFinal, serverFinal = 0, 1, 2, 3
	cb := ChannelBinding{Exporter: []byte("a connection"), EndPoint: []byte("a certificate")}
	a := account(t, "romeo", "pencil")
	a["juliet"] = a["romeo"] // the same password and salt, and still not the same person
	swap := strings.Replace
	for _, test := range []struct {
		field    string
		step     int
		old, new string
		want     error
	}{
		{"flag to n", clientFirst, "p=tls-exporter", "n", MalformedRequest},
		{"flag to y", clientFirst, "p=tls-exporter", "y", MalformedRequest},
		{"binding's type", clientFirst, "tls-exporter", TLSServerEndPoint, ErrBinding},
		{"binding unknown", clientFirst, "tls-exporter", "tls-unique", MalformedRequest},
		{"authzid", clientFirst, ",,", ",a=admin,", ErrBinding},
		{"username", clientFirst, "n=romeo", "n=juliet", NotAuthorized},
		{"client's nonce", clientFirst, "r=", "r=x", ErrProof},
		{"extension", clientFirst, "n=romeo", "m=x,n=romeo", MalformedRequest},
		{"server's nonce", serverFirst, ",s=", "x,s=", NotAuthorized},
		{"server's nonce replaced", serverFirst, "r=", "r=x", ErrProof},
		{"salt", serverFirst, ",s=", ",s=AAAA", NotAuthorized},
		{"iterations", serverFirst, "i=4096", "i=4097", NotAuthorized},
		{"fewer iterations", serverFirst, "i=4096", "i=4095", ErrIterations},
		{"more iterations", serverFirst, "i=4096", "i=1000001", ErrIterations},
		{"endless iterations", serverFirst, "i=4096", "i=99999999999999999999", ErrIterations},
		{"extension added", serverFirst, "i=4096", "i=4096,x=y", NotAuthorized},
		{"mandatory extension", serverFirst, "r=", "m=x,r=", errGrammar},
		{"binding's data", clientFinal, "c=", "c=AAAA", ErrBinding},
		{"final nonce", clientFinal, ",p=", "x,p=", ErrProof},
		{"final extension", clientFinal, ",p=", ",x=y,p=", NotAuthorized},
		{"proof", clientFinal, ",p=", ",p=AAAA", ErrProof},
		{"no proof", clientFinal, ",p=", ",q=", MalformedRequest},
		{"signature", serverFinal, "v=", "v=AAAA", ErrProof},
		{"signature to error", serverFinal, "v=", "e=", NotAuthorized},
	} {
		t.Run(test.field, func(t *testing.T) {
			l := between(ScramSHA256Plus, romeo, a, cb)
			l.tamper = func(step int, m string) string {
				if step != test.step {
					return m
				}
				changed := swap(m, test.old, test.new, 1)
				if changed == m {
					t.Fatalf("nothing to change in %q", m)
				}
				return changed
			}
			if _, err := l.run(t); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// No change of any one byte goes unnoticed.
func TestAnyTampering(t *testing.T) {
	a := account(t, "romeo", "pencil")
	cb := ChannelBinding{Exporter: []byte("a connection")}
	rapid.Check(t, func(r *rapid.T) {
		l := between(rapid.SampledFrom(Mechanisms()[:6]).Draw(r, "mechanism"), romeo, a, cb)
		at := rapid.IntRange(0, 3).Draw(r, "step")
		flip := rapid.ByteRange(1, 255).Draw(r, "flip")
		where := rapid.IntRange(0, 1<<16).Draw(r, "where")
		l.tamper = func(step int, m string) string {
			b := []byte(m)
			if step == at {
				b[where%len(b)] ^= flip
			}
			return string(b)
		}
		if _, err := l.run(t); err == nil {
			r.Fatal("tampered and not noticed")
		}
	})
}

// Nor does a change of bits that stand for nothing, at the end of a proof or signature in base64, which TestAnyTampering has found
// once. RFC 4648 §3.5
func TestUnusedBits(t *testing.T) {
	const clientFinal, serverFinal = 2, 3
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	a := account(t, "romeo", "pencil")
	cb := ChannelBinding{Exporter: []byte("a connection")}
	for _, name := range Mechanisms()[:6] {
		for _, at := range []int{clientFinal, serverFinal} {
			l := between(name, romeo, a, cb)
			l.tamper = func(step int, m string) string {
				last := len(strings.TrimRight(m, "=")) - 1
				if step != at {
					return m
				}
				if last == len(m)-1 {
					t.Fatalf("%s: no bit is unused in %q", name, m)
				}
				next := alphabet[strings.IndexByte(alphabet, m[last])+1]
				return m[:last] + string(next) + m[last+1:]
			}
			if _, err := l.run(t); err == nil {
				t.Errorf("%s: tampered in step %d and not noticed", name, at)
			}
		}
	}
}

// A server that skips its own proof is not believed. RFC 5802 §5
func TestSuccessWithoutProof(t *testing.T) {
	for _, name := range Mechanisms()[3:6] {
		c, _ := NewClient(name, romeo, ChannelBinding{}, Offer{Mechanisms: Mechanisms()})
		first, _ := c.Start()
		_, nonce, _ := strings.Cut(string(first), "r=")
		if _, err := c.Next([]byte("r=" + nonce + "x,s=AAAA,i=4096")); err != nil {
			t.Fatal(err)
		}
		if c.Done() {
			t.Errorf("%s: done before the server has shown anything", name)
		}
		if _, err := c.Next(nil); err == nil || c.Done() {
			t.Errorf("%s: done without a signature", name)
		}
	}
}

// A server that repeats the client's nonce without its own, or answers another one's, could replay an old exchange.
func TestServerExtendsNonce(t *testing.T) {
	for _, nonce := range []string{"C", "c1", "xC", "D"} {
		c, err := NewClient(ScramSHA1, romeo, ChannelBinding{}, Offer{})
		if err != nil {
			t.Fatal(err)
		}
		c.(*scramClient).nonce = "C"
		if _, err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Next([]byte("r=" + nonce + ",s=AAAA,i=4096")); !errors.Is(err, ErrProof) {
			t.Errorf("%q: %v", nonce, err)
		}
	}
}

// The final message repeats the nonce, even where its proof is right without. RFC 5802 §5.1
func TestClientRepeatsNonce(t *testing.T) {
	clientKey, k, err := derive(SHA1, "pencil", NewSalt(), MinIterations)
	if err != nil {
		t.Fatal(err)
	}
	for nonce, ok := range map[string]bool{"CS": true, "C": false, "CSx": false} {
		s, err := NewServer(ScramSHA1, config(accounts{"romeo": {k}}), ChannelBinding{}, Offer{Mechanisms: Mechanisms()})
		if err != nil {
			t.Fatal(err)
		}
		s.(*scramServer).nonce = "S"
		question, _, err := s.Next(t.Context(), []byte("n,,n=romeo,r=C"))
		if err != nil {
			t.Fatal(err)
		}
		final := "c=biws,r=" + nonce
		proof := SHA1.hmac(k.StoredKey, []byte("n=romeo,r=C,"+string(question)+","+final))
		subtle.XORBytes(proof, proof, clientKey)
		_, done, err := s.Next(t.Context(), []byte(final+",p="+encode(proof)))
		if done != ok || !ok && !errors.Is(err, NotAuthorized) {
			t.Errorf("%q: %v %v", nonce, done, err)
		}
	}
}

func TestMalformedFirst(t *testing.T) {
	long := strings.Repeat("a", maxMessage)
	for _, m := range []string{
		"", ",", ",,", ",,,", "n", "n,", "n,,", "n,,n=a", "n,,n=a,", "n,,n=a,r=", "n,,n=,r=x", "n,,r=x,n=a", "n,,n=a,r=x,",
		"n,,n=a,r=x,y", "n,,n=a,r=x,y=", "n,,n=a,r=x,1=y", "n,,n=a,r=x,m=y", "n,,m=x,n=a,r=x", "n,n=a,r=x", "z,,n=a,r=x",
		"p,,n=a,r=x", "p=,,n=a,r=x", "N,,n=a,r=x", "n,b=x,n=a,r=x", "n,a=,n=a,r=x", "n,a,n=a,r=x", "n,,n=a=2Cb=,r=x",
		"n,,n=a=2cb,r=x", "n,,n=a=3,r=x", "n,,n=a\x00,r=x", "n,,n=\xff,r=x", "n,,n=a,r=\x7f", "n,,n=a,r=é", "n,,n=a,r=x y",
		"n,,n=" + long + ",r=x",
	} {
		s, err := NewServer(ScramSHA1, config(accounts{}), ChannelBinding{}, Offer{Mechanisms: Mechanisms()})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Next(t.Context(), []byte(m)); ConditionOf(err) != MalformedRequest {
			t.Errorf("%.40q: %v", m, err)
		}
	}
}

func TestMalformedFinal(t *testing.T) {
	for _, m := range []string{
		"", "c=biws", "c=biws,r=R", "c=biws,r=R,p=", "c=biws,r=R,p=!", "c=,r=R,p=AAAA", "r=R,c=biws,p=AAAA", "c=biws,p=AAAA",
		"c=bi\nws,r=R,p=AAAA", "c=biws,r=R,p=AAAA,", "c=biws,r=R,p=AAB=", "c=biws,r=R,,p=AAAA", "c=biws,r=R,m=x,p=AAAA",
		"c=biws,r=R,x=\x00,p=AAAA", "p=AAAA,c=biws,r=R",
	} {
		s, err := NewServer(ScramSHA1, config(accounts{}), ChannelBinding{}, Offer{Mechanisms: Mechanisms()})
		if err != nil {
			t.Fatal(err)
		}
		s.(*scramServer).nonce = "R"
		if _, _, err := s.Next(t.Context(), []byte("n,,n=a,r=C")); err != nil {
			t.Fatal(err)
		}
		m = strings.Replace(m, "r=R", "r=CR", 1)
		if _, done, err := s.Next(t.Context(), []byte(m)); done || ConditionOf(err) != MalformedRequest {
			t.Errorf("%q: %v", m, err)
		}
	}
}

func TestMalformedServer(t *testing.T) {
	for _, m := range []string{
		"", "r=CS", "r=CS,s=AAAA", "r=CS,s=AAAA,i=", "r=CS,s=AAAA,i=04096", "r=CS,s=AAAA,i=+4096", "r=CS,s=AAAA,i=4096,",
		"r=CS,s=,i=4096", "r=CS,s=A,i=4096", "r=CS,i=4096,s=AAAA", "s=AAAA,r=CS,i=4096", "r=CS,s=AAAA,i=-1", "r=CS,s=AAAA,i=0",
		"m=x,r=CS,s=AAAA,i=4096", "r=C S,s=AAAA,i=4096", "r=CS,s=AAAA,i=4096,m=x", "e=other-error", "r=CS,s=AAAA,i=5e3",
	} {
		if _, err := parseServerFirst(m); !errors.Is(err, errGrammar) {
			t.Errorf("first %q: %v", m, err)
		}
	}
	for _, m := range []string{"", "v=", "e=", "v=A", "v=AAAA,", "v=AAAA,m=x", "x=AAAA", "e=a,", "v=AAAA,1=x", "v=\x00"} {
		if _, _, err := parseServerFinal(m); !errors.Is(err, errGrammar) {
			t.Errorf("final %q: %v", m, err)
		}
	}
	if _, refusal, err := parseServerFinal("e=unknown-user,x=y"); refusal != "unknown-user" || err != nil {
		t.Error(refusal, err)
	}
}

func TestNames(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := rapid.StringN(1, 100, -1).Draw(r, "name")
		escaped := escape(s)
		if got, ok := unescape(escaped); got != s || !ok || strings.Contains(escaped, ",") {
			r.Fatalf("%q became %q, then %q", s, escaped, got)
		}
	})
}

func FuzzServer(f *testing.F) {
	f.Add([]byte("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"), []byte("c=biws,r=fyko+d2lbbFgONRv9qkxdawLS,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="), byte(0))
	f.Add([]byte("p=tls-exporter,a=x,n=u=2C=3D,r=C,x=y"), []byte("c=cA==,r=CS,x=y,p=AAAA"), byte(1))
	f.Add([]byte("p=tls-server-end-point,,n=user,r=C"), []byte("c=biws,r=CS,p=AAAA"), byte(1))
	f.Add([]byte("y,,n=nobody,r=C"), []byte("c=eSws,r=CS,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="), byte(0))
	f.Add([]byte("\x00user\x00pen"), []byte(nil), byte(2))
	names := []string{ScramSHA1, ScramSHA1Plus, Plain}
	cb := ChannelBinding{Exporter: []byte("E"), EndPoint: []byte("P")}
	known := accounts{"user": {FakeKeys(secret, "user", SHA1, 1)}}
	f.Fuzz(func(t *testing.T, first, final []byte, mechanism byte) {
		name := names[int(mechanism)%len(names)]
		s, err := NewServer(name, ServerConfig{Credentials: known, Secret: secret, Iterations: 1}, cb, NewOffer(Mechanisms(), cb))
		if err != nil {
			t.Fatal(err)
		}
		if scram, ok := s.(*scramServer); ok {
			scram.nonce = "S"
		}
		for _, m := range [][]byte{first, final, final} {
			challenge, done, err := s.Next(context.Background(), m)
			if done {
				t.Fatal("logged in with nobody's keys")
			}
			if c, ok := errors.AsType[Condition](err); err != nil && (!ok || c == TemporaryAuthFailure) {
				t.Fatalf("the client's mistake became ours: %v", err)
			}
			if len(challenge) > len(m)+100 {
				t.Fatalf("%d bytes answered with %d", len(m), len(challenge))
			}
		}
	})
}

func FuzzClient(f *testing.F) {
	f.Add([]byte("r=CS,s=QSXCR+Q6sek8bf92,i=4096"), []byte("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="), byte(0))
	f.Add([]byte("r=CS,s=AAAA,i=4096,x=y"), []byte("e=unknown-user"), byte(1))
	f.Add([]byte("r=C,s=,i=999999"), []byte(""), byte(2))
	offer := Offer{Mechanisms: Mechanisms()}
	f.Fuzz(func(t *testing.T, first, final []byte, mechanism byte) {
		c, err := NewClient(Mechanisms()[3+int(mechanism)%3], romeo, ChannelBinding{}, offer)
		if err != nil {
			t.Fatal(err)
		}
		c.(*scramClient).nonce, c.(*scramClient).maxIterations = "C", MinIterations
		if _, err := c.Start(); err != nil {
			t.Fatal(err)
		}
		for _, m := range [][]byte{first, final, final} {
			response, _ := c.Next(m)
			if c.Done() {
				t.Fatal("believes a server that cannot know the password")
			}
			if bytes.Contains(response, []byte(romeo.Password)) {
				t.Fatal("tells the password")
			}
		}
	})
}
