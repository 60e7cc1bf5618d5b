package sasl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// RFC 4013 §3
func TestSASLprep(t *testing.T) {
	for _, test := range []struct {
		in, stored, query string
	}{
		{"I\u00adX", "IX", "IX"},        // SOFT HYPHEN mapped to nothing
		{"user", "user", "user"},        // no transformation
		{"USER", "USER", "USER"},        // case preserved
		{"\u00aa", "a", "a"},            // output is NFKC
		{"\u2168", "IX", "IX"},          // output is NFKC, the same as the first
		{"\u0007", "", ""},              // prohibited character
		{"\u0627\u0031", "", ""},        // bidirectional check
		{"a\u00a0b", "a b", "a b"},      // other spaces become a space
		{"\u00ad", "", ""},              // nothing left
		{"", "", ""},                    // empty
		{"a\xffb", "", ""},              // not UTF-8
		{"pass\U0001f511", "", "pass🔑"}, // unassigned in Unicode 3.2: only in a query. RFC 3454 §7
	} {
		if got, ok := prepare(test.in, stored); got != test.stored && ok || ok != (test.stored != "") {
			t.Errorf("stored %q: %q %v", test.in, got, ok)
		}
		if got, ok := prepare(test.in, query); got != test.query && ok || ok != (test.query != "") {
			t.Errorf("query %q: %q %v", test.in, got, ok)
		}
	}
}

func TestUnicodePasswords(t *testing.T) {
	for _, test := range []struct {
		set, typed string
		ok         bool
	}{
		{"p\u00e4ssword", "pa\u0308ssword", true}, // composed or not
		{"I\u00adX", "\u2168", true},
		{"пароль", "пароль", true},
		{"пароль", "Пароль", false},
		{"кошка и мышь", "кошка\u3000и\u00a0мышь", true},
		{"密码", "密碼", false},
	} {
		a := account(t, "romeo", test.set)
		for _, name := range []string{ScramSHA1, ScramSHA512, Plain} {
			cred := ClientCredentials{Username: "romeo", Password: test.typed}
			if _, err := between(name, cred, a, ChannelBinding{}).run(t); (err == nil) != test.ok {
				t.Errorf("%s: %q for %q: %v", name, test.typed, test.set, err)
			}
		}
	}
}

func TestDeriveKeysRefuses(t *testing.T) {
	for _, test := range []struct {
		h          Hash
		password   string
		salt       []byte
		iterations int
		want       error
	}{
		{SHA256, "", NewSalt(), 4096, ErrPassword},
		{SHA256, "tab\t", NewSalt(), 4096, ErrPassword},
		{SHA256, "\xff", NewSalt(), 4096, ErrPassword},
		{SHA256, "key 🔑", NewSalt(), 4096, ErrPassword},
		{SHA256, "pencil", NewSalt(), 4095, ErrIterations},
		{SHA256, "pencil", NewSalt(), 1_000_001, ErrIterations},
		{SHA256, "pencil", nil, 4096, nil},
		{AnyHash, "pencil", NewSalt(), 4096, nil},
		{Hash(9), "pencil", NewSalt(), 4096, nil},
	} {
		_, err := DeriveKeys(test.h, test.password, test.salt, test.iterations)
		if err == nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%v %q %d: %v", test.h, test.password, test.iterations, err)
		}
	}
}

func TestVerify(t *testing.T) {
	k, err := DeriveKeys(SHA512, "pencil", NewSalt(), MinIterations)
	if err != nil {
		t.Fatal(err)
	}
	if !k.Verify("pencil") || k.Verify("Pencil") || k.Verify("") || k.Verify("pencil\x00") {
		t.Error("keys of pencil verify something else")
	}
	// Another server, whose accounts were moved here, may have allowed what we do not.
	if _, moved, err := derive(SHA1, "key 🔑", NewSalt(), 1000); err != nil || !moved.Verify("key 🔑") {
		t.Error("keys from elsewhere do not verify")
	}
	k.Hash = SHA1
	if k.Verify("pencil") {
		t.Error("keys verify under another hash")
	}
}

