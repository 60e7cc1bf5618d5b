// Package jid implements XMPP addresses, RFC 7622 (September 2015, with erratum 4560).
//
// An address is [localpart@]domainpart[/resourcepart]. A [JID] can only be made by this package, so it is
// valid and in canonical form: two addresses that mean the same are equal with ==, and both can key a map.
//
// Addresses of plain ASCII, nearly all that a broker sees, are checked with a table and not copied. The others go
// through PRECIS (RFC 8264, the successor of RFC 7564) and IDNA2008 (RFC 5890) with the mappings of UTS #46.
//
// Three decisions go beyond the letter of the document:
//   - "_" is accepted in domain labels, because services named like my_service.localhost exist;
//   - a name that only looks like an IPv4 address (999.1.1.1) is a domain name, as RFC 3986 §3.2.2 has it;
//   - what PRECIS does not bring into a stable form is refused, so that parsing a printed address changes nothing.
//
// Not here: XEP-0106 escaping, and IPv6 zones and IPvFuture literals, which are refused.
package jid

import (
	"fmt"
	"strings"
)

// JID is an XMPP address, valid and in canonical form by construction. It is comparable with ==; the zero value is
// no address. It may share memory with the string that it was parsed from: see [JID.Clone].
type JID struct {
	s     string // canonical text
	at    uint16 // where the domainpart begins: 0, or just after the "@"
	slash uint16 // where the domainpart ends: at the "/", or len(s)
}

// Parse reads an address. A string that is ASCII and canonical already is kept as it is, without allocation; any
// other is brought into canonical form. The error is an [*Error].
func Parse(s string) (JID, error) {
	if len(s) > maxAddress {
		return JID{}, &Error{Part: "address", Reason: "is too long"}
	}
	at, slash := split(s)
	if classesOf(s[:slash])&(upper|high) == upper {
		s = lower(s, slash) // all at once: one allocation instead of one per part
	}
	raw := JID{s: s, at: uint16(at), slash: uint16(slash)} // maxAddress fits

	var local, resource string
	domain, err := PrepareDomain(raw.Domain())
	if err == nil && at > 0 {
		local, err = PrepareLocal(raw.Local())
	}
	if err == nil && slash < len(s) {
		resource, err = PrepareResource(raw.Resource())
	}
	switch {
	case err != nil:
		return JID{}, err
	case local == raw.Local() && domain == raw.Domain() && resource == raw.Resource():
		return raw, nil
	}
	return join(local, domain, resource), nil
}

// split finds where the domainpart of s begins and ends: first the "/" is looked for, then the "@" before it, so
// that a resourcepart may contain both. RFC 7622 §3.2
func split(s string) (at, slash int) {
	slash = strings.IndexByte(s, '/')
	if slash < 0 {
		slash = len(s)
	}
	return strings.IndexByte(s[:slash], '@') + 1, slash
}

// MustParse is like [Parse] but panics on an error. It is for constants and tests.
func MustParse(s string) JID {
	j, err := Parse(s)
	if err != nil {
		panic(fmt.Sprintf("jid.MustParse(%.80q): %v", s, err))
	}
	return j
}

// New makes an address from its parts. An empty local or resource means that the address has none; the domain is
// required. The error is an [*Error].
func New(local, domain, resource string) (JID, error) {
	domain, err := PrepareDomain(domain)
	if err == nil && local != "" {
		local, err = PrepareLocal(local)
	}
	if err == nil && resource != "" {
		resource, err = PrepareResource(resource)
	}
	if err != nil {
		return JID{}, err
	}
	return join(local, domain, resource), nil
}

// join puts prepared parts together, in memory of its own.
func join(local, domain, resource string) JID {
	var b strings.Builder
	b.Grow(len(local) + len("@") + len(domain) + len("/") + len(resource))
	if local != "" {
		b.WriteString(local)
		b.WriteByte('@')
	}
	at := b.Len()
	b.WriteString(domain)
	slash := b.Len()
	if resource != "" {
		b.WriteByte('/')
		b.WriteString(resource)
	}
	return JID{s: b.String(), at: uint16(at), slash: uint16(slash)}
}

// Local returns the part before the "@": the account. Empty if there is none.
func (j JID) Local() string {
	if j.at == 0 {
		return ""
	}
	return j.s[:j.at-1]
}

// Domain returns the domainpart: a name with U-labels, an IPv4 address, or an IPv6 address in brackets.
func (j JID) Domain() string { return j.s[j.at:j.slash] }

// Resource returns the part after the "/": one session of an account. Empty if there is none.
func (j JID) Resource() string {
	if !j.IsFull() {
		return ""
	}
	return j.s[j.slash+1:]
}

// String returns the canonical text. Empty for the zero value.
func (j JID) String() string { return j.s }

// IsZero reports whether j is the zero value, which is no address.
func (j JID) IsZero() bool { return j.s == "" }

// IsBare reports whether j is an address without resourcepart; a domain alone is bare too.
func (j JID) IsBare() bool { return !j.IsZero() && !j.IsFull() }

// IsFull reports whether j has a resourcepart.
func (j JID) IsFull() bool { return int(j.slash) < len(j.s) }

// IsDomain reports whether j is a domainpart alone.
func (j JID) IsDomain() bool { return j.IsBare() && j.at == 0 }

// Bare returns j without its resourcepart. It does not allocate.
func (j JID) Bare() JID {
	j.s = j.s[:j.slash]
	return j
}

// DomainJID returns the domainpart of j as an address. It does not allocate.
func (j JID) DomainJID() JID {
	return JID{s: j.Domain(), slash: j.slash - j.at}
}

// WithResource returns j with its resourcepart, if any, replaced by r. An empty r is an error, as everywhere:
// use [JID.Bare] to take a resourcepart away. So is a zero j. The error is an [*Error].
func (j JID) WithResource(r string) (JID, error) {
	if j.IsZero() {
		return JID{}, &Error{Part: "domainpart", Reason: isEmpty}
	}
	r, err := PrepareResource(r)
	if err != nil {
		return JID{}, err
	}
	return join(j.Local(), j.Domain(), r), nil
}

// Clone returns j in memory of its own. Without it, a JID that is kept may keep the whole stanza that it was read
// from.
func (j JID) Clone() JID {
	j.s = strings.Clone(j.s)
	return j
}

// MarshalText returns the canonical text; empty for the zero value. The error is always nil.
func (j JID) MarshalText() ([]byte, error) { return []byte(j.s), nil }

// UnmarshalText parses text as [Parse] does, and copies it. Empty text gives the zero value, so that an optional
// address survives a round trip. After an error j is as it was.
func (j *JID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*j = JID{}
		return nil
	}
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*j = parsed
	return nil
}
