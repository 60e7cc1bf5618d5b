package streamtest

import (
	"context"

	"github.com/comity-iot/comity/xmpp/sasl"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Accounts are users and their passwords. It implements sasl.Credentials.
type Accounts map[string]string

// Keys implements sasl.Credentials.
func (a Accounts) Keys(_ context.Context, username string, h sasl.Hash) (sasl.Keys, error) {
	password, ok := a[username]
	if !ok {
		return sasl.Keys{}, sasl.ErrNoUser
	}
	if h == sasl.AnyHash {
		h = sasl.SHA256
	}
	return sasl.DeriveKeys(h, password, []byte("salt of this test"), sasl.MinIterations)
}

// Mechanisms returns the features that offer a login with all that suits the connection, among the names given or, without
// any, of package sasl.
func (p *Peer) Mechanisms(names ...string) []*xmlstream.Element {
	offer := p.offer(names)
	features := []*xmlstream.Element{stream.Mechanisms(offer.Mechanisms)}
	if len(offer.Bindings) > 0 {
		el := xmlstream.New(stream.NSChannelBinding, "sasl-channel-binding")
		for _, b := range offer.Bindings {
			el = el.With(xmlstream.New(stream.NSChannelBinding, "channel-binding", xmlstream.A("type", b)))
		}
		features = append(features, el)
	}
	return features
}

func (p *Peer) offer(names []string) sasl.Offer {
	if names == nil {
		names = sasl.Mechanisms()
	}
	return sasl.NewOffer(names, p.binding())
}

// Authenticate lets the client log in once, and reports whether it did. The offer must be what Mechanisms made of the names.
func (p *Peer) Authenticate(accounts Accounts, names ...string) bool {
	p.t.Helper()
	auth := p.Expect(stream.NSSASL, "auth")
	config := sasl.ServerConfig{Credentials: accounts, Secret: []byte("a secret of at least 32 bytes, it is")}
	attempt, err := sasl.NewServer(auth.Attr("mechanism"), config, p.binding(), p.offer(names))
	if err != nil {
		p.Fatalf("mechanism %q: %v", auth.Attr("mechanism"), err)
	}
	for el := auth; ; el = p.Expect(stream.NSSASL, "response") {
		data, err := stream.SASLData(el)
		if err != nil {
			p.Fatalf("login: %v", err)
		}
		challenge, done, err := attempt.Next(context.Background(), data)
		switch {
		case err != nil:
			p.Write(stream.Failure(string(sasl.ConditionOf(err))))
			return false
		case done:
			p.Write(stream.SASL("success", challenge))
			p.Restart()
			return true
		}
		p.Write(stream.SASL("challenge", challenge))
	}
}

// Bind gives the client a resource, and returns what it had asked for. more is what is offered besides.
func (p *Peer) Bind(full string, more ...*xmlstream.Element) (asked string) {
	p.t.Helper()
	p.Header(append(more, xmlstream.New(stream.NSBind, "bind"))...)
	return p.GiveResource(full)
}

// GiveResource does so where the client has been offered to bind one.
func (p *Peer) GiveResource(full string) (asked string) {
	p.t.Helper()
	iq := p.Expect(stanza.Client, "iq")
	bind := iq.Child(stream.NSBind, "bind")
	if bind == nil || iq.Attr("type") != "set" {
		p.Fatalf("got %v, want a request to bind", iq)
	}
	p.Result(iq, xmlstream.New(stream.NSBind, "bind", xmlstream.New(stream.NSBind, "jid", xmlstream.Text(full))))
	return bind.ChildText(stream.NSBind, "resource")
}

// Result answers a request with a payload, which may be nil.
func (p *Peer) Result(iq, payload *xmlstream.Element) {
	p.t.Helper()
	p.Write(xmlstream.New(stanza.Client, "iq", xmlstream.A("type", "result"), xmlstream.A("id", iq.Attr("id")), payload))
}

// Enter takes the client from the first header to a bound resource: TLS, login, resource.
func (p *Peer) Enter(ca *CA, accounts Accounts, full string) {
	p.t.Helper()
	p.StartTLS(ca.Server(p.Domain))
	p.Header(p.Mechanisms()...)
	if !p.Authenticate(accounts) {
		p.Fatalf("login failed")
	}
	p.Bind(full)
}
