package bench

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/transport"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

const (
	nsPing = "urn:xmpp:ping" // XEP-0199
	nsSM   = "urn:xmpp:sm:3" // XEP-0198
)

// session is one client. It is leaner than package client's: under load a stanza that comes is not copied, and what is sent is
// written at once by who sends it.
type session struct {
	conn      *transport.TCP
	jid       jid.JID
	features  *xmlstream.Element
	mechanism string

	hot atomic.Pointer[handler] // sees what comes before the usual treatment

	// Of the reader alone.
	asked   bool   // XEP-0198 was asked for, and the answer has come
	acking  bool   // it was granted
	handled uint32 // stanzas, where acking

	mu sync.Mutex // one writer at a time

	waitMu  sync.Mutex
	lastID  int
	waiting map[string]chan *stanza.Stanza // answers by the id of the request
}

// arrival is the start tag of a stanza that has come.
type arrival struct {
	kind          string // "message", "presence", "iq"
	from, id, typ string
}

// handler takes a stanza; if it does not, the usual happens. The error ends the scenario.
type handler func(*arrival) (taken bool, err error)

func (s *session) setHot(h handler) { s.hot.Store(&h) }

func (s *session) write(items ...xmlstream.Appender) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn.Write(items...)
}

// step reads and treats one element.
func (s *session) step() error {
	kind, err := s.conn.Next()
	if err != nil {
		return err
	}
	if kind == xmlstream.End {
		return stream.ErrClosed
	}
	t := s.conn.Tokens()
	switch name := t.Name(); name.Space {
	case stanza.Client:
		s.handled++
		a := arrival{kind: name.Local}
		for attr := range t.Attrs() {
			switch attr.Name {
			case xmlstream.Name{Local: "from"}:
				a.from = attr.Value
			case xmlstream.Name{Local: "id"}:
				a.id = attr.Value
			case xmlstream.Name{Local: "type"}:
				a.typ = attr.Value
			}
		}
		if h := s.hot.Load(); h != nil {
			if taken, err := (*h)(&a); taken || err != nil {
				return err
			}
		}
		return s.usual(&a)
	case nsSM:
		return s.manage(name.Local)
	case stream.NS:
		return stream.ParseError(t.Element())
	}
	return nil
}

// usual is what a polite client does: it answers requests, lets everybody subscribe to its presence, and gives answers to who waits.
func (s *session) usual(a *arrival) error {
	switch {
	case a.kind == "iq" && (a.typ == "result" || a.typ == "error"):
		s.waitMu.Lock()
		ch := s.waiting[a.id]
		delete(s.waiting, a.id)
		s.waitMu.Unlock()
		if ch == nil {
			return nil
		}
		answer, _, err := stanza.Read(s.conn.Tokens())
		if err != nil {
			return err
		}
		ch <- answer
	case a.kind == "iq":
		request, _, err := stanza.Read(s.conn.Tokens())
		if err != nil {
			return err
		}
		if request.Content.Has(nsPing, "ping") || request.Content.Has(nsRoster, "query") {
			return s.write(request.Reply(nil))
		}
		return s.write(request.Bounce(stanza.ServiceUnavailable))
	case a.kind == "presence" && a.typ == "subscribe":
		from, err := jid.Parse(a.from)
		if err != nil {
			return err
		}
		return s.write(stanza.NewPresence(from.Bare().Clone(), stanza.Subscribed))
	case a.kind == "message" && a.typ == "error":
		bounced, _, err := stanza.Read(s.conn.Tokens())
		if err != nil {
			return err
		}
		return fmt.Errorf("a message came back: %w", stanza.ParseError(bounced.Child(stanza.Client, "error")))
	}
	return nil
}

// manage obeys XEP-0198.
func (s *session) manage(local string) error {
	switch local {
	case "enabled":
		s.asked, s.acking, s.handled = true, true, 0
	case "failed":
		s.asked = true
	case "r":
		return s.write(xmlstream.New(nsSM, "a", xmlstream.A("h", strconv.FormatUint(uint64(s.handled), 10))))
	}
	return nil
}

// until reads until something is so, for as long as there is no reader.
func (s *session) until(ctx context.Context, so func() bool) error {
	stop := context.AfterFunc(ctx, func() { s.conn.Close() })
	defer stop()
	for !so() {
		if err := s.step(); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err
		}
	}
	return nil
}

// enter becomes available and waits until the server has seen to that: until it answers a ping that was sent behind the presence.
// XEP-0198 is turned on before, if wanted and offered; offered says whether it was.
func (s *session) enter(ctx context.Context, sm bool) (offered bool, err error) {
	if sm && s.features.Child(nsSM, "sm") != nil {
		if err := s.write(xmlstream.New(nsSM, "enable", xmlstream.A("resume", "true"))); err != nil {
			return false, err
		}
		if err := s.until(ctx, func() bool { return s.asked }); err != nil {
			return false, err
		}
	}
	id, answer := s.expect()
	ping := &stanza.IQ{Type: stanza.Get, ID: id, To: s.jid.DomainJID(), Payload: xmlstream.New(nsPing, "ping")}
	if err := s.write(stanza.NewPresence(jid.JID{}, stanza.Available), ping.Stanza()); err != nil {
		return false, err
	}
	return s.acking, s.until(ctx, func() bool { return len(answer) > 0 })
}

// expect returns the id for a request, and where its answer will be.
func (s *session) expect() (string, <-chan *stanza.Stanza) {
	s.waitMu.Lock()
	defer s.waitMu.Unlock()
	if s.waiting == nil {
		s.waiting = map[string]chan *stanza.Stanza{}
	}
	s.lastID++
	id := "q" + strconv.Itoa(s.lastID)
	ch := make(chan *stanza.Stanza, 1)
	s.waiting[id] = ch
	return id, ch
}

// Request implements stanza.Requester, for as long as there is a reader.
func (s *session) Request(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	request := iq.Stanza()
	id, ch := s.expect()
	request.ID = id
	if err := s.write(request); err != nil {
		return nil, err
	}
	select {
	case answer := <-ch:
		if answer.Type == stanza.ErrorType {
			return nil, stanza.ParseError(answer.Child(stanza.Client, "error"))
		}
		result, err := answer.IQ()
		if err != nil {
			return nil, err
		}
		return result.Payload, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
