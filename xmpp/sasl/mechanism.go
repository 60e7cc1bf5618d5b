package sasl

import (
	"slices"
	"strings"
)

// The mechanisms' names, as registered with IANA.
const (
	ScramSHA512Plus = "SCRAM-SHA-512-PLUS"
	ScramSHA256Plus = "SCRAM-SHA-256-PLUS"
	ScramSHA1Plus   = "SCRAM-SHA-1-PLUS"
	ScramSHA512     = "SCRAM-SHA-512"
	ScramSHA256     = "SCRAM-SHA-256"
	ScramSHA1       = "SCRAM-SHA-1"
	Plain           = "PLAIN"
)

// Mechanisms returns the names of all mechanisms of this package, the preferred ones first.
func Mechanisms() []string {
	return []string{
		ScramSHA512Plus, ScramSHA256Plus, ScramSHA1Plus,
		ScramSHA512, ScramSHA256, ScramSHA1,
		Plain,
	}
}

// scram takes a SCRAM mechanism's name apart; ok is false for other names.
func scram(name string) (h Hash, plus, ok bool) {
	base, plus := strings.CutSuffix(name, "-PLUS")
	switch base {
	case ScramSHA512:
		return SHA512, plus, true
	case ScramSHA256:
		return SHA256, plus, true
	case ScramSHA1:
		return SHA1, plus, true
	}
	return AnyHash, false, false
}

// Offer is what a server lets a client choose from in its stream features.
type Offer struct {
	// Mechanisms are their names, in any order.
	Mechanisms []string
	// Bindings are the announced types of channel binding (XEP-0440#sasl-cb-type), empty if there was no announcement.
	Bindings []string
}

// NewOffer returns what a server may offer on a connection bound by cb: the names, without those that need a channel
// binding if there is none, and the types of binding to announce beside them.
func NewOffer(names []string, cb ChannelBinding) Offer {
	types := cb.Types()
	o := Offer{Mechanisms: slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, plus, _ := scram(name)
		return plus && len(types) == 0
	})}
	if o.plus() {
		// Types without a mechanism to use them look like an attack. XEP-0440#business-rules 5
		o.Bindings = types
	}
	return o
}

// Choose picks the mechanism for a client whose connection is bound by cb (zero if it cannot bind).
// allowPlain must be false unless the server was authenticated by TLS: PLAIN hands it the password.
// Errors: ErrNoMechanism, ErrDowngrade.
func (o Offer) Choose(cb ChannelBinding, allowPlain bool) (string, error) {
	common := o.binding(cb)
	if cb.usable() && o.tampered(common) {
		return "", ErrDowngrade
	}
	for _, name := range Mechanisms() {
		_, plus, _ := scram(name)
		switch {
		case !slices.Contains(o.Mechanisms, name),
			plus && common == "",
			name == Plain && !allowPlain:
			continue
		}
		return name, nil
	}
	return "", ErrNoMechanism
}

// tampered tells that a client which can bind was shown an offer that no honest server makes.
// XEP-0440#business-rules
func (o Offer) tampered(common string) bool {
	if o.plus() {
		// Rule 6 spares a server that announces tls-server-end-point; but then we have that in common, except for a
		// certificate whose hash is undefined, which must not become the way around the rule.
		return common == ""
	}
	return len(o.Bindings) > 0 // rule 5: the mechanisms were stripped
}

// plus tells whether a mechanism with channel binding is offered. Only known names count: a made-up name ending in
// -PLUS must not silence the flag by which we tell the server that we saw none (RFC 5802 §6).
func (o Offer) plus() bool {
	return slices.ContainsFunc(o.Mechanisms, func(name string) bool {
		_, plus, _ := scram(name)
		return plus
	})
}

// binding returns the strongest type of cb that the server announced, or has left unsaid; empty if there is none.
func (o Offer) binding(cb ChannelBinding) string {
	for _, t := range cb.Types() {
		if len(o.Bindings) == 0 || slices.Contains(o.Bindings, t) {
			return t
		}
	}
	return ""
}
