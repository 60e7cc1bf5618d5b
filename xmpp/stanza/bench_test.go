package stanza_test

import (
	"strings"
	"testing"

	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// relayed is a message such as most are, 330 bytes long.
var relayed = func() string {
	head := "<message to='romeo@example.net/orchard' type='chat' id='c9a5e7b1-84b2-4f6a-8f0e-2d6a1f1f3c55'><body>"
	tail := "</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>"
	return head + strings.Repeat("x", 330-len(head)-len(tail)) + tail
}()

// relay reads, stamps and queues what is in the window.
func relay(tb testing.TB, tok *xmlstream.Tokenizer, queue []xmlstream.Appender) []xmlstream.Appender {
	fill(tok, relayed)
	if kind, err := tok.Next(); kind != xmlstream.Complete || err != nil {
		tb.Fatal(kind, err)
	}
	s, ok, err := stanza.Read(tok)
	if !ok || err != nil {
		tb.Fatal(ok, err)
	}
	s.From = juliet
	return append(queue, s)
}

// A relayed stanza costs one piece of memory for itself and one for its bytes. docs/performance.md
func TestRelayAllocates(t *testing.T) {
	if len(relayed) != 330 {
		t.Fatalf("the message has %d bytes", len(relayed))
	}
	tok, queue, out := in(t, ""), make([]xmlstream.Appender, 0, 1), make([]byte, 0, 1024)
	if got := testing.AllocsPerRun(1000, func() {
		queue = relay(t, tok, queue[:0])
		out = queue[0].AppendXML(out[:0], stanza.Client)
	}); got > 2 {
		t.Errorf("%v allocations, at most 2", got)
	}
	if !strings.Contains(string(out), "from='juliet@example.com/balcony'") {
		t.Errorf("sent %s", out)
	}
}

func BenchmarkRelay(b *testing.B) {
	tok, queue, out := in(b, ""), make([]xmlstream.Appender, 0, 1), make([]byte, 0, 1024)
	b.ReportAllocs()
	b.SetBytes(int64(len(relayed)))
	for b.Loop() {
		queue = relay(b, tok, queue[:0])
		out = queue[0].AppendXML(out[:0], stanza.Client)
	}
}
