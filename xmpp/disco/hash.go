package disco

import (
	"slices"
	"strings"

	"github.com/comity-iot/comity/xmpp/form"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Namespaces of XEP-0390 and of the hashes that it holds (XEP-0300).
const (
	NSCaps2  = "urn:xmpp:caps"
	NSHashes = "urn:xmpp:hashes:2"
)

// The hash functions that XEP-0390's examples use, and that all should know.
const (
	SHA256 = "sha-256"
	SHA3   = "sha3-256"
)

// maxHashes bounds a HashSet.
const maxHashes = 16

// Hash is the hash of an Info under one function (XEP-0390).
type Hash struct {
	Algo  string // the function, "sha-256"
	Value string // in base64
}

// HashSet is an Info's hashes under several functions.
type HashSet []Hash

// NewHashSet returns the hashes of info under SHA-256 and SHA3-256. The error is ErrIllFormed.
func NewHashSet(info *Info) (HashSet, error) {
	var s HashSet
	for _, algo := range []string{SHA256, SHA3} {
		h, err := info.Hash(algo)
		if err != nil {
			return nil, err
		}
		s = append(s, h)
	}
	return s, nil
}

// ParseHashSet reads a <c xmlns='urn:xmpp:caps'/>. ok is false where el is none or holds no hash.
func ParseHashSet(el *xmlstream.Element) (s HashSet, ok bool) {
	if !el.Is(NSCaps2, "c") {
		return nil, false
	}
	for c := range el.ChildrenNamed(NSHashes, "hash") {
		if len(s) == maxHashes {
			break
		}
		s = append(s, Hash{c.Attr("algo"), strings.TrimSpace(c.Text())})
	}
	return s, len(s) > 0
}

// Element returns the <c xmlns='urn:xmpp:caps'/> for presence.
func (s HashSet) Element() *xmlstream.Element {
	var parts []xmlstream.Part
	for _, h := range s {
		parts = append(parts, xmlstream.New(NSHashes, "hash", xmlstream.A("algo", h.Algo), xmlstream.Text(h.Value)))
	}
	return xmlstream.New(NSCaps2, "c", parts...)
}

// InfoNode returns the node to ask the entity for, as in GetInfo (XEP-0390#algorithm-hashnodes).
func (h Hash) InfoNode() string { return NSCaps2 + "#" + h.Algo + "." + h.Value }

// ParseInfoNode is the reverse of InfoNode. ok is false for a node that is none.
func ParseInfoNode(node string) (h Hash, ok bool) {
	rest, ok := strings.CutPrefix(node, NSCaps2+"#")
	dot := strings.LastIndexByte(rest, '.')
	if !ok || dot < 0 {
		return Hash{}, false
	}
	return Hash{rest[:dot], rest[dot+1:]}, true
}

// Verify reports whether the hash is that of info (XEP-0390#algorithm-verify). If not, the error is ErrIllFormed, ErrHash or
// ErrUnknownHash.
func (h Hash) Verify(info *Info) error {
	got, err := info.Hash(h.Algo)
	if err != nil {
		return err
	}
	if got != h {
		return ErrHash
	}
	return nil
}

// Hash returns the hash of the information under the function. The error is ErrUnknownHash, or ErrIllFormed where the
// information has no hash.
func (i *Info) Hash(algo string) (Hash, error) {
	input, err := i.hashInput()
	if err != nil {
		return Hash{}, err
	}
	value, err := digest(algo, []byte(input))
	return Hash{algo, value}, err
}

// The ends of parts, from the innermost.
const (
	unit   = "\x1f"
	record = "\x1e"
	group  = "\x1d"
	file   = "\x1c"
)

// hashInput returns what is hashed (XEP-0390#algorithm-input). XML cannot hold the separators, so it means one thing only.
func (i *Info) hashInput() (string, error) {
	if i.foreign {
		return "", ErrIllFormed
	}
	var features, identities, forms []string
	for _, f := range i.Features {
		features = append(features, f+unit)
	}
	for _, id := range i.Identities {
		lang := id.Lang
		if lang == "" {
			lang = i.Lang // inherited
		}
		identities = append(identities, id.Category+unit+id.Type+unit+lang+unit+id.Name+unit+record)
	}
	for _, f := range i.Forms {
		if f.FormType() == "" || len(f.Reported) > 0 || len(f.Items) > 0 {
			return "", ErrIllFormed
		}
		forms = append(forms, formInput(f))
	}
	return joinSorted(features) + file + joinSorted(identities) + file + joinSorted(forms) + file, nil
}

func formInput(f *form.Form) string {
	var fields []string
	for _, field := range f.Fields {
		var values []string
		for _, v := range field.Values {
			values = append(values, v+unit)
		}
		fields = append(fields, field.Var+unit+joinSorted(values)+record)
	}
	return joinSorted(fields) + group
}

func joinSorted(parts []string) string {
	slices.Sort(parts) // i;octet
	return strings.Join(parts, "")
}
