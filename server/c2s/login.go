package c2s

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/comity-iot/comity/store"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/sasl"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// binding returns what ties a login to the stream's TLS connection.
func (st *clientStream) binding() sasl.ChannelBinding {
	return sasl.BindTLS(st.conn.TLS(), st.cert.Leaf)
}

func (st *clientStream) offer() sasl.Offer {
	return sasl.NewOffer(sasl.Mechanisms(), st.binding())
}

// accepted is the offer that a login is judged by. A client that knows no type of channel binding but tls-unique, which
// TLS 1.3 has not, asks for it in vain and then says that it saw no offer of any: with the tolerance of the settings it is
// believed on the same stream. docs/adr/0002-old-channel-binding.md
func (st *clientStream) accepted() sasl.Offer {
	if st.oldBinding && st.server.Settings.OldBinding {
		return sasl.NewOffer(sasl.Mechanisms(), sasl.ChannelBinding{})
	}
	return st.offer()
}

// mechanisms offers the logins, and the types of channel binding that they may use. XEP-0440#sasl-cb-type
func (st *clientStream) mechanisms() []*xmlstream.Element {
	offer := st.offer()
	out := []*xmlstream.Element{stream.Mechanisms(offer.Mechanisms)}
	if len(offer.Bindings) > 0 {
		el := xmlstream.New(stream.NSChannelBinding, "sasl-channel-binding")
		for _, b := range offer.Bindings {
			el = el.With(xmlstream.New(stream.NSChannelBinding, "channel-binding", xmlstream.A("type", b)))
		}
		out = append(out, el)
	}
	return out
}

// sasl carries a login on by one message of the client. A login that fails leaves the stream open: the client may try again,
// or create its account first (XEP-0077). RFC 6120 §6.4
func (st *clientStream) sasl(ctx context.Context, el *xmlstream.Element) error {
	if !st.account.IsZero() {
		return stream.PolicyViolation.With("logged in already")
	}
	if !st.mayLogIn() {
		return st.refuse(sasl.EncryptionRequired)
	}
	data, err := stream.SASLData(el)
	if err != nil {
		return st.refuse(err)
	}
	switch el.Local() {
	case "auth":
		if st.server.failures.Spent(network(st.remote.Addr()), time.Now()) {
			return st.refuse(sasl.TemporaryAuthFailure.Wrap(errGuessing))
		}
		if err := st.newAttempt(el.Attr("mechanism")); err != nil {
			return st.refuse(err)
		}
	case "response":
		if st.login == nil {
			return st.refuse(sasl.MalformedRequest)
		}
		if data == nil { // an empty response is the empty string. RFC 6120 §6.4.3
			data = []byte{}
		}
	case "abort":
		return st.refuse(sasl.Aborted)
	default:
		return st.refuse(sasl.MalformedRequest)
	}
	challenge, done, err := st.login.server.Next(ctx, data)
	if err == nil && done {
		err = st.loggedIn(ctx)
	}
	switch {
	case err != nil:
		return st.refuse(err)
	case !done:
		if challenge == nil {
			challenge = []byte{}
		}
		return st.write(stream.SASL("challenge", challenge))
	}
	if err := st.write(stream.SASL("success", challenge)); err != nil {
		return err
	}
	return st.restart() // RFC 6120 §6.4.6
}

func (st *clientStream) newAttempt(mechanism string) error {
	config := st.server.Credentials.Credentials(st.host.Domain.Addr)
	server, err := sasl.NewServer(mechanism, config, st.binding(), st.accepted())
	if err != nil {
		return err
	}
	st.login = &attempt{mechanism: mechanism, server: server}
	return nil
}

// loggedIn settles who the stream belongs to.
func (st *clientStream) loggedIn(ctx context.Context) error {
	login := st.login.server
	account, err := jid.New(login.Username(), st.host.Domain.Addr.Domain(), "")
	if err != nil {
		return sasl.NotAuthorized.Wrap(err)
	}
	if z := login.AuthzID(); z != "" { // acting for another is not offered. RFC 6120 §6.3.8
		if other, err := jid.Parse(z); err != nil || other != account {
			return sasl.InvalidAuthzID
		}
	}
	info, err := st.server.Credentials.Account(ctx, account)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return sasl.NotAuthorized.Wrap(err)
	case err != nil:
		return sasl.TemporaryAuthFailure.Wrap(err)
	case info.Disabled:
		return sasl.AccountDisabled
	}
	st.server.Log.Debug("logged in", "account", account, "mechanism", st.login.mechanism, "remote", st.remote)
	st.account, st.login = account, nil
	if st.server.Settings.accountPace().limited() {
		st.share = st.server.shares.join(st.account)
	}
	return nil
}

// network is whom failed logins are counted for: an IPv4 address, or the IPv6 network that one customer has. Where more of them fail
// than can be counted the others may go on: better a guess more than nobody who can log in.
func network(addr netip.Addr) netip.Addr {
	if addr.Is6() {
		prefix, _ := addr.Prefix(64) // not too long for an IPv6 address
		return prefix.Addr()
	}
	return addr
}

// errGuessing refuses a login without a look at it, so that passwords cannot be tried in great number.
var errGuessing = errors.New("c2s: too many failed logins from this address")

// refuse answers a failed login; after too many the stream ends. RFC 6120 §6.4.5
func (st *clientStream) refuse(err error) error {
	st.login = nil
	if errors.Is(err, sasl.ErrBindingType) {
		st.oldBinding = true
	}
	st.failed++
	condition := sasl.ConditionOf(err)
	log := st.server.Log.Info
	switch {
	case condition == sasl.NotAuthorized:
		st.server.failures.Take(network(st.remote.Addr()), time.Now())
	case condition == sasl.TemporaryAuthFailure && !errors.Is(err, errGuessing):
		log = st.server.Log.Error
	}
	log("login failed", "remote", st.remote, "condition", string(condition), "err", err)
	if err := st.write(stream.Failure(string(condition))); err != nil {
		return err
	}
	if st.failed >= st.server.Settings.Attempts {
		return stream.PolicyViolation.With("too many failed logins")
	}
	return nil
}
