package client_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/mux"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream/streamtest"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// Handlers get stanzas one after the other, in the order in which they came, and may wait for answers meanwhile.
func TestHandlersInOrder(t *testing.T) {
	const n = 100
	handlers := new(mux.Mux)
	s := session(t, func(c *client.Config) { c.Mux = handlers }, func(p *streamtest.Peer) {
		p.Expect(stanza.Client, "presence")
		for i := range n {
			p.Send("<message from='romeo@example.net/orchard'><body>" + strconv.Itoa(i) + "</body></message>")
		}
		for range n {
			iq := p.Expect(stanza.Client, "iq")
			p.Send("<iq type='result' from='" + iq.Attr("to") + "' id='" + iq.Attr("id") + "'/>")
		}
		farewell(p)
	})
	var got []string
	done := make(chan struct{})
	handlers.HandleMessage(stanza.Client, "body", func(st *stanza.Stanza) {
		if _, err := s.Request(t.Context(), ask(st.From)); err != nil {
			t.Error(err)
		}
		if got = append(got, st.Body()); len(got) == n {
			close(done)
		}
	})
	s.Send(t.Context(), &stanza.Stanza{Kind: stanza.Presence})
	<-done
	for i := range n {
		if got[i] != strconv.Itoa(i) {
			t.Fatalf("got %v", got)
		}
	}
	s.Close(t.Context())
}

// Requests are answered with what their handler returns, those that nobody knows with an error, pings always: RFC 6120 §8.2.3,
// XEP-0199#s2c. A stanza without from is of the account itself: RFC 6120 §8.1.2.1.
func TestRequestsAnswered(t *testing.T) {
	var got []string
	answered := make(chan struct{})
	s := session(t, nil, func(p *streamtest.Peer) {
		p.Expect(stanza.Client, "presence")
		for _, xml := range []string{
			"<iq type='get' id='1' from='romeo@example.net/orchard' to='" + full + "'><time xmlns='urn:xmpp:time'/></iq>",
			"<iq type='get' id='2' from='romeo@example.net/orchard' to='" + full + "'><other xmlns='urn:example'/></iq>",
			"<iq type='get' id='3' from='" + domain + "' to='" + full + "'><ping xmlns='urn:xmpp:ping'/></iq>",
			"<iq type='set' id='4' to='" + full + "'><query xmlns='jabber:iq:roster'/></iq>",
			"<iq type='get' id='5' from='@' to='" + full + "'><time xmlns='urn:xmpp:time'/></iq>",
			"<iq type='what' id='6' from='romeo@example.net/orchard' to='" + full + "'/>",
		} {
			p.Send(xml)
			if strings.Contains(xml, "what") || strings.Contains(xml, "'@'") {
				continue
			}
			el := p.Expect(stanza.Client, "iq")
			got = append(got, el.Attr("id")+" "+el.Attr("type")+" "+el.Attr("to"))
		}
		close(answered)
		p.ExpectGone()
		p.Conn.End()
	})
	s.HandleIQ(stanza.Get, "urn:xmpp:time", "time", func(context.Context, *stanza.IQ) (*xmlstream.Element, error) {
		return xmlstream.New("urn:xmpp:time", "time"), nil
	})
	s.HandleIQ(stanza.Set, "jabber:iq:roster", "query", func(_ context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
		if iq.From.String() != "juliet@im.example.com" {
			t.Errorf("pushed by %s", iq.From)
		}
		return nil, nil
	})
	s.Send(t.Context(), &stanza.Stanza{Kind: stanza.Presence})
	<-answered
	s.Close(t.Context())
	want := []string{
		"1 result romeo@example.net/orchard", "2 error romeo@example.net/orchard",
		"3 result im.example.com", "4 result juliet@im.example.com",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A handler that hangs stops neither answers nor pings, and what it keeps waiting is bounded: then requests and messages come
// back to those who sent them.
func TestSlowHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hanging, release := make(chan struct{}), make(chan struct{})
		var refused []string
		s := session(t, func(c *client.Config) { c.Inbox = 2 }, func(p *streamtest.Peer) {
			p.Expect(stanza.Client, "presence")
			p.Send("<message from='romeo@example.net/orchard'><body>hang</body></message>")
			<-hanging
			for _, xml := range []string{
				"<message from='romeo@example.net/orchard' id='1'><body>waits</body></message>",
				"<iq type='get' id='2' from='romeo@example.net/orchard'><time xmlns='urn:xmpp:time'/></iq>",
				"<message from='romeo@example.net/orchard' id='3'><body>too much</body></message>",
				"<presence from='romeo@example.net/orchard' id='4'/>",
				"<message type='error' from='romeo@example.net/orchard' id='5'/>",
				"<iq type='get' id='6' from='romeo@example.net/orchard'><time xmlns='urn:xmpp:time'/></iq>",
				"<iq type='get' id='7' from='" + domain + "'><ping xmlns='urn:xmpp:ping'/></iq>",
			} {
				p.Send(xml)
			}
			for range 3 {
				el := p.Next()
				refused = append(refused, el.Local()+" "+el.Attr("type")+" "+el.Attr("id")+" "+el.First().First().Local())
			}
			iq := p.Expect(stanza.Client, "iq")
			p.Send("<iq type='result' from='" + iq.Attr("to") + "' id='" + iq.Attr("id") + "'/>")
			if el := p.Expect(stanza.Client, "iq"); el.Attr("id") != "2" || el.Attr("type") != "error" {
				p.Fatalf("got %v", el)
			}
			farewell(p)
		})
		s.HandleMessage(stanza.Client, "body", func(st *stanza.Stanza) {
			if st.Body() == "hang" {
				close(hanging)
				<-release
			}
		})
		s.Send(t.Context(), &stanza.Stanza{Kind: stanza.Presence})
		synctest.Wait()
		if _, err := s.Request(t.Context(), ask(romeo)); err != nil {
			t.Error(err)
		}
		close(release)
		synctest.Wait()
		s.Close(t.Context())
		want := []string{"message error 3 resource-constraint", "iq error 6 resource-constraint", "iq result 7 "}
		if !slices.Equal(refused, want) {
			t.Errorf("got  %q\nwant %q", refused, want)
		}
	})
}

