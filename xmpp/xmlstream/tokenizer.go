package xmlstream

// Kind says what a Tokenizer found.
type Kind uint8

const (
	More     Kind = iota // nothing complete: fill the window and call again
	Header               // the start tag of the stream
	Complete             // a complete child of the stream
	End                  // the end tag of the stream
)

// Tokenizer finds the elements of a stream in the bytes that its caller puts into its window:
//
//	for {
//		switch kind, err := t.Next(); {
//		case err != nil: // a *SyntaxError: answer its condition and close
//		case kind == xmlstream.More:
//			n, err := conn.Read(t.Space(4096))
//			t.Filled(n)
//		case kind == xmlstream.Complete:
//			t.Take(&stanza.Taken)
//		}
//	}
//
// It goes over each byte once, however the bytes arrive, and its answers do not depend on how they arrive. Once its
// arrays have grown to what a stream needs, it allocates nothing; only a declaration whose namespace is written with
// references, or names that are not common at the top of the stream, cost an allocation each.
//
// A Tokenizer is not safe for concurrent use.
type Tokenizer struct {
	limits Limits
	buf    []byte // the window
	base   int64  // where buf[0] is in the stream
	start  int    // in buf, of what is under way or was handed out; all other offsets count from here
	size   int    // of what was handed out
	pos    int    // of the next byte to look at
	mark   int    // where the token under way began
	colon  int    // in the name under way, or -1
	code   rune   // of the character reference under way

	kind   Kind // what was handed out
	state  state
	back   state // behind the reference under way
	quote  byte  // of the attribute value under way
	headed bool  // the header was read, or there will be none
	docu   bool  // one document, no stream

	err   error
	strs  []string  // what refs mean beyond knownSpaces: those of the header, then those of the element
	binds []binding // prefixes in scope, outermost first
	root  string    // the header's name as it was written
	def   ref       // the header's default namespace
	outer outer

	work *workspace // nil while parked
}

// outer says how much of strs and binds belongs to the header.
type outer struct{ strs, binds int32 }

// keptWindow is how large a window may be that is used again for the next element, in bytes.
const keptWindow = 64 << 10

// NewTokenizer returns a Tokenizer for a stream, at its very start. It holds no window yet.
func NewTokenizer(l Limits) *Tokenizer {
	return &Tokenizer{limits: l.withDefaults(), def: refNone}
}

// Space returns the free end of the window, at least n bytes, for a Read. It ends the life of what Next found last.
func (t *Tokenizer) Space(n int) []byte {
	t.discard()
	if t.start == len(t.buf) {
		t.rebase(0)
		if cap(t.buf) > max(keptWindow, n) { // one big element must not cost its memory for ever
			t.buf, t.work = nil, nil
		}
	}
	if t.buf == nil && n <= smallWindow {
		if t.work == nil {
			t.work = newWorkspace()
		}
		t.buf = t.work.window[:0]
	}
	if cap(t.buf)-len(t.buf) < n {
		t.makeRoom(n)
	}
	return t.buf[len(t.buf):cap(t.buf)]
}

// makeRoom moves what is under way to the front, or into a window of twice the size. Either is done at most once for
// as many bytes as it moves, so reading stays linear.
func (t *Tokenizer) makeRoom(n int) {
	live := len(t.buf) - t.start
	if live+n <= cap(t.buf) {
		t.rebase(copy(t.buf, t.buf[t.start:]))
		return
	}
	grown := make([]byte, live, max(live+n, min(2*cap(t.buf), t.limits.Bytes+n)))
	copy(grown, t.buf[t.start:])
	t.rebase(0)
	t.buf = grown
}

// rebase cuts the window to its first n bytes, which are those that stood at start.
func (t *Tokenizer) rebase(n int) {
	t.base += int64(t.start)
	t.start = 0
	t.buf = t.buf[:n]
}

// Filled says that n bytes of what Space returned were filled.
func (t *Tokenizer) Filled(n int) { t.buf = t.buf[:len(t.buf)+n] }

