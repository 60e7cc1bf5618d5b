package registry

import (
	"encoding/binary"
	"iter"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// Limits of tags. The first document allows names of 32 characters, its successors 64; both allow values of 128.
// XEP-0347#tags, Discovery.md "Meta Tags"
const (
	MaxName  = 64  // characters of a name
	MaxValue = 128 // characters of a value
	MaxTags  = 256 // tags of one thing [ours]. XEP-0347#tagspam
)

// Names with a meaning of their own.
const (
	KeyTag      = "KEY" // shared by the thing and who may claim it; never searched for, never shown. XEP-0347#key
	RegistryTag = "R"   // the registry's address; lives in URIs only
)

// foldedKey is what KeyTag folds to.
const foldedKey = "key"

// Tag is one thing that a thing says of itself. Str and Num make one.
type Tag struct {
	Name    string  // in any case
	Text    string  // the value as written; of a number too, so that 1.0 stays 1.0
	Number  float64 // the value of a numeric tag
	Numeric bool
}

// Str returns a tag that holds text.
func Str(name, value string) Tag { return Tag{Name: name, Text: value} }

// Num returns a tag that holds a number.
func Num(name string, value float64) Tag {
	return Tag{Name: name, Text: iot.FormatDouble(value), Number: value, Numeric: true}
}

// Tags is a set of tags in the order they were given, each name once whatever its case. It is valid and immutable.
type Tags struct{ list []entry }

// entry is a tag and its name as it is compared.
type entry struct {
	Tag
	key string
}

// NewTags makes a set. The Number of a numeric tag that has Text is read from it. The error is BadRequest where a tag
// breaks a rule or a name comes twice, and ResourceConstraint above MaxTags.
func NewTags(tags ...Tag) (Tags, error) {
	var b builder
	for _, t := range tags {
		if err := b.add(t); err != nil {
			return Tags{}, err
		}
	}
	return b.tags, nil
}

// builder fills a set.
type builder struct {
	tags Tags
	seen map[string]bool
}

func (b *builder) add(t Tag) error {
	if len(b.tags.list) == MaxTags {
		return stanza.ResourceConstraint.With("more than %d tags", MaxTags)
	}
	if err := t.normalize(); err != nil {
		return err
	}
	key := Fold(t.Name)
	if b.seen[key] {
		return stanza.BadRequest.With("the tag %s comes twice", t.Name)
	}
	if b.seen == nil {
		b.seen = make(map[string]bool)
	}
	b.seen[key] = true
	b.tags.list = append(b.tags.list, entry{t, key})
	return nil
}

// normalize checks a tag and makes Number and Text agree.
func (t *Tag) normalize() error {
	if !isName(t.Name) {
		return stanza.BadRequest.With("a tag has no name, or one too long, or with a character that names cannot have")
	}
	if t.Numeric {
		if t.Text == "" {
			t.Text = iot.FormatDouble(t.Number)
		}
		var ok bool
		t.Number, ok = iot.ParseDouble(t.Text)
		// Neither can be compared with what a claim or a search says, nor told in a result. [ours]
		if !ok || math.IsInf(t.Number, 0) || math.IsNaN(t.Number) {
			return stanza.BadRequest.With("the tag %s is no finite number", t.Name)
		}
	}
	if !isWithin(t.Text, MaxValue) {
		return stanza.BadRequest.With("the value of the tag %s is longer than %d characters", t.Name, MaxValue)
	}
	return nil
}

// isName reports whether s may name a tag. XEP-0347#tags
func isName(s string) bool {
	return s != "" && isWithin(s, MaxName) && !strings.ContainsFunc(s, func(r rune) bool {
		return r == ':' || r == '#' || unicode.IsSpace(r) || unicode.IsControl(r)
	})
}

// isWithin counts characters only where bytes do not decide it already.
func isWithin(s string, limit int) bool {
	return len(s) <= limit*utf8.UTFMax && utf8.ValidString(s) && utf8.RuneCountInString(s) <= limit
}

// checkClaimable refuses names that a URI for a claim cannot hold. Discovery.md "IoTDisco URI Scheme"
func (ts Tags) checkClaimable() error {
	for _, e := range ts.list {
		if strings.ContainsAny(e.Name, "=<>") {
			return stanza.BadRequest.With("the name of a tag for a claim cannot hold = < or >")
		}
	}
	return nil
}

// Len returns the number of tags.
func (ts Tags) Len() int { return len(ts.list) }

// All yields the tags in order.
func (ts Tags) All() iter.Seq[Tag] {
	return func(yield func(Tag) bool) {
		for _, e := range ts.list {
			if !yield(e.Tag) {
				return
			}
		}
	}
}

// Get returns the tag of that name in any case, and whether there is one.
func (ts Tags) Get(name string) (Tag, bool) {
	key := Fold(name)
	for _, e := range ts.list {
		if e.key == key {
			return e.Tag, true
		}
	}
	return Tag{}, false
}

// Without returns the set without the tags of those names.
func (ts Tags) Without(names ...string) Tags {
	keys := make([]string, len(names))
	for i, n := range names {
		keys[i] = Fold(n)
	}
	var out Tags
	for _, e := range ts.list {
		if !slices.Contains(keys, e.key) {
			out.list = append(out.list, e)
		}
	}
	return out
}

// Merge returns the set after an update: tags given replace those of the same name or come behind, an empty text deletes,
// KEY is left alone. The error is ResourceConstraint above MaxTags. XEP-0347#update
func (ts Tags) Merge(update Tags) (Tags, error) {
	out := Tags{slices.Clone(ts.list)}
	for _, e := range update.list {
		i := slices.IndexFunc(out.list, func(o entry) bool { return o.key == e.key })
		switch {
		case e.key == foldedKey:
		case !e.Numeric && e.Text == "":
			if i >= 0 {
				out.list = slices.Delete(out.list, i, i+1)
			}
		case i >= 0:
			out.list[i] = e
		default:
			out.list = append(out.list, e)
		}
	}
	if len(out.list) > MaxTags {
		return Tags{}, stanza.ResourceConstraint.With("more than %d tags", MaxTags)
	}
	return out, nil
}

// CanonicalKey returns the same bytes for two sets exactly if one claims a thing that registered the other: the order of
// tags and the case of names do not matter, type and text do, numbers are the same that are the same double.
// It holds the secret of KEY: store a hash. XEP-0347#claim
func (ts Tags) CanonicalKey() []byte {
	sorted := slices.SortedFunc(slices.Values(ts.list), func(a, b entry) int { return strings.Compare(a.key, b.key) })
	var out []byte
	for _, e := range sorted {
		out = appendString(out, e.key)
		if !e.Numeric {
			out = appendString(append(out, 's'), norm.NFC.String(e.Text))
			continue
		}
		n := e.Number + 0 // 0 for -0, which is equal to it
		out = binary.BigEndian.AppendUint64(append(out, 'n'), math.Float64bits(n))
	}
	return out
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}
