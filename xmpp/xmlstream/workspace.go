package xmlstream

import "sync"

// workspace is what a Tokenizer knows of the element under way, or handed out. Its arrays are used again and again.
type workspace struct {
	open    []open // the elements that have begun and not ended, outermost first
	attrs   []attr // of the outermost element, then of the start tag under way
	kids    []kid  // children of the outermost element
	decoded []byte

	own      int32 // how many of attrs are the outermost element's
	tag      int32 // where the tag under way begins
	tagKinds uint8 // attrFlags of all attributes of the tag under way
	slow     bool  // the content must be serialised anew to stand for itself, see Content
	inner    int32 // where the content begins
	innerEnd int32
	binds    int32 // how many bindings are from outside the content
	nodes    int   // elements seen
	extra    int   // bytes that namespaces would need, were each prefix written out
	name     qname // in the tag under way
	top      qname // of the outermost element

	open0  [8]open
	attrs0 [12]attr
	kids0  [8]kid
	window [smallWindow]byte // where a Tokenizer's window begins, until it is too small
}

// smallWindow in bytes holds what an ordinary client sends at a time.
const smallWindow = 2048

// workspaces are those of Tokenizers that were released: a client that speaks now and then costs no new memory each time.
var workspaces = sync.Pool{New: func() any { return new(workspace) }}

func newWorkspace() *workspace {
	s := workspaces.Get().(*workspace)
	s.open, s.attrs, s.kids = s.open0[:0], s.attrs0[:0], s.kids0[:0]
	s.decoded = nil
	s.reset()
	return s
}

// qname is a name as it was found.
type qname struct {
	off, end int32 // with its prefix
	colon    int32 // or -1
	space    ref   // what its prefix means
}

// local returns the place of the name's local part.
func (n qname) local() (off, end int32) {
	if n.colon >= 0 {
		return n.colon + 1, n.end
	}
	return n.off, n.end
}

// attr is an attribute, or a namespace declaration, of a start tag.
type attr struct {
	qname
	value, valueEnd int32
	key             uint32 // differs only where names differ, so that most are told apart at once
	flags           uint8
}

const (
	attrDeclares uint8 = 1 << iota // it is a namespace declaration
	attrPrefixed                   // it has a prefix
	attrCooked                     // its value is not its bytes
)

func (a *attr) has(flag uint8) bool { return a.flags&flag != 0 }

// open is an element that has begun.
type open struct {
	qname
	def   ref   // default namespace for what is inside
	binds int32 // how many bindings there were before it
	flags uint8
}

const (
	openDeclares uint8 = 1 << iota // it has an xmlns of its own
	openInside                     // the default namespace inside was declared inside the content
	openContent                    // it and all around it are in a content namespace, or it is the outermost
)

func (e *open) has(flag uint8) bool { return e.flags&flag != 0 }

// kid is a child of the outermost element.
type kid struct {
	start, end int32
	name, last int32 // of the local name
	space      ref
}

// reset makes room for the next top-level element.
func (s *workspace) reset() {
	s.open, s.attrs, s.kids = s.open[:0], s.attrs[:0], s.kids[:0]
	s.own, s.tagKinds, s.slow, s.nodes, s.extra = 0, 0, false, 0, 0
	s.inner, s.innerEnd, s.binds = 0, 0, 0
}
