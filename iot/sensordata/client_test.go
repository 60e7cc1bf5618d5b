package sensordata

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/iot"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/xmlstream"
)

var (
	thing  = jid.MustParse("device@example.org/r")
	client = jid.MustParse("client@example.org/amr")
)

// session is a client's, with a thing at its other end.
type session struct {
	t *testing.T
	// answer answers requests; nil never does.
	answer func(s *session, iq *stanza.IQ) (*xmlstream.Element, error)

	mu       sync.Mutex
	handlers map[xmlstream.Name]func(*stanza.Stanza)
	sent     []string // payloads of requests
	types    []stanza.Type
}

func (s *session) Request(ctx context.Context, iq *stanza.IQ) (*xmlstream.Element, error) {
	s.mu.Lock()
	s.sent = append(s.sent, iq.Payload.String())
	s.types = append(s.types, iq.Type)
	s.mu.Unlock()
	if iq.Payload.Local() == elemCancel {
		return nil, nil
	}
	if s.answer == nil {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return s.answer(s, iq)
}

func (s *session) HandleMessage(space, local string, fn func(*stanza.Stanza)) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handlers == nil {
		s.handlers = make(map[xmlstream.Name]func(*stanza.Stanza))
	}
	name := xmlstream.Name{Space: space, Local: local}
	s.handlers[name] = fn
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.handlers, name)
	}
}

// message delivers a message as the session's reader would.
func (s *session) message(from jid.JID, payload string) {
	s.deliver(&stanza.Stanza{Kind: stanza.Message, Type: stanza.Normal, From: from, Content: xmlstream.NewContent(element(s.t, payload))})
}

func (s *session) deliver(m *stanza.Stanza) {
	s.mu.Lock()
	var fn func(*stanza.Stanza)
	for name, h := range s.handlers {
		if m.Child(name.Space, name.Local) != nil {
			fn = h
		}
	}
	s.mu.Unlock()
	if fn != nil {
		fn(m)
	}
}

// data returns an element of data in a generation; attrs are on its root.
func data(g iot.Generation, name, attrs string) string {
	if g == iot.XSF {
		return "<fields xmlns='urn:xmpp:iot:sensordata' seqnr='7' " + attrs + "><node nodeId='n'><timestamp value='2013-03-07T16:24:30'>" +
			"<numeric name='" + name + "' value='23.4' unit='°C' momentary='true'/></timestamp></node></fields>"
	}
	return "<resp xmlns='" + Family.NS(g) + "' id='7' " + attrs + "><nd id='n'><ts v='2013-03-07T16:24:30'><q n='" + name + "' v='23.4' m='true'/></ts></nd></resp>"
}

func last(g iot.Generation, name string) string {
	if g == iot.XSF {
		return data(g, name, "done='true'")
	}
	return data(g, name, "")
}

func part(g iot.Generation, name string) string {
	if g == iot.XSF {
		return data(g, name, "")
	}
	return data(g, name, "more='true'")
}

func state(g iot.Generation, s string) string {
	return fmt.Sprintf("<%s xmlns='%s' %s='7'/>", s, Family.NS(g), namesOf(g).id)
}

func read(s *session, g iot.Generation) (names []string, err error) {
	report, err := Read(s.t.Context(), s, thing, Request{Generation: g, ID: "7", Categories: iot.Momentary})
	for sample := range report.Samples() {
		names = append(names, sample.Name)
	}
	return names, err
}

