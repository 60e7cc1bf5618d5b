// Package transcript runs conversations that are written down as a document shows them: who sends which XML, and who receives which.
// The same file runs against any server that a Peer describes.
//
// A file begins with its header: a title in the first comment, which cites the document, and lines of the form "key: words".
//
//	# XEP-0347#claim: an owner claims a thing by its tags.
//	accounts: alice thing
//	needs: urn:xmpp:iot:discovery at {discovery}
//
//	alice connects
//	alice sends: <iq type='set' id='1' to='{discovery}'>
//	  <mine xmlns='urn:xmpp:iot:discovery'><str name='KEY' value='kJ3'/></mine></iq>
//	alice receives: <iq type='error' id='1'>{error cancel/item-not-found}</iq>
//
// Keys of the header are accounts (created for this file alone), unused (names that nobody has), keys (API keys, "maker=2" for one that
// is good for two accounts), needs (a disco feature of the domain, or "at" another address, as {discovery} or any {account}; or the
// namespace of a stream feature behind the login) and each (a name and its values, for each of which the file is played once). Steps follow, one on a line; indented lines continue it. A comment may cite further clauses in the
// form "# RFC 6121 §8.5.2: ...".
//
// Steps of a session, which is an account ("alice") or one of its resources ("alice/phone"):
//
//	alice connects                    logs in and binds a resource
//	alice is available                sends presence, and ignores presence that comes meanwhile; also "is available, priority -1"
//	alice sends: XML                  as it stands, well-formed or not
//	alice receives: XML               that comes next
//	alice receives in any order:      several, on indented lines
//	alice receives one of:            the one or the other, on indented lines, where the document leaves the choice
//	alice may receive: XML            that comes next, if anything does
//	alice receives nothing            nothing is on its way: all parties have asked the server, and the addresses of needs, since
//	alice receives stream error: conflict
//	alice is closed                   the server ended the stream; "is cut" where the connection ended without that
//	alice disconnects                 in good order; "drops" cuts the connection
//
// Names that begin with "raw" are streams without an account:
//
//	raw connects                      the connection alone
//	raw opens                         sends a header, and takes the server's and its features
//	raw receives header: from='…'     the attributes given
//	raw starts TLS
//	raw logs in as alice [using PLAIN]
//	raw fails to log in as alice [using PLAIN]: not-authorized
//	raw restarts                      the next it receives is a header
//
// Steps of all:
//
//	alice and bob are friends         subscribed to each other, before either connects
//	all settle                        whatever came until now is ignored
//	let x = function words            {x} is what the function makes of the words
//
// Values: {domain}, {alice} (bare address), {alice/phone} (full address; {alice/} without a name), {alice.name}, {alice.password},
// {maker.id}, {maker.secret} and services by their label, as {discovery}. In what is received {any} is any value, a name that is not
// known yet is bound to what stands there, {more} lets an element hold more than is written, in any order, and {error type/condition}
// stands for an error of that kind, with "any" for a type that does not matter. In what is sent {!x} is put in without escaping.
//
// XML is compared by its information: prefixes, the order of attributes, and that of what is in a message, do not matter. Of a stanza
// these may be left out in the file: xml:lang, a to that is the receiver's own, or on a stream without an account any, a from (which in
// an answer then is whoever was asked), stanza ids, the delay of presence, and the text of a failed login. What a server asks for by
// XEP-0198, <r/>, is passed over, and not answered unless the file does.
package transcript

import (
	"fmt"
	"slices"
	"strings"
)

// File is one transcript.
type File struct {
	Name     string   // for messages
	Title    string   // first comment
	Cites    []string // clauses, as "RFC 6121 §3.1" and "XEP-0347#claim"
	Accounts []string
	Unused   []string // names for accounts that do not exist
	Keys     []Key
	Needs    []Need
	Each     []string // a name and its values; empty for a file that is played once
	steps    []step
	preset   values
}

// Expand returns the file once for each value of Each.
func (f *File) Expand() []*File {
	if len(f.Each) == 0 {
		return []*File{f}
	}
	var all []*File
	for _, v := range f.Each[1:] {
		c := *f
		c.Name += " (" + v + ")"
		c.Each = nil
		c.preset = values{f.Each[0]: v}
		c.Needs = slices.Clone(f.Needs)
		for i := range c.Needs {
			c.Needs[i].Feature = strings.ReplaceAll(c.Needs[i].Feature, "{"+f.Each[0]+"}", v)
		}
		all = append(all, &c)
	}
	return all
}

// Key is an API key that a file needs.
type Key struct {
	Name  string
	Limit int // accounts that it may create
}

// Need is a feature, of disco or of the stream, without which a file cannot run.
type Need struct {
	Feature string
	At      string // whose, as it is written: "{discovery}". Empty for the domain
}

// String returns the need as it is written.
func (n Need) String() string {
	if n.At == "" {
		return n.Feature
	}
	return n.Feature + " at " + n.At
}

// step is a line and what it does.
type step struct {
	line int
	text string // as written, shortened
	action
}

type action interface{ run(*runner) error }

// Error is a step that did not go as it is written.
type Error struct {
	File string
	Line int
	Step string
	Err  error
}

// Error gives the place, the step and what happened.
func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s\n%v", e.File, e.Line, e.Step, e.Err) }

// Unwrap returns what happened.
func (e *Error) Unwrap() error { return e.Err }

// Len returns the number of steps.
func (f *File) Len() int { return len(f.steps) }

// hasAccount reports whether a party may be used as an account or one of its resources.
func (f *File) hasAccount(party string) bool {
	account, _, _ := strings.Cut(party, "/")
	return slices.Contains(f.Accounts, account)
}

func isRaw(party string) bool {
	return strings.HasPrefix(party, "raw") && !strings.Contains(party, "/")
}
