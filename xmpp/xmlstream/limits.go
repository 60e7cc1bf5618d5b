package xmlstream

// Limits bounds what one peer can make a Tokenizer hold and do. Zero means the default in brackets.
type Limits struct {
	// Bytes of one top-level element, and of a stream header [262144]. An element whose prefixes stand for long
	// namespace names counts as long as it would be with each of them written out, so that a small element cannot
	// become a huge one when it is serialised again.
	Bytes int
	Depth int // of nesting, the top-level element being 1 [64]
	Attrs int // on one element, namespace declarations included; and prefixes in scope at any one place [64]
	Nodes int // elements in one top-level element [8192]
}

// maxBytes keeps every offset, and the end of a window that is filled beyond the limit, within int32.
const maxBytes = 1 << 30

func (l Limits) withDefaults() Limits {
	or := func(v, def int) int {
		if v <= 0 {
			return def
		}
		return v
	}
	return Limits{
		Bytes: min(or(l.Bytes, 256<<10), maxBytes),
		Depth: or(l.Depth, 64),
		Attrs: or(l.Attrs, 64),
		Nodes: or(l.Nodes, 8192),
	}
}

// SetLimits changes the limits for what comes next, as after a login, before which a peer has little to say
// (RFC 6120 §13.12). It is called between elements.
func (t *Tokenizer) SetLimits(l Limits) { t.limits = l.withDefaults() }