// XEP-0323#usecases, and Request/Response, "Responses": the ways to answer.
func TestRead(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(g iot.Generation, s *session) string // the result of the request
		want   string
	}{
		{"data at once", func(g iot.Generation, s *session) string { return last(g, "A") }, "[A]"},
		{"accepted, then data", func(g iot.Generation, s *session) string {
			go s.message(thing, last(g, "A"))
			return state(g, "accepted")
		}, "[A]"},
		{"started, then data in parts", func(g iot.Generation, s *session) string {
			go func() {
				s.message(thing, part(g, "A"))
				s.message(thing, last(g, "B"))
			}()
			return state(g, "started")
		}, "[A B]"},
		{"queued, started and done after an hour", func(g iot.Generation, s *session) string {
			go func() {
				time.Sleep(time.Hour)
				s.message(thing, state(g, "started"))
				s.message(thing, part(g, "A"))
				time.Sleep(time.Second)
				s.message(thing, state(g, "done"))
			}()
			return state(g, "accepted queued='true'")
		}, "[A]"},
		{"data in the result and in messages", func(g iot.Generation, s *session) string {
			go func() {
				time.Sleep(time.Second)
				s.message(thing, last(g, "B"))
			}()
			return part(g, "A")
		}, "[A B]"},
		{"the last data seen before the result with the first", func(g iot.Generation, s *session) string {
			s.message(thing, last(g, "B"))
			time.Sleep(resultWait / 2)
			return part(g, "A")
		}, "[B A]"},
		{"cancelled", func(g iot.Generation, s *session) string {
			return state(iot.XSF, "cancelled")
		}, "[] recipient-unavailable: the request was cancelled"},
		{"data before the result", func(g iot.Generation, s *session) string {
			s.message(thing, last(g, "A"))
			return state(g, "accepted")
		}, "[A]"},
		{"an empty result", func(g iot.Generation, s *session) string {
			go s.message(thing, last(g, "A"))
			return ""
		}, "[A]"},
		{"data of others between", func(g iot.Generation, s *session) string {
			go func() {
				s.message(jid.MustParse("mallory@example.org/r"), last(g, "X"))
				s.message(thing.Bare(), last(g, "X"))
				s.message(thing, strings.Replace(last(g, "X"), "='7'", "='8'", 1))
				s.message(thing, part(g, "A"))
				s.deliver(&stanza.Stanza{Kind: stanza.Message, Type: stanza.ErrorType, From: thing, Content: xmlstream.NewContent(element(s.t, last(g, "X")))})
				s.message(thing, last(g, "B"))
			}()
			return state(g, "accepted")
		}, "[A B]"},
		{"more than was asked for", func(g iot.Generation, s *session) string {
			return strings.Replace(strings.Replace(last(g, "A"), "momentary", "peak", 1), "m='true'", "p='true'", 1)
		}, "[]"},
	} {
		for _, g := range generations {
			t.Run(c.name+" in "+g.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := &session{t: t, answer: func(s *session, iq *stanza.IQ) (*xmlstream.Element, error) {
						if text := c.answer(g, s); text != "" {
							return element(t, text), nil
						}
						return nil, nil
					}}
					names, err := read(s, g)
					got := fmt.Sprint(names)
					if err != nil {
						got += " " + err.Error()
					}
					if got != c.want {
						t.Errorf("read %s, want %s", got, c.want)
					}
					if len(s.handlers) != 0 {
						t.Error("handlers are left")
					}
					if len(s.sent) != 1 || s.types[0] != stanza.Get {
						t.Errorf("sent %s", s.sent)
					}
				})
			})
		}
	}
}

// A thing that answers with data only, and never to the request itself. XEP-0323#usecases
func TestReadWithoutResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &session{t: t}
		go func() {
			synctest.Wait()
			s.message(thing, last(iot.XSF, "A"))
		}()
		if got, err := read(s, iot.XSF); err != nil || len(got) != 1 {
			t.Errorf("read %v, %v", got, err)
		}
	})
}

func TestReadFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &session{t: t, answer: func(s *session, _ *stanza.IQ) (*xmlstream.Element, error) {
			go func() {
				s.message(thing, part(iot.XSF, "A"))
				s.message(thing, `<failure xmlns='urn:xmpp:iot:sensordata' seqnr='7'><error nodeId='a' timestamp='2013-03-07T17:13:30'>Timeout.</error></failure>`)
				s.message(thing, `<failure xmlns='urn:xmpp:iot:sensordata' seqnr='7' done='true'><error nodeId='b' timestamp='soon'>Broken.</error></failure>`)
			}()
			return element(t, state(iot.XSF, "accepted")), nil
		}}
		report, err := Read(t.Context(), s, thing, Request{Generation: iot.XSF, ID: "7"})
		var texts []string
		for f := range report.Faults() {
			texts = append(texts, f.Node.ID+" "+f.Text)
		}
		if err != nil || report.Len() != 3 || fmt.Sprint(texts) != "[a Timeout. b Broken.]" {
			t.Errorf("%+v, %v", report, err)
		}
	})
}

func TestReadRejected(t *testing.T) {
	s := &session{t: t, answer: func(*session, *stanza.IQ) (*xmlstream.Element, error) { return nil, stanza.Forbidden }}
	if _, err := read(s, iot.NF); !errors.Is(err, stanza.Forbidden) {
		t.Errorf("%v", err)
	}
	if len(s.sent) != 1 {
		t.Errorf("what is rejected was cancelled: %s", s.sent)
	}
}

