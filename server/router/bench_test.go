package router_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/comity-iot/comity/module"
	"github.com/comity-iot/comity/server/router"
	"github.com/comity-iot/comity/server/session"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// sink is a connection that tells of each write.
type sink struct {
	buf     []byte
	written chan int // items
}

func (s *sink) Write(items ...xmlstream.Appender) error {
	s.buf = s.buf[:0]
	for _, it := range items {
		s.buf = it.AppendXML(s.buf, stanza.Client)
	}
	s.written <- len(items)
	return nil
}

func (*sink) End() error                       { return nil }
func (*sink) Close() error                     { return nil }
func (*sink) SetWriteDeadline(time.Time) error { return nil }

// road is all that a message goes over from the window of its sender's stream to the write of its receiver's.
type road struct {
	*router.Router
	domain *router.Domain
	from   *session.Session
	to     *sink
	tokens *xmlstream.Tokenizer
	text   string // of the message
}

const relayHeader = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"

// relayed is a message such as most are, 330 bytes long.
var relayed = func() string {
	head := "<message to='romeo@example.com/orchard' type='chat' id='c9a5e7b1-84b2-4f6a-8f0e-2d6a1f1f3c55'><body>"
	tail := "</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>"
	return head + strings.Repeat("x", 330-len(head)-len(tail)) + tail
}()

func newRoad(tb testing.TB) *road {
	r := &road{
		Router: router.New(context.Background(), slog.New(slog.DiscardHandler), remote{}),
		to:     &sink{written: make(chan int, 1)}, text: relayed, tokens: xmlstream.NewTokenizer(xmlstream.Limits{}),
	}
	r.domain = r.Serve(jid.MustParse("example.com"), accounts{}, []*module.Hooks{{Presence: presence{world: &world{}}}})
	hooks := &session.Hooks{Ended: r.Ended, Undelivered: r.Undelivered}
	settings := &session.Settings{Queue: 1000, QueueBytes: 1 << 20, Write: time.Minute}
	r.from = session.New(jid.MustParse("juliet@example.com/balcony"), &sink{written: make(chan int, 1)}, time.Now(), settings, hooks)
	to := session.New(jid.MustParse("romeo@example.com/orchard"), r.to, time.Now(), settings, hooks)
	r.Bind(r.domain, r.from, 1)
	r.Bind(r.domain, to, 1)
	to.SetPresence(stanza.NewPresence(jid.JID{}, stanza.Available))
	tb.Cleanup(r.EndSessions)
	r.read(tb, relayHeader, xmlstream.Header)
	return r
}

func (r *road) read(tb testing.TB, xml string, want xmlstream.Kind) {
	r.tokens.Filled(copy(r.tokens.Space(len(xml)), xml))
	if kind, err := r.tokens.Next(); kind != want || err != nil {
		tb.Fatal(kind, err)
	}
}

// relay sends n messages and waits until they are written.
func (r *road) relay(tb testing.TB, n int) {
	for range n {
		r.read(tb, r.text, xmlstream.Complete)
		s, _, err := stanza.Read(r.tokens)
		if err != nil {
			tb.Fatal(err)
		}
		s.From = r.from.JID()
		r.FromClient(context.Background(), r.domain, r.from, s)
	}
	for n > 0 {
		n -= <-r.to.written
	}
}

// From the sender's window to the receiver's write, a relayed stanza costs one piece of memory for itself and one for its bytes.
// docs/performance.md
func TestRelayAllocates(t *testing.T) {
	r := newRoad(t)
	for _, burst := range []int{1, 10} {
		if got := testing.AllocsPerRun(300, func() { r.relay(t, burst) }); got > float64(2*burst) {
			t.Errorf("%v allocations for %d stanzas, at most 2 each", got, burst)
		}
	}
	if !strings.Contains(string(r.to.buf), "from='juliet@example.com/balcony'") {
		t.Errorf("sent %s", r.to.buf)
	}
}

func BenchmarkRelay(b *testing.B) {
	r := newRoad(b)
	b.ReportAllocs()
	for b.Loop() {
		r.relay(b, 1)
	}
}

func BenchmarkRelayToBare(b *testing.B) {
	r := newRoad(b)
	r.text = strings.Replace(relayed, "romeo@example.com/orchard", "romeo@example.com", 1)
	b.ReportAllocs()
	for b.Loop() {
		r.relay(b, 1)
	}
}
