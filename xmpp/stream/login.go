package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/comity-iot/comity/xmpp/sasl"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// AuthError is a login that the server refused.
type AuthError struct {
	Mechanism string
	Condition sasl.Condition // RFC 6120 §6.5
	Text      string         // as the server put it, for a log
}

// Error names the condition, and what the server said of it.
func (e *AuthError) Error() string {
	s := fmt.Sprintf("stream: login refused: %s (%s)", string(e.Condition), e.Mechanism)
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}

// Unwrap returns the condition, so that errors.Is(err, sasl.NotAuthorized) holds.
func (e *AuthError) Unwrap() error { return e.Condition }

// login proves who we are, and lets Register create the account where it is missing: then the login is tried again on the same
// stream, to which the server sends no new features.
func (n *negotiation) login(ctx context.Context) error {
	err := n.authenticate(ctx)
	if n.Register == nil || !errors.Is(err, sasl.NotAuthorized) || n.features.Child(NSRegister, "register") == nil {
		return err
	}
	var refused *AuthError
	if !errors.As(err, &refused) { // it was we who gave up
		return err
	}
	if err := n.Register(ctx, n); err != nil {
		return fmt.Errorf("stream: register: %w", err)
	}
	return n.authenticate(ctx)
}

// authenticate is one attempt at SASL. RFC 6120 §6.4
func (n *negotiation) authenticate(ctx context.Context) error {
	offer := parseOffer(n.features)
	cb := n.binding()
	name, err := offer.Choose(cb, n.verified())
	if err != nil {
		return err
	}
	cred := sasl.ClientCredentials{Username: n.JID.Local(), Password: n.Password}
	attempt, err := sasl.NewClient(name, cred, cb, offer)
	if err != nil {
		return err
	}
	initial, err := attempt.Start()
	if err != nil {
		return err
	}
	if err := n.write(ctx, SASL("auth", initial, xmlstream.A("mechanism", name))); err != nil {
		return err
	}
	if err := n.exchange(ctx, attempt); err != nil {
		return err
	}
	n.result.Mechanism = name
	return nil
}

// exchange answers challenges until the login succeeded or failed. Its length is the mechanism's to bound.
func (n *negotiation) exchange(ctx context.Context, attempt sasl.Client) error {
	for {
		el, err := n.next(ctx)
		switch {
		case err != nil:
			return err
		case el.Is(NSSASL, "failure"):
			return parseFailure(el, attempt.Name())
		case !el.Is(NSSASL, "challenge") && !el.Is(NSSASL, "success"):
			return unexpected(el, "a step of the login")
		}
		success := el.Local() == "success"
		response, err := step(attempt, el, success)
		if err != nil {
			if !success {
				n.write(ctx, SASL("abort", nil)) // RFC 6120 §6.4.4; that it failed counts, not whether this arrives
			}
			return fmt.Errorf("stream: login with %s: %w", attempt.Name(), err)
		}
		if success {
			return nil
		}
		if err := n.write(ctx, SASL("response", response)); err != nil {
			return err
		}
	}
}

// step lets the mechanism judge what the server said. A success must leave nothing unproved.
func step(attempt sasl.Client, el *xmlstream.Element, success bool) (response []byte, err error) {
	data, err := SASLData(el)
	if err != nil {
		return nil, err
	}
	if !success && data == nil {
		data = []byte{} // an empty challenge is the empty string. RFC 6120 §6.4.3
	}
	if data != nil {
		if response, err = attempt.Next(data); err != nil {
			return nil, err
		}
	}
	if success && !attempt.Done() {
		return nil, fmt.Errorf("%w: success without proof", sasl.ErrProof)
	}
	return response, nil
}

// parseOffer reads the features of SASL: RFC 6120 §6.4.1 and XEP-0440#sasl-cb-type.
func parseOffer(features *xmlstream.Element) sasl.Offer {
	var o sasl.Offer
	for m := range features.Child(NSSASL, "mechanisms").ChildrenNamed(NSSASL, "mechanism") {
		o.Mechanisms = append(o.Mechanisms, m.Text())
	}
	types := features.Child(NSChannelBinding, "sasl-channel-binding")
	for b := range types.ChildrenNamed(NSChannelBinding, "channel-binding") {
		o.Bindings = append(o.Bindings, b.Attr("type"))
	}
	return o
}

func parseFailure(el *xmlstream.Element, mechanism string) *AuthError {
	// Servers from before RFC 6120 leave the condition out.
	e := &AuthError{Mechanism: mechanism, Condition: sasl.NotAuthorized}
	for c := range el.Children() {
		switch {
		case c.Is(NSSASL, "text"):
			e.Text = c.Text()
		case c.Space() == NSSASL:
			e.Condition = sasl.Condition(c.Local())
		}
	}
	return e
}