// Partial results stay, and the thing is told that nobody waits any more.
func TestReadEndsEarly(t *testing.T) {
	never := func(first string) func(*session, *stanza.IQ) (*xmlstream.Element, error) {
		return func(s *session, _ *stanza.IQ) (*xmlstream.Element, error) { return element(s.t, first), nil }
	}
	for _, c := range []struct {
		name   string
		answer func(*session, *stanza.IQ) (*xmlstream.Element, error)
		wait   time.Duration // until the context ends; 0 for never
		want   error
		names  int
	}{
		{"the context ends", never(part(iot.NF, "A")), 5 * time.Second, context.DeadlineExceeded, 1},
		{"the thing falls silent", never(part(iot.NF, "A")), 0, stanza.RemoteServerTimeout, 1},
		{"the thing says nothing at all", nil, 0, stanza.RemoteServerTimeout, 0},
		{"a queued request is never begun", never(state(iot.NF, "accepted queued='true'")), 48 * time.Hour, context.DeadlineExceeded, 0},
		{"the thing sends what nobody can read", never(`<resp xmlns='urn:nf:iot:sd:1.0' id='7'><ts v='now'/></resp>`), 0, stanza.BadRequest, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if c.wait > 0 {
					var stop context.CancelFunc
					ctx, stop = context.WithTimeout(ctx, c.wait)
					defer stop()
				}
				s := &session{t: t, answer: c.answer}
				report, err := Read(ctx, s, thing, Request{Generation: iot.NF, ID: "7"})
				if !errors.Is(err, c.want) || report.Len() != c.names {
					t.Errorf("%+v, %v", report, err)
				}
				if len(s.sent) != 2 || s.sent[1] != `<cancel xmlns='urn:nf:iot:sd:1.0' id='7'/>` || s.types[1] != stanza.Set {
					t.Errorf("sent %s", s.sent)
				}
			})
		})
	}
}

func TestFollowIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &session{t: t, answer: func(s *session, _ *stanza.IQ) (*xmlstream.Element, error) {
			return element(s.t, part(iot.XSF, "A")), nil
		}}
		for report, err := range Follow(t.Context(), s, thing, Request{Generation: iot.XSF, ID: "7"}) {
			if err != nil || report.Len() != 1 {
				t.Errorf("%+v, %v", report, err)
			}
			break
		}
		if len(s.sent) != 2 || s.sent[1] != `<cancel xmlns='urn:xmpp:iot:sensordata' seqnr='7'/>` || s.types[1] != stanza.Get {
			t.Errorf("sent %s", s.sent)
		}
	})
}

// What a thing sends faster than it is taken is bounded, as is a report.
func TestReadIsBounded(t *testing.T) {
	b := newInbox(thing, "7", iot.NF)
	for range maxWaiting + 1 {
		b.element(element(t, state(iot.NF, "started")))
	}
	b.element(element(t, last(iot.NF, "A")))
	if updates, err := b.take(); len(updates) != maxWaiting || !errors.Is(err, stanza.ResourceConstraint) {
		t.Errorf("%d wait, %v", len(updates), err)
	}
	synctest.Test(t, func(t *testing.T) {
		big := "<resp xmlns='urn:nf:iot:sd:1.0' id='7' more='true'><ts v='2013-03-07T16:24:30'>" + strings.Repeat("<err/>", MaxReadings/2) + "</ts></resp>"
		s := &session{t: t, answer: func(s *session, _ *stanza.IQ) (*xmlstream.Element, error) {
			go func() {
				for range MaxReport/MaxReadings*2 + 1 {
					s.message(thing, big)
					synctest.Wait()
				}
			}()
			return nil, nil
		}}
		report, err := Read(t.Context(), s, thing, Request{Generation: iot.NF, ID: "7"})
		if !errors.Is(err, stanza.ResourceConstraint) || report.Len() != MaxReport {
			t.Errorf("%d, %v", report.Len(), err)
		}
	})
}

func TestNewID(t *testing.T) {
	for _, g := range generations {
		r := Request{Generation: g, ID: newID(g)}
		if _, err := ParseRequest(r.Element()); err != nil || r.ID == newID(g) {
			t.Errorf("%s: %q, %v", g, r.ID, err)
		}
	}
	s := &session{t: t, answer: func(_ *session, iq *stanza.IQ) (*xmlstream.Element, error) {
		r, err := ParseRequest(iq.Payload)
		if err != nil || r.Generation != iot.IEEE {
			t.Errorf("%s, %v", iq.Payload, err)
		}
		return (&Update{ID: r.ID, State: Done}).Elements(r.Generation, false)[0], nil
	}}
	if report, err := Read(t.Context(), s, thing, Request{}); err != nil || report.Len() != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}
