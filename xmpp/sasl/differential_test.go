package sasl

import (
	"context"
	"errors"
	"testing"

	xdg "github.com/xdg-go/scram"
	"github.com/xdg-go/stringprep"
	"pgregory.net/rapid"
)

// The same exchanges with github.com/xdg-go/scram at either end: an implementation by other hands.

var theirs = map[Hash]xdg.HashGeneratorFcn{SHA1: xdg.SHA1, SHA256: xdg.SHA256, SHA512: xdg.SHA512}

// bindings are what a connection has in common, and which type both are to use.
var bindings = []struct {
	what string
	cb   ChannelBinding
	xdg  xdg.ChannelBinding
}{
	{"none", ChannelBinding{}, xdg.ChannelBinding{}},
	{TLSExporter, ChannelBinding{Exporter: []byte("e")}, xdg.ChannelBinding{Type: TLSExporter, Data: []byte("e")}},
	{TLSServerEndPoint, ChannelBinding{EndPoint: []byte("p")}, xdg.ChannelBinding{Type: TLSServerEndPoint, Data: []byte("p")}},
}

var people = []ClientCredentials{
	{Username: "user", Password: "pencil"},
	{Username: "a=b,c", Password: "pass,word=", AuthzID: "x=,y@example.org"},
	{Username: "Ромео", Password: "I\u00adX"},
	{Username: "\u2168", Password: "p\u00e4ss w\u00a0rd"},
}

func TestTheirClientOurServer(t *testing.T) {
	for h, generator := range theirs {
		for _, b := range bindings {
			for _, who := range people {
				client, err := generator.NewClient(who.Username, who.Password, who.AuthzID)
				if err != nil {
					t.Fatal(err)
				}
				name, conv := "SCRAM-"+h.String(), client.NewConversation()
				if b.cb.usable() {
					name, conv = name+"-PLUS", client.NewConversationWithChannelBinding(b.xdg)
				}
				username, _ := prepare(who.Username, query)
				s, err := NewServer(name, config(account(t, username, who.Password)), b.cb, NewOffer(Mechanisms(), b.cb))
				if err != nil {
					t.Fatal(err)
				}
				if err := theirClient(t.Context(), conv, s); err != nil {
					t.Errorf("%s %s %v: %v", name, b.what, who, err)
				}
				if s.AuthzID() != who.AuthzID {
					t.Errorf("%s acts as %q, want %q", name, s.AuthzID(), who.AuthzID)
				}
			}
		}
	}
}

// theirClient talks until the client is convinced.
func theirClient(ctx context.Context, c *xdg.ClientConversation, s Server) error {
	response, err := c.Step("")
	for err == nil && !c.Done() {
		var challenge []byte
		if challenge, _, err = s.Next(ctx, []byte(response)); err == nil {
			response, err = c.Step(string(challenge))
		}
	}
	if err == nil && !c.Valid() {
		err = errors.New("their client is not convinced")
	}
	return err
}

func TestOurClientTheirServer(t *testing.T) {
	for h, generator := range theirs {
		for _, b := range bindings {
			for _, who := range people {
				server, err := generator.NewServer(lookup(t, h, who.Password))
				if err != nil {
					t.Fatal(err)
				}
				name, conv := "SCRAM-"+h.String(), server.NewConversation()
				if b.cb.usable() {
					name, conv = name+"-PLUS", server.NewConversationWithChannelBinding(b.xdg)
				}
				c, err := NewClient(name, who, b.cb, NewOffer(Mechanisms(), b.cb))
				if err != nil {
					t.Fatal(err)
				}
				if err := theirServer(c, conv); err != nil {
					t.Errorf("%s %s %v: %v", name, b.what, who, err)
				}
				username, _ := prepare(who.Username, query)
				if conv.Username() != username || conv.AuthzID() != who.AuthzID {
					t.Errorf("%s logged in %q as %q", name, conv.Username(), conv.AuthzID())
				}
			}
		}
	}
}

// lookup gives their server keys that we made.
func lookup(t *testing.T, h Hash, password string) xdg.CredentialLookup {
	k, err := DeriveKeys(h, password, NewSalt(), MinIterations)
	if err != nil {
		t.Fatal(err)
	}
	return func(string) (xdg.StoredCredentials, error) {
		return xdg.StoredCredentials{
			KeyFactors: xdg.KeyFactors{Salt: string(k.Salt), Iters: k.Iterations},
			StoredKey:  k.StoredKey, ServerKey: k.ServerKey,
		}, nil
	}
}

func theirServer(c Client, s *xdg.ServerConversation) error {
	response, err := c.Start()
	for err == nil && !s.Done() {
		var challenge string
		if challenge, err = s.Step(string(response)); err == nil {
			response, err = c.Next([]byte(challenge))
		}
	}
	if err == nil && (!s.Valid() || !c.Done()) {
		err = errors.New("one is not convinced")
	}
	return err
}

// Both find the same downgrade.
func TestTheirDowngrade(t *testing.T) {
	cb := bindings[1]
	client, _ := xdg.SHA256.NewClient("romeo", "pencil", "")
	a := account(t, "romeo", "pencil")
	s, _ := NewServer(ScramSHA256, config(a), cb.cb, NewOffer(Mechanisms(), cb.cb))
	if err := theirClient(t.Context(), client.NewConversationAdvertisingChannelBinding(), s); !errors.Is(err, ErrDowngrade) {
		t.Errorf("our server: %v", err)
	}
	server, _ := xdg.SHA256.NewServer(lookup(t, SHA256, "pencil"))
	c, _ := NewClient(ScramSHA256, romeo, cb.cb, Offer{Mechanisms: []string{ScramSHA256}})
	if err := theirServer(c, server.NewConversationWithChannelBinding(cb.xdg)); err == nil {
		t.Error("their server did not see our flag")
	}
}

func TestSameKeys(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		h := rapid.SampledFrom([]Hash{SHA1, SHA256, SHA512}).Draw(r, "hash")
		password := rapid.StringN(1, 40, -1).Draw(r, "password")
		salt := rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(r, "salt")
		iterations := rapid.IntRange(MinIterations, MinIterations+50).Draw(r, "iterations")
		k, err := DeriveKeys(h, password, salt, iterations)
		client, theirErr := theirs[h].NewClient("user", password, "")
		prepared, _ := stringprep.SASLprep.Prepare(password)
		if (err != nil) != (theirErr != nil || prepared == "") { // they let an empty one pass
			r.Fatalf("we say %v, they say %v", err, theirErr)
		}
		if err != nil {
			return
		}
		want, err := client.GetStoredCredentialsWithError(xdg.KeyFactors{Salt: string(salt), Iters: iterations})
		if err != nil {
			r.Fatal(err)
		}
		if string(k.StoredKey) != string(want.StoredKey) || string(k.ServerKey) != string(want.ServerKey) {
			r.Fatal("keys differ")
		}
	})
}