func TestClientRefusesUnusable(t *testing.T) {
	for _, test := range []struct {
		cred ClientCredentials
		want error
	}{
		{ClientCredentials{"", "pencil", ""}, ErrUsername},
		{ClientCredentials{"ro\x00meo", "pencil", ""}, ErrUsername},
		{ClientCredentials{"romeo", "", ""}, ErrPassword},
		{ClientCredentials{"romeo", "pen\x00cil", ""}, ErrPassword},
		{ClientCredentials{"romeo", "pencil", "a\x00b"}, ErrUsername},
		{ClientCredentials{"romeo", "pencil", "\xff"}, ErrUsername},
	} {
		for _, name := range []string{ScramSHA1, Plain} {
			if _, err := NewClient(name, test.cred, ChannelBinding{}, Offer{}); !errors.Is(err, test.want) {
				t.Errorf("%s %+q: %v", name, test.cred.Username, err)
			}
		}
	}
	if _, err := NewClient("GSSAPI", romeo, ChannelBinding{}, Offer{}); !errors.Is(err, ErrNoMechanism) {
		t.Error(err)
	}
	if _, err := NewClient(ScramSHA1Plus, romeo, ChannelBinding{}, Offer{}); !errors.Is(err, ErrBinding) {
		t.Error(err)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	k, _ := DeriveKeys(SHA1, "pencil", []byte("salt"), MinIterations)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("login", "cred", romeo, "keys", k)
	fmt.Fprintf(&log, "%v %+v %s", romeo, k, romeo)
	for _, hidden := range []string{"pencil", "StoredKey", encode(k.StoredKey)} {
		if strings.Contains(log.String(), hidden) {
			t.Errorf("printed %q in %s", hidden, &log)
		}
	}
}

// counted counts the questions to Credentials.
type counted struct {
	Credentials
	asked int
}

func (c *counted) Keys(ctx context.Context, username string, h Hash) (Keys, error) {
	c.asked++
	return c.Credentials.Keys(ctx, username, h)
}

// A user that does not exist cannot be told from one whose password is wrong: the same messages of the same length,
// the same condition, the same number of questions to the store.
func TestUnknownUser(t *testing.T) {
	known := account(t, "romeo", "pencil")
	attempt := func(name, username string) (transcript []string, asked int, err error) {
		store := &counted{Credentials: known}
		cred := ClientCredentials{Username: username, Password: "guess"}
		l := between(name, cred, store, ChannelBinding{})
		l.tamper = func(_ int, m string) string { transcript = append(transcript, m); return m }
		_, err = l.run(t)
		return transcript, store.asked, err
	}
	salt := func(question string) string {
		_, rest, _ := strings.Cut(question, ",s=")
		return rest
	}
	for _, name := range []string{ScramSHA512, ScramSHA256, ScramSHA1, Plain} {
		real, realAsked, realErr := attempt(name, "romeo")
		fake, fakeAsked, fakeErr := attempt(name, "nobod")
		if len(real) != len(fake) || realAsked != fakeAsked || realAsked != 1 {
			t.Fatalf("%s: %d and %d messages, %d and %d questions", name, len(real), len(fake), realAsked, fakeAsked)
		}
		for i := range real {
			if len(real[i]) != len(fake[i]) {
				t.Errorf("%s: lengths differ:\n%s\n%s", name, real[i], fake[i])
			}
		}
		if ConditionOf(realErr) != NotAuthorized || ConditionOf(fakeErr) != NotAuthorized {
			t.Errorf("%s: %v, %v", name, realErr, fakeErr)
		}
		if !errors.Is(fakeErr, ErrNoUser) {
			t.Errorf("%s: the log does not learn why: %v", name, fakeErr)
		}
		if name == Plain {
			continue
		}
		again, _, _ := attempt(name, "nobod")
		other, _, _ := attempt(name, "somebody")
		spelled, _, _ := attempt(name, "Nobod")
		if salt(fake[1]) != salt(again[1]) || salt(fake[1]) != salt(spelled[1]) {
			t.Errorf("%s: the salt of a fake changes", name)
		}
		if salt(fake[1]) == salt(other[1]) {
			t.Errorf("%s: all fakes have one salt", name)
		}
	}
}

func TestFakeKeys(t *testing.T) {
	for _, same := range [][2]string{{"Romeo", "romeo"}, {"ROMÉO", "rome\u0301o"}, {"ｒｏｍｅｏé", "romeoé"}} {
		a, b := FakeKeys(secret, same[0], SHA1, 4096), FakeKeys(secret, same[1], SHA1, 4096)
		if !bytes.Equal(a.Salt, b.Salt) {
			t.Errorf("%q and %q are one localpart with two salts", same[0], same[1])
		}
	}
	k := FakeKeys(secret, "romeo", SHA256, 5000)
	if !k.valid() || k.Iterations != 5000 || len(k.Salt) != len(NewSalt()) {
		t.Errorf("fake keys look fake: %d bytes of salt, %d iterations", len(k.Salt), k.Iterations)
	}
	if bytes.Equal(k.Salt, FakeKeys([]byte("another secret of the server"), "romeo", SHA256, 5000).Salt) {
		t.Error("the salt does not depend on the secret")
	}
}

// broken stands for a store that fails.
type broken struct {
	keys Keys
	err  error
}

func (b broken) Keys(context.Context, string, Hash) (Keys, error) { return b.keys, b.err }

func TestStoreFails(t *testing.T) {
	down := errors.New("connection refused")
	for _, test := range []struct {
		broken
		want Condition
	}{
		{broken{err: down}, TemporaryAuthFailure},
		{broken{err: AccountDisabled.Wrap(down)}, AccountDisabled},
		{broken{keys: Keys{}}, TemporaryAuthFailure},
		{broken{keys: Keys{Hash: SHA256, Salt: []byte("s"), Iterations: 1, StoredKey: []byte("short")}}, TemporaryAuthFailure},
	} {
		for _, name := range []string{ScramSHA256, Plain} {
			_, err := between(name, romeo, test.broken, ChannelBinding{}).run(t)
			if ConditionOf(err) != test.want || test.err != nil && !errors.Is(err, down) {
				t.Errorf("%s: %v, want %v", name, err, test.want)
			}
		}
	}
}

// directory checks passwords itself.
type directory struct{ accounts }

func (directory) Verify(_ context.Context, username, password string) error {
	switch {
	case username != "romeo":
		return ErrNoUser
	case password != "pencil":
		return CredentialsExpired
	}
	return nil
}

func TestVerifier(t *testing.T) {
	for _, test := range []struct {
		cred ClientCredentials
		want error
	}{
		{romeo, nil},
		{ClientCredentials{Username: "romeo", Password: "old"}, CredentialsExpired},
		{ClientCredentials{Username: "paris", Password: "pencil"}, NotAuthorized},
	} {
		if _, err := between(Plain, test.cred, directory{}, ChannelBinding{}).run(t); !errors.Is(err, test.want) {
			t.Errorf("%v: %v", test.cred, err)
		}
	}
}

func TestMalformedPlain(t *testing.T) {
	for _, m := range []string{
		"", "\x00", "\x00\x00", "\x00user\x00", "\x00\x00pencil", "user\x00pencil", "\x00user\x00pen\x00cil", "\x00user\x00\xff",
		"\x00user\x00" + strings.Repeat("x", maxMessage),
	} {
		s, _ := NewServer(Plain, config(accounts{}), ChannelBinding{}, Offer{Mechanisms: Mechanisms()})
		if _, done, err := s.Next(t.Context(), []byte(m)); done || ConditionOf(err) != MalformedRequest {
			t.Errorf("%.20q: %v", m, err)
		}
	}
}

func TestFailure(t *testing.T) {
	cause := errors.New("row not found")
	err := fmt.Errorf("login: %w", NotAuthorized.Wrap(cause))
	if !errors.Is(err, NotAuthorized) || !errors.Is(err, cause) || errors.Is(err, Aborted) {
		t.Error("a failure is not what it is made of")
	}
	if ConditionOf(err) != "not-authorized" || ConditionOf(cause) != TemporaryAuthFailure || ConditionOf(Aborted) != Aborted {
		t.Error("wrong condition for the peer")
	}
}
