package session_test

import (
	"testing"
	"time"

	"github.com/comity-iot/comity/server/session"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// sink is a connection that serialises what it gets.
type sink struct {
	buf     []byte
	written chan int
}

func (w *sink) Write(items ...xmlstream.Appender) error {
	w.buf = w.buf[:0]
	n := 0
	for _, it := range items {
		w.buf = it.AppendXML(w.buf, stanza.Client)
		if _, ok := it.(*stanza.Stanza); ok {
			n++
		}
	}
	w.written <- n
	return nil
}

func (w *sink) End() error                       { return nil }
func (w *sink) SetWriteDeadline(time.Time) error { return nil }
func (w *sink) Close() error                     { return nil }

// A stanza through a session: into the queue, counted where that is wanted, and out by the writer.
func BenchmarkSend(b *testing.B) {
	for name, window := range map[string]int{"one in flight": 1, "64 in flight": 64} {
		for _, kept := range []bool{false, true} {
			label := name
			if kept {
				label += " with acknowledgements"
			}
			b.Run(label, func(b *testing.B) {
				w := &sink{written: make(chan int, 1000)}
				workers := session.NewWorkers(4)
				defer workers.Close()
				set := &session.Settings{Queue: 1000, QueueBytes: 1 << 20, Write: time.Minute, Workers: workers}
				s := session.New(jid.MustParse("juliet@example.com/balcony"), w, time.Now(), set, (&fate{}).hooks())
				if kept {
					s.Keep(1000, time.Minute, text("enabled"))
					<-w.written
				}
				m := msg("Wherefore art thou, Romeo?")
				sent, done := 0, 0
				b.ReportAllocs()
				for b.Loop() {
					s.Send(m)
					for sent++; sent-done >= window; {
						done += <-w.written
						if kept {
							s.Acked(uint32(done))
						}
					}
				}
				s.Close(nil)
				s.Wait()
			})
		}
	}
}
