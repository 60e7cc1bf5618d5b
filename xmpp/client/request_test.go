package client_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream/streamtest"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

// RFC 6120 §8.2.3: a request has one answer, a result or an error.
func TestRequest(t *testing.T) {
	s := session(t, nil, func(p *streamtest.Peer) {
		answer := func(format string) {
			iq := p.Expect(stanza.Client, "iq")
			p.Send(fmt.Sprintf(format, iq.Attr("id"), iq.Attr("to")))
		}
		answer("<iq type='result' id='%s' from='%s'><time xmlns='urn:xmpp:time'/></iq>")
		answer("<iq type='result' id='%s' from='%s'/>")
		answer("<iq type='error' id='%s' from='%s'><error type='auth'><forbidden xmlns='" + stanza.NSErrors + "'/><text xmlns='" + stanza.NSErrors + "'>not you</text></error></iq>")
		answer("<iq type='error' id='%s' from='%s'/>")
		answer("<iq type='result' id='%s' from='%s'><a xmlns='b'/><a xmlns='b'/></iq>")
		farewell(p)
	})
	request := func() (*xmlstream.Element, error) { return s.Request(t.Context(), ask(romeo)) }

	if el, err := request(); err != nil || !el.Is("urn:xmpp:time", "time") {
		t.Errorf("result: %v, %v", el, err)
	}
	if el, err := request(); err != nil || el != nil {
		t.Errorf("empty result: %v, %v", el, err)
	}
	var e *stanza.Error
	if _, err := request(); !errors.As(err, &e) || e.Condition != stanza.Forbidden || e.Text != "not you" {
		t.Errorf("error: %v", err)
	}
	if _, err := request(); !errors.As(err, &e) || e.Condition != stanza.UndefinedCondition {
		t.Errorf("error without reason: %v", err)
	}
	if _, err := request(); err == nil || errors.As(err, &e) && errors.Is(err, stanza.BadRequest) {
		t.Errorf("two payloads: %v", err)
	}
	s.Close(t.Context())
}

// RFC 6120 §8.1.2.1: who answers is who was asked. The server and the account are one, but for nobody else does anyone speak.
func TestAnswerFrom(t *testing.T) {
	const (
		account = "juliet@im.example.com"
		other   = "romeo@example.net/orchard"
	)
	for _, tt := range []struct {
		to           string
		right, wrong []string
	}{
		{"", []string{"", account, domain, full}, []string{other, account + "/other", "example.com"}},
		{account, []string{"", account, domain}, []string{other, account + "/other"}},
		{domain, []string{"", domain, account}, []string{other, "conference." + domain, domain + "/x"}},
		{other, []string{other}, []string{"", account, domain, "romeo@example.net", "romeo@example.net/garden"}},
		{"romeo@example.net", []string{"romeo@example.net"}, []string{"", other, "example.net"}},
	} {
		for _, right := range tt.right {
			t.Run(fmt.Sprintf("to %q from %q", tt.to, right), func(t *testing.T) {
				s := session(t, nil, func(p *streamtest.Peer) {
					id := p.Expect(stanza.Client, "iq").Attr("id")
					answer := func(from, id, payload string) {
						if from != "" {
							from = "from='" + from + "'"
						}
						p.Send("<iq type='result' id='" + id + "' " + from + "><" + payload + " xmlns='urn:example'/></iq>")
					}
					for _, wrong := range tt.wrong {
						answer(wrong, id, "forged")
					}
					answer(right, "1", "stray")
					answer(right, id, "true")
					answer(right, id, "late")
					farewell(p)
				})
				var to jid.JID
				if tt.to != "" {
					to = jid.MustParse(tt.to)
				}
				el, err := s.Request(t.Context(), ask(to))
				if err != nil || !el.Is("urn:example", "true") {
					t.Errorf("got %v, %v", el, err)
				}
				s.Close(t.Context())
			})
		}
	}
}

// Thousands of requests wait at once, and are given up at once.
func TestRequestsCancelled(t *testing.T) {
	const n = 5000
	var arrived sync.WaitGroup
	arrived.Add(n)
	s := session(t, nil, func(p *streamtest.Peer) {
		for range n {
			p.Expect(stanza.Client, "iq")
			arrived.Done()
		}
		id := p.Expect(stanza.Client, "iq").Attr("id")
		p.Send("<iq type='result' id='" + id + "' from='romeo@example.net/orchard'/>")
		farewell(p)
	})
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	for range n {
		work.Go(func() {
			if _, err := s.Request(ctx, ask(romeo)); err != context.Canceled {
				t.Errorf("given up: %v", err)
			}
		})
	}
	arrived.Wait()
	cancel()
	work.Wait()
	if left := client.Pending(s); left != 0 {
		t.Errorf("%d are remembered", left)
	}
	if _, err := s.Request(t.Context(), ask(romeo)); err != nil {
		t.Errorf("the next: %v", err)
	}
	s.Close(t.Context())
}
