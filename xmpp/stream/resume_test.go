package stream_test

import (
	"errors"
	"io"
	"testing"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/stream/streamtest"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// XEP-0198#resumption: the earlier session is asked for in place of a resource; where it is refused, a resource is bound.
func TestResume(t *testing.T) {
	const notFound = "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"
	for name, tt := range map[string]struct {
		offered bool
		answer  string
		want    stream.Resumed
		err     error
	}{
		"resumed":     {true, "<resumed xmlns='urn:xmpp:sm:3' h='4294967295' previd='one'/>", stream.Resumed{OK: true, Handled: 1<<32 - 1, Counted: true}, nil},
		"unknown":     {true, "<failed xmlns='urn:xmpp:sm:3'>" + notFound, stream.Resumed{}, nil},
		"timed out":   {true, "<failed xmlns='urn:xmpp:sm:3' h='3'>" + notFound, stream.Resumed{Handled: 3, Counted: true}, nil},
		"not offered": {false, "", stream.Resumed{}, nil},
		"another":     {true, "<resumed xmlns='urn:xmpp:sm:3' h='3' previd='two'/>", stream.Resumed{}, stream.BadFormat},
		"no number":   {true, "<resumed xmlns='urn:xmpp:sm:3' h='-1' previd='one'/>", stream.Resumed{}, stream.BadFormat},
		"nonsense":    {true, "<enabled xmlns='urn:xmpp:sm:3'/>", stream.Resumed{}, stream.UnsupportedStanzaType},
	} {
		t.Run(name, func(t *testing.T) {
			in := stream.Initiator{JID: jid.MustParse(full), Password: "r0m30myr0m30", AllowPlaintext: true}
			in.Resume = &stream.Resumption{ID: "one", Handled: 7}
			result, err := negotiate(t, in, func(p *streamtest.Peer) {
				p.Header(p.Mechanisms()...)
				p.Authenticate(accounts)
				var sm *xmlstream.Element
				if tt.offered {
					sm = xmlstream.New(stream.NSSM, "sm")
				}
				p.Header(sm, xmlstream.New(stream.NSBind, "bind"))
				if tt.offered {
					if el := p.Expect(stream.NSSM, "resume"); el.Attr("previd") != "one" || el.Attr("h") != "7" {
						p.Fatalf("got %v", el)
					}
					p.Send(tt.answer)
				}
				if tt.err == nil && !tt.want.OK {
					p.GiveResource(full)
				}
				p.ExpectGone()
			})
			if !errors.Is(err, tt.err) || result.Resumed != tt.want {
				t.Errorf("got %+v, %v", result.Resumed, err)
			}
			if err == nil && result.JID.IsZero() != tt.want.OK {
				t.Errorf("address %s", result.JID)
			}
		})
	}
}

// A client that does not hear whether its session was resumed must not end it: the network may have lost the answer alone.
// XEP-0198#closure
func TestLostWhileResuming(t *testing.T) {
	client, server := streamtest.Pipe()
	streamtest.Serve(t, server, "im.example.com", func(p *streamtest.Peer) {
		p.Header(p.Mechanisms()...)
		p.Authenticate(accounts)
		p.Header(xmlstream.New(stream.NSSM, "sm"), xmlstream.New(stream.NSBind, "bind"))
		p.Expect(stream.NSSM, "resume")
		server.(interface{ CloseWrite() error }).CloseWrite()
		if kind, err := p.Conn.Next(); !errors.Is(err, io.EOF) {
			p.Fatalf("got kind %d, %v", kind, err)
		}
	})
	conn := transport.NewTCP(client, xmlstream.Limits{})
	in := stream.Initiator{JID: jid.MustParse(full), Password: "r0m30myr0m30", AllowPlaintext: true}
	in.Resume = &stream.Resumption{ID: "one"}
	_, err := in.Negotiate(t.Context(), conn)
	conn.Close()
	if !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}
