package moduletest

import (
	"net/netip"
	"sync"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Stream implements module.Stream for a client that has secured its stream and, with an empty Who, not logged in. There is nothing
// that it could resume: that panics.
type Stream struct {
	module.Stream // nil

	From  netip.AddrPort
	Plain bool // without TLS
	Who   jid.JID

	mu     sync.Mutex
	values map[any]any
	sent   []string
}

var _ module.Stream = (*Stream)(nil)

// NewStream returns a stream from an address that is given without a port.
func NewStream(addr string) *Stream {
	return &Stream{From: netip.AddrPortFrom(netip.MustParseAddr(addr), 40000)}
}

// ID implements module.Stream.
func (st *Stream) ID() string { return "stream-1" }

// Remote implements module.Stream.
func (st *Stream) Remote() netip.AddrPort { return st.From }

// Secure implements module.Stream.
func (st *Stream) Secure() bool { return !st.Plain }

// Account implements module.Stream.
func (st *Stream) Account() jid.JID { return st.Who }

// Session implements module.Stream.
func (st *Stream) Session() module.Session { return nil }

// Sent takes the XML of what was sent since the last call.
func (st *Stream) Sent() []string {
	st.mu.Lock()
	defer st.mu.Unlock()
	sent := st.sent
	st.sent = nil
	return sent
}

// Send implements module.Stream.
func (st *Stream) Send(a xmlstream.Appender) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.sent = append(st.sent, string(a.AppendXML(nil, "")))
}

// Value implements module.Stream.
func (st *Stream) Value(key any) any {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.values[key]
}

// SetValue implements module.Stream.
func (st *Stream) SetValue(key, value any) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.values == nil {
		st.values = map[any]any{}
	}
	st.values[key] = value
}
