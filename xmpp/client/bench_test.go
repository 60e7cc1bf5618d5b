package client_test

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream/streamtest"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

func benchmarkSession(b *testing.B, script func(*streamtest.Peer)) *client.Session {
	c := client.Config{
		JID: jid.MustParse(full), Password: "r0m30myr0m30", Addr: "im.example.com:5222", AllowPlaintext: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return streamtest.Run(b, domain, func(p *streamtest.Peer) {
				enter(p)
				script(p)
			}), nil
		},
	}
	s, err := client.Dial(b.Context(), c)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close(context.Background()) })
	return s
}

// One message, from Send into the connection.
func BenchmarkSend(b *testing.B) {
	s := benchmarkSession(b, func(p *streamtest.Peer) {
		for {
			if kind, err := p.Conn.Next(); err == io.EOF || kind == xmlstream.End {
				return
			}
		}
	})
	m := message("21.4 °C")
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Send(b.Context(), m); err != nil {
			b.Fatal(err)
		}
	}
}

// One request and its answer, which the peer takes a while to make.
func BenchmarkRequest(b *testing.B) {
	s := benchmarkSession(b, func(p *streamtest.Peer) {
		for {
			if kind, err := p.Conn.Next(); err != nil || kind == xmlstream.End {
				return
			}
			st, _, _ := stanza.Read(p.Conn.Tokens())
			p.Write(st.Reply(nil))
		}
	})
	iq := ask(jid.MustParse(domain))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Request(b.Context(), iq); err != nil {
			b.Fatal(err)
		}
	}
}