// What waits for handlers is bounded in bytes too.
func TestInboxBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		handled := 0
		s := session(t, func(c *client.Config) { c.InboxBytes = 100_000 }, func(p *streamtest.Peer) {
			p.Expect(stanza.Client, "presence")
			body := strings.Repeat("x", 60_000)
			for range 4 { // one is being handled, one waits
				p.Send("<message from='romeo@example.net/orchard'><body>" + body + "</body></message>")
			}
			for range 2 {
				if el := p.Expect(stanza.Client, "message"); el.Attr("type") != "error" {
					p.Fatalf("got %v", el)
				}
			}
			close(release)
			farewell(p)
		})
		s.HandleMessage(stanza.Client, "body", func(*stanza.Stanza) {
			<-release
			handled++
		})
		s.Send(t.Context(), &stanza.Stanza{Kind: stanza.Presence})
		<-release
		synctest.Wait()
		s.Close(t.Context())
		if handled != 2 {
			t.Errorf("%d handled", handled)
		}
	})
}

// What was delivered before the server closed the stream still reaches its handler; a request could not be answered any more.
func TestDeliveredBeforeTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var got []string
		s := session(t, nil, func(p *streamtest.Peer) {
			p.Expect(stanza.Client, "presence")
			p.Send("<message><body>1</body></message><message><body>2</body></message>")
			p.Send("<iq type='set' id='1'><time xmlns='urn:xmpp:time'/></iq>")
			p.Conn.End()
			p.ExpectEnd()
		})
		s.HandleMessage(stanza.Client, "body", func(st *stanza.Stanza) {
			<-release
			got = append(got, st.Body())
		})
		s.HandleIQ(stanza.Set, "urn:xmpp:time", "time", func(ctx context.Context, _ *stanza.IQ) (*xmlstream.Element, error) {
			t.Error("set without an answer")
			return nil, nil
		})
		s.Send(t.Context(), &stanza.Stanza{Kind: stanza.Presence})
		<-s.Done()
		close(release)
		synctest.Wait()
		if !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("got %q", got)
		}
	})
}

// The context of a handler ends with the session.
func TestHandlerContext(t *testing.T) {
	handling, ended := make(chan struct{}), make(chan error, 1)
	s := session(t, nil, func(p *streamtest.Peer) {
		p.Expect(stanza.Client, "presence")
		p.Send("<iq type='get' id='1' from='romeo@example.net/orchard'><time xmlns='urn:xmpp:time'/></iq>")
		farewell(p)
	})
	s.HandleIQ(stanza.Get, "urn:xmpp:time", "time", func(ctx context.Context, _ *stanza.IQ) (*xmlstream.Element, error) {
		close(handling)
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, nil
	})
	s.Send(t.Context(), &stanza.Stanza{Kind: stanza.Presence})
	<-handling
	s.Close(t.Context())
	if err := <-ended; err != context.Canceled {
		t.Error(err)
	}
}
