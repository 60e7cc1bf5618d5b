// Package iot holds what the IoT protocols have in common: the four namespace generations, the address of a thing,
// categories of sensor data, tokens, and the strict reading of attributes.
//
// Documents: XEP-0323 to XEP-0326 and XEP-0347 of the XMPP Standards Foundation for the first generation; the
// Neuro-Foundation's documents, whose XML the IEEE generation shares, for the others. The protocols themselves are
// packages below this one. Not here: xs:duration and xs:dateTime.
package iot

import "iter"

// Generation is one of the four namespace generations in which the same protocols exist. It decides the names of
// elements and attributes too: the first has long names, the other three have the same short ones.
// The zero value means that nothing is known of the peer yet.
type Generation uint8

const (
	XSF  Generation = iota + 1 // urn:xmpp:iot
	IEEE                       // urn:ieee:iot
	NF                         // urn:nf:iot
	NFI                        // urn:nfi:iot
)

// String returns the generation's prefix of namespaces.
func (g Generation) String() string {
	switch g {
	case XSF:
		return "urn:xmpp:iot"
	case IEEE:
		return "urn:ieee:iot"
	case NF:
		return "urn:nf:iot"
	case NFI:
		return "urn:nfi:iot"
	}
	return "unknown"
}

// Family is one protocol's namespaces, one in each generation that has the protocol. It is immutable.
type Family struct{ ns [NFI + 1]string }

// NewFamily returns the family of the protocol that is called xsf in the first generation, where it may be empty, and
// by suffix in the others, as in "disco:1.0".
func NewFamily(xsf, suffix string) Family {
	f := Family{}
	f.ns[XSF] = xsf
	for _, g := range []Generation{IEEE, NF, NFI} {
		f.ns[g] = g.String() + ":" + suffix
	}
	return f
}

// Without returns the family without the generations given.
func (f Family) Without(gs ...Generation) Family {
	for _, g := range gs {
		f.ns[g] = ""
	}
	return f
}

// Of returns the generation that a namespace of the family belongs to; false for any other namespace.
func (f Family) Of(space string) (Generation, bool) {
	for g := XSF; g <= NFI; g++ {
		if space != "" && f.ns[g] == space {
			return g, true
		}
	}
	return 0, false
}

// For returns the generation and the namespace to use with a peer that uses generation g. Where the family lacks g, or
// the peer is unknown, that is IEEE, which the most clients read, or the next that the family has.
func (f Family) For(g Generation) (Generation, string) {
	if g <= NFI && f.ns[g] != "" {
		return g, f.ns[g]
	}
	for _, g := range []Generation{IEEE, NF, NFI} {
		if f.ns[g] != "" {
			return g, f.ns[g]
		}
	}
	return XSF, f.ns[XSF]
}

// NS returns the namespace that For does.
func (f Family) NS(g Generation) string {
	_, ns := f.For(g)
	return ns
}

// All yields the generations that the family has, oldest first, with their namespaces.
func (f Family) All() iter.Seq2[Generation, string] {
	return func(yield func(Generation, string) bool) {
		for g := XSF; g <= NFI; g++ {
			if f.ns[g] != "" && !yield(g, f.ns[g]) {
				return
			}
		}
	}
}
