package disco

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// NSCaps is the namespace and feature of XEP-0115.
const NSCaps = "http://jabber.org/protocol/caps"

// SHA1 is the hash function that all who implement XEP-0115 know; its use is no matter of security (XEP-0115#security-mti).
const SHA1 = "sha-1"

var (
	// ErrUnknownHash is the error of a hash function that this package does not have.
	ErrUnknownHash = errors.New("disco: unknown hash function")
	// ErrHash is the error of information that another hash was published for.
	ErrHash = errors.New("disco: the hash is another one")
)

// Caps is the hash of an entity's Info, as its presence or a server's stream features carry it (XEP-0115).
type Caps struct {
	Hash string // the function, "sha-1"; empty in the legacy format
	Node string // the software, as a URI
	Ver  string // the verification string
}

// NewCaps returns the SHA-1 caps of an entity that runs the software node. The error is ErrIllFormed.
func NewCaps(node string, info *Info) (Caps, error) {
	ver, err := info.Ver(SHA1)
	return Caps{Hash: SHA1, Node: node, Ver: ver}, err
}

// ParseCaps reads a <c/>. ok is false where el is none, or lacks what it must have.
func ParseCaps(el *xmlstream.Element) (c Caps, ok bool) {
	c = Caps{Hash: el.Attr("hash"), Node: el.Attr("node"), Ver: el.Attr("ver")}
	return c, el.Is(NSCaps, "c") && c.Node != "" && c.Ver != ""
}

// Element returns the <c/> for presence.
func (c Caps) Element() *xmlstream.Element {
	parts := appendAttr(nil, "hash", c.Hash)
	return xmlstream.New(NSCaps, "c", append(parts, xmlstream.A("node", c.Node), xmlstream.A("ver", c.Ver))...)
}

// InfoNode returns the node to ask the entity for, as in GetInfo (XEP-0115#discover).
func (c Caps) InfoNode() string { return c.Node + "#" + c.Ver }

// Verify reports whether info is what the caps were made of, so that it may be kept for all who have the same (XEP-0115#ver-proc).
// If not, the error is ErrIllFormed, ErrHash, or ErrUnknownHash: in that case info is true of the entity that gave it only.
func (c Caps) Verify(info *Info) error {
	ver, err := info.Ver(c.Hash)
	if err != nil {
		return err
	}
	if ver != c.Ver {
		return ErrHash
	}
	return nil
}

// Ver returns the verification string (XEP-0115#ver-gen) under the hash function: "sha-1", or "sha-256", "sha-512",
// "sha3-256", "sha3-512". The error is ErrUnknownHash or ErrIllFormed.
func (i *Info) Ver(hash string) (string, error) {
	if err := i.wellFormed(); err != nil {
		return "", err
	}
	return digest(hash, []byte(i.verInput()))
}

// verInput returns the string S of XEP-0115#ver-gen, whose every part ends with a <.
func (i *Info) verInput() string {
	var b strings.Builder
	put := func(parts ...string) {
		slices.Sort(parts) // i;octet
		for _, p := range parts {
			b.WriteString(p)
			b.WriteByte('<')
		}
	}
	put(i.verIdentities()...)
	put(slices.Clone(i.Features)...)
	for _, f := range i.verForms() {
		put(f.FormType())
		for _, field := range sortedFields(f) {
			if field.Var != form.FormType {
				put(field.Var)
				put(slices.Clone(field.Values)...)
			}
		}
	}
	return b.String()
}

// verIdentities returns category/type/lang/name of each identity.
func (i *Info) verIdentities() []string {
	var parts []string
	for _, id := range i.Identities {
		parts = append(parts, id.Category+"/"+id.Type+"/"+id.Lang+"/"+id.Name)
	}
	return parts
}

// verForms returns the forms that count, sorted: one whose FORM_TYPE is absent or not hidden does not
// (XEP-0115#ver-proc 3.6).
func (i *Info) verForms() []*form.Form {
	var forms []*form.Form
	for _, f := range i.Forms {
		if f.FormType() != "" {
			forms = append(forms, f)
		}
	}
	slices.SortFunc(forms, func(a, b *form.Form) int { return strings.Compare(a.FormType(), b.FormType()) })
	return forms
}

func sortedFields(f *form.Form) []form.Field {
	fields := slices.Clone(f.Fields)
	slices.SortFunc(fields, func(a, b form.Field) int { return strings.Compare(a.Var, b.Var) })
	return fields
}

// wellFormed refuses what XEP-0115#ver-proc calls ill-formed.
func (i *Info) wellFormed() error {
	var formTypes []string
	for _, f := range i.verForms() {
		values := f.Values(form.FormType)
		if slices.ContainsFunc(values, func(v string) bool { return v != values[0] }) {
			return ErrIllFormed
		}
		formTypes = append(formTypes, values[0])
	}
	for _, names := range [][]string{i.verIdentities(), slices.Clone(i.Features), formTypes} {
		slices.Sort(names)
		if len(slices.Compact(names)) < len(names) {
			return ErrIllFormed
		}
	}
	// A separator inside a part would let two different Infos have one hash (XEP-0115#security-poisoning). Of what is left,
	// the document says that it cannot be mended.
	if strings.Count(i.verInput(), "<") != i.parts() {
		return ErrIllFormed
	}
	return nil
}

// parts returns how many parts verInput puts together.
func (i *Info) parts() int {
	n := len(i.Identities) + len(i.Features)
	for _, f := range i.verForms() {
		n++
		for _, field := range f.Fields {
			if field.Var != form.FormType {
				n += 1 + len(field.Values)
			}
		}
	}
	return n
}

// digest returns the hash of data in base64. Names of functions are those of the IANA registry, as in XEP-0300.
func digest(hash string, data []byte) (string, error) {
	var sum []byte
	switch hash {
	case SHA1:
		s := sha1.Sum(data)
		sum = s[:]
	case SHA256:
		s := sha256.Sum256(data)
		sum = s[:]
	case "sha-512":
		s := sha512.Sum512(data)
		sum = s[:]
	case SHA3:
		s := sha3.Sum256(data)
		sum = s[:]
	case "sha3-512":
		s := sha3.Sum512(data)
		sum = s[:]
	default:
		return "", ErrUnknownHash
	}
	return base64.StdEncoding.EncodeToString(sum), nil
}
