package sasl

import (
	"context"
	"errors"
	"slices"
	"testing"
)

var secret = []byte("sixteen bytes or more")

// accounts are Credentials in memory, by username.
type accounts map[string][]Keys

func (a accounts) Keys(_ context.Context, username string, h Hash) (Keys, error) {
	for _, k := range a[username] {
		if h == AnyHash || h == k.Hash {
			return k, nil
		}
	}
	return Keys{}, ErrNoUser
}

// account makes accounts of one user with keys of every hash.
func account(t testing.TB, username, password string) accounts {
	t.Helper()
	var all []Keys
	for _, h := range []Hash{SHA256, SHA1, SHA512} {
		k, err := DeriveKeys(h, password, NewSalt(), MinIterations)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, k)
	}
	return accounts{username: all}
}

func config(c Credentials) ServerConfig {
	return ServerConfig{Credentials: c, Secret: secret, Iterations: MinIterations}
}

// login is one attempt: who, with what, over which bindings, under which offers as each side sees them.
type login struct {
	name               string
	cred               ClientCredentials
	accounts           Credentials
	client, server     ChannelBinding
	clientSees, offers Offer
	tamper             func(step int, message string) string
}

// between returns a login by name over one connection, with everything offered.
func between(name string, cred ClientCredentials, a Credentials, cb ChannelBinding) login {
	offer := NewOffer(Mechanisms(), cb)
	return login{name: name, cred: cred, accounts: a, client: cb, server: cb, clientSees: offer, offers: offer}
}

// run carries messages from one to the other until the end. Success means that both believe the other.
func (l login) run(t testing.TB) (Server, error) {
	t.Helper()
	c, err := NewClient(l.name, l.cred, l.client, l.clientSees)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewServer(l.name, config(l.accounts), l.server, l.offers)
	if err != nil {
		t.Fatal(err)
	}
	return s, l.exchange(c, s)
}

func (l login) exchange(c Client, s Server) error {
	step := -1
	carry := func(message []byte) []byte {
		step++
		if l.tamper == nil {
			return message
		}
		return []byte(l.tamper(step, string(message)))
	}
	response, err := c.Start()
	for err == nil {
		var challenge []byte
		var done bool
		if challenge, done, err = s.Next(context.Background(), carry(response)); err != nil {
			break
		}
		if challenge != nil {
			response, err = c.Next(carry(challenge))
		}
		if done && err == nil {
			if !c.Done() {
				return errors.New("success, but the server has not proved itself")
			}
			return nil
		}
	}
	return err
}

var romeo = ClientCredentials{Username: "romeo", Password: "pencil"}

func TestEveryMechanismLogsIn(t *testing.T) {
	cb := ChannelBinding{Exporter: []byte("one connection"), EndPoint: []byte("one certificate")}
	for _, name := range Mechanisms() {
		t.Run(name, func(t *testing.T) {
			cred := romeo
			cred.AuthzID = "juliet=,@example.org"
			s, err := between(name, cred, account(t, "romeo", "pencil"), cb).run(t)
			if err != nil {
				t.Fatal(err)
			}
			if s.Username() != "romeo" || s.AuthzID() != cred.AuthzID || s.Name() != name {
				t.Errorf("server saw %q as %q by %s", s.Username(), s.AuthzID(), s.Name())
			}
		})
	}
}

func TestWrongPassword(t *testing.T) {
	for _, name := range []string{ScramSHA512, ScramSHA256, ScramSHA1, Plain} {
		cred := romeo
		cred.Password = "Pencil"
		_, err := between(name, cred, account(t, "romeo", "pencil"), ChannelBinding{}).run(t)
		if !errors.Is(err, NotAuthorized) || !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A client that sends no initial response is asked for it. RFC 6120 §6.4.2
func TestNoInitialResponse(t *testing.T) {
	for _, name := range []string{ScramSHA256, Plain} {
		l := between(name, romeo, account(t, "romeo", "pencil"), ChannelBinding{})
		c, _ := NewClient(name, romeo, l.client, l.clientSees)
		s, _ := NewServer(name, config(l.accounts), l.server, l.offers)
		challenge, done, err := s.Next(t.Context(), nil)
		if challenge == nil || len(challenge) > 0 || done || err != nil {
			t.Fatalf("%s: %q %v %v, want an empty challenge", name, challenge, done, err)
		}
		if err := l.exchange(c, s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestServerRefusesWhatWasNotOffered(t *testing.T) {
	offer := Offer{Mechanisms: []string{ScramSHA256, ScramSHA256Plus, "EXTERNAL"}}
	for _, name := range []string{Plain, ScramSHA1, "EXTERNAL", "", "scram-sha-256", ScramSHA256Plus} {
		_, err := NewServer(name, config(accounts{}), ChannelBinding{}, offer)
		if ConditionOf(err) != InvalidMechanism {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestServerNeedsSecretAndCredentials(t *testing.T) {
	offer := Offer{Mechanisms: Mechanisms()}
	for _, c := range []ServerConfig{{Secret: secret}, {Credentials: accounts{}, Secret: secret[:15]}} {
		if _, err := NewServer(ScramSHA1, c, ChannelBinding{}, offer); err == nil {
			t.Errorf("accepted %v", c)
		}
	}
}

// Nothing works after the end, nor twice.
func TestOutOfTurn(t *testing.T) {
	for _, name := range []string{ScramSHA256, Plain} {
		l := between(name, romeo, account(t, "romeo", "pencil"), ChannelBinding{})
		c, _ := NewClient(name, romeo, l.client, l.clientSees)
		s, _ := NewServer(name, config(l.accounts), l.server, l.offers)
		var seen []string
		l.tamper = func(_ int, m string) string { seen = append(seen, m); return m }
		if err := l.exchange(c, s); err != nil {
			t.Fatal(err)
		}
		for _, m := range slices.Backward(seen) {
			if _, done, err := s.Next(t.Context(), []byte(m)); done || ConditionOf(err) != MalformedRequest {
				t.Errorf("%s server went on after the end: %v %v", name, done, err)
			}
			if _, err := c.Next([]byte(m)); err == nil || c.Done() {
				t.Errorf("%s client went on after the end", name)
			}
		}
		if _, err := c.Start(); err == nil {
			t.Errorf("%s client started twice", name)
		}
	}
}
