// Package xmlstream reads and writes the restricted XML of XMPP (RFC 6120 §11; XML 1.0, 5th edition; Namespaces in XML
// 1.0, 3rd edition): an incremental tokenizer with limits, elements as immutable trees, and the content of stanzas as
// bytes with a flat index.
//
// A Tokenizer owns a contiguous window that its caller fills from the network. It checks everything once:
// well-formedness, namespaces, the constructs that XMPP forbids (comments, processing instructions, DTDs,
// entities other than the five predefined ones), and the limits on size, depth, attributes and nodes. What it hands
// out still lies in the window; a receiver that keeps it copies it once, and from then on nothing changes it.
//
// An element can be had in two ways. Taken is for what is relayed: one copy of its bytes, with the attributes and an
// index of the children; see Content for where such bytes may be placed. Element is for what is read and answered.
//
// Missing, as XMPP needs none of it: other encodings than UTF-8, XML 1.1, validation, xml:base and xml:space, and
// prefixes that are used inside values. Whether a header and a stanza are in the right namespace is not looked at here.
//
// encoding/xml is the oracle in this package's tests and has no part in the code.
package xmlstream