// Next finds the next thing that is complete in the window. More asks for more bytes. An error is a *SyntaxError, and
// is returned again by each later call; so is End. What was found can be asked for until the next call of Next or Space.
func (t *Tokenizer) Next() (Kind, error) {
	t.discard()
	if t.err != nil {
		return More, t.err
	}
	if t.state == ended {
		return End, nil
	}
	if t.work == nil {
		t.work = newWorkspace()
	}
	for t.step(t.window()) {
	}
	if t.kind == More && len(t.buf)-t.start >= t.limits.Bytes {
		t.fail(t.limits.Bytes, PolicyViolation, "too many bytes")
	}
	return t.kind, t.err
}

// window returns what is under way as far as it may reach.
func (t *Tokenizer) window() []byte {
	w := t.buf[t.start:]
	if len(w) > t.limits.Bytes {
		return w[:t.limits.Bytes]
	}
	return w
}

// discard ends the life of what was handed out.
func (t *Tokenizer) discard() {
	if t.kind == More {
		return
	}
	if poisons {
		t.poison()
	}
	t.start += t.size
	t.size, t.pos, t.kind = 0, 0, More
}

// found hands out the window's first size bytes.
func (t *Tokenizer) found(k Kind, size int) bool {
	t.kind, t.size = k, size
	t.state = atLevel
	if k == End || t.docu {
		t.state = ended
	}
	return false
}

// Buffered returns how many bytes lie in the window behind what was handed out. Whatever a peer has sent behind
// <starttls/> was sent in the clear and must not be taken for part of the secured stream: refuse it.
func (t *Tokenizer) Buffered() int { return len(t.buf) - t.start - t.size }

// Idle reports whether the stream is between top-level elements with nothing buffered, so that Release frees all. It is
// so behind each Document.
func (t *Tokenizer) Idle() bool {
	return t.err == nil && (t.state <= atLevel && t.Buffered() == 0 || t.docu && t.state == ended)
}

// SkipSpace passes over white space between elements behind what Next found last, and ends that one's life. Some clients
// send a line feed behind <starttls/> and <auth/>, though RFC 6120 §5.3.3 and §6.3.5 forbid it.
func (t *Tokenizer) SkipSpace() {
	t.discard()
	for t.state <= atLevel && t.start < len(t.buf) && isSpace(t.buf[t.start]) {
		t.start++
	}
}

// Reset begins a new stream on the same connection, as after STARTTLS and SASL (RFC 6120 §5.4.3.3, §6.4.6), and ends
// the life of what Next found last. It keeps bytes that are buffered, as the beginning of the new stream: check
// Buffered first where they must not be. White space before them belongs to the old stream. It returns the error that Next has returned, and an error when an element has
// begun and not ended.
func (t *Tokenizer) Reset() error {
	t.SkipSpace()
	if t.err != nil {
		return t.err
	}
	if t.state > atLevel && t.state != ended {
		return errUnderWay
	}
	t.begin(atStart)
	return nil
}

// begin forgets the stream, but not the bytes behind it.
func (t *Tokenizer) begin(s state) {
	t.base, t.state, t.pos = -int64(t.start), s, 0
	t.headed, t.docu, t.err = false, false, nil
	t.strs, t.binds = t.strs[:0], t.binds[:0]
	t.root, t.def, t.outer = "", refNone, outer{}
}

// Release frees the window and the arrays if the stream is Idle, and reports whether it did. What is left is the
// Tokenizer itself (224 bytes) and what the header declared: of one such as clients send, one binding and the string of its
// prefix, 32 bytes. The next Space and Next make new ones. It ends the life of what Next found last.
func (t *Tokenizer) Release() bool {
	if !t.Idle() {
		return false
	}
	t.discard()
	t.rebase(0)
	if t.work != nil {
		workspaces.Put(t.work)
	}
	t.buf, t.work = nil, nil
	t.strs = append([]string(nil), t.strs[:t.outer.strs]...)
	t.binds = append([]binding(nil), t.binds[:t.outer.binds]...)
	return true
}
