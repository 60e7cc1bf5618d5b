package sasl

import (
	"errors"
	"slices"
	"testing"
)

func TestChoose(t *testing.T) {
	exporter := ChannelBinding{Exporter: []byte("e")}
	both := ChannelBinding{Exporter: []byte("e"), EndPoint: []byte("p")}
	endPoint := ChannelBinding{EndPoint: []byte("p")}
	all := Mechanisms()
	for _, test := range []struct {
		what  string
		offer Offer
		cb    ChannelBinding
		plain bool
		want  string
		err   error
	}{
		{"strongest with binding", Offer{all, []string{TLSServerEndPoint, TLSExporter}}, both, true, ScramSHA512Plus, nil},
		{"strongest without", Offer{all, nil}, ChannelBinding{}, true, ScramSHA512, nil},
		{"binding before hash", Offer{[]string{ScramSHA512, ScramSHA1Plus}, nil}, both, false, ScramSHA1Plus, nil},
		{"types unknown", Offer{[]string{ScramSHA1, ScramSHA1Plus}, nil}, endPoint, false, ScramSHA1Plus, nil},
		{"nothing known", Offer{[]string{"GSSAPI", "X-OAUTH2"}, nil}, both, true, "", ErrNoMechanism},
		{"nothing at all", Offer{}, both, true, "", ErrNoMechanism},
		{"PLAIN allowed", Offer{[]string{Plain}, nil}, both, true, Plain, nil},
		{"PLAIN forbidden", Offer{[]string{Plain}, nil}, both, false, "", ErrNoMechanism},
		{"PLAIN last", Offer{[]string{Plain, ScramSHA1}, nil}, both, true, ScramSHA1, nil},
		{"only -PLUS, cannot bind", Offer{[]string{ScramSHA1Plus}, nil}, ChannelBinding{}, false, "", ErrNoMechanism},
		{"rule 2: cannot bind", Offer{all, []string{TLSExporter}}, ChannelBinding{}, false, ScramSHA512, nil},
		{"rule 3: no binding offered", Offer{[]string{ScramSHA1}, nil}, both, false, ScramSHA1, nil},
		{"rule 5: mechanisms stripped", Offer{[]string{ScramSHA1}, []string{TLSExporter}}, both, false, "", ErrDowngrade},
		{"rule 6: types replaced", Offer{all, []string{"tls-unique"}}, both, false, "", ErrDowngrade},
		{"rule 6: certificate without a hash", Offer{all, []string{TLSServerEndPoint}}, exporter, false, "", ErrDowngrade},
	} {
		t.Run(test.what, func(t *testing.T) {
			got, err := test.offer.Choose(test.cb, test.plain)
			if got != test.want || !errors.Is(err, test.err) {
				t.Errorf("got %q, %v, want %q, %v", got, err, test.want, test.err)
			}
		})
	}
}

func TestNewOffer(t *testing.T) {
	bare := NewOffer(Mechanisms(), ChannelBinding{})
	if !slices.Equal(bare.Mechanisms, Mechanisms()[3:]) || bare.Bindings != nil {
		t.Errorf("without TLS: %v", bare)
	}
	cb := ChannelBinding{Exporter: []byte("e"), EndPoint: []byte("p")}
	full := NewOffer(Mechanisms(), cb)
	if !slices.Equal(full.Mechanisms, Mechanisms()) || !slices.Equal(full.Bindings, []string{TLSExporter, TLSServerEndPoint}) {
		t.Errorf("with TLS: %v", full)
	}
	if o := NewOffer([]string{Plain, ScramSHA1}, cb); o.Bindings != nil {
		t.Errorf("types without mechanisms look like an attack: %v", o)
	}
}

// A client that can bind and saw no -PLUS says so; a server that did offer -PLUS then knows that someone removed it.
// RFC 5802 §6
func TestDowngrade(t *testing.T) {
	cb := ChannelBinding{Exporter: []byte("a connection")}
	a := account(t, "romeo", "pencil")
	stripped := Offer{Mechanisms: []string{ScramSHA1, Plain}}
	l := login{
		name: ScramSHA1, cred: romeo, accounts: a, client: cb, server: cb,
		clientSees: stripped, offers: NewOffer(Mechanisms(), cb),
	}
	if _, err := l.run(t); !errors.Is(err, ErrDowngrade) || !errors.Is(err, NotAuthorized) {
		t.Errorf("removed: %v", err)
	}
	l.clientSees = Offer{Mechanisms: []string{ScramSHA1, "X-PLUS", "SCRAM-SHA-3-PLUS"}}
	if _, err := l.run(t); !errors.Is(err, ErrDowngrade) {
		t.Errorf("renamed: %v", err)
	}
	l.offers = stripped
	if _, err := l.run(t); err != nil {
		t.Errorf("a server that offers none: %v", err)
	}
	l.offers, l.client = NewOffer(Mechanisms(), cb), ChannelBinding{}
	if _, err := l.run(t); err != nil {
		t.Errorf("a client that cannot bind: %v", err)
	}
}

// RFC 5802 §6: the flag fits the mechanism's name.
func TestFlagAndName(t *testing.T) {
	cb := ChannelBinding{Exporter: []byte("e")}
	for _, test := range []struct {
		name, first string
		want        Condition
	}{
		{ScramSHA1, "p=tls-exporter,,n=u,r=x", MalformedRequest},
		{ScramSHA1Plus, "n,,n=u,r=x", MalformedRequest},
		{ScramSHA1Plus, "y,,n=u,r=x", MalformedRequest},
		{ScramSHA1Plus, "p=tls-unique,,n=u,r=x", MalformedRequest},
		{ScramSHA1Plus, "p=tls-server-end-point,,n=u,r=x", MalformedRequest},
		{ScramSHA1, "y,,n=u,r=x", NotAuthorized},
		{ScramSHA1, "n,,n=u,r=x", ""},
		{ScramSHA1Plus, "p=tls-exporter,,n=u,r=x", ""},
	} {
		s, err := NewServer(test.name, config(accounts{}), cb, NewOffer(Mechanisms(), cb))
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = s.Next(t.Context(), []byte(test.first))
		if got := ConditionOf(err); err == nil && test.want != "" || err != nil && got != test.want {
			t.Errorf("%s %s: %v", test.name, test.first, err)
		}
	}
}
