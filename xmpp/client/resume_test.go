package client_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/mux"
	"github.com/comity-iot/comity/xmpp/stanza"
	"github.com/comity-iot/comity/xmpp/stream"
	"github.com/comity-iot/comity/xmpp/stream/streamtest"
)

// back takes a client to where it asks for its session, and checks how much of the server's it has handled.
func back(p *streamtest.Peer, handled string) {
	p.Header(p.Mechanisms()...)
	if !p.Authenticate(accounts) {
		p.Fatalf("login failed")
	}
	p.Header(offersBind, offersSM)
	if el := p.Expect(stream.NSSM, "resume"); el.Attr("previd") != "one" || el.Attr("h") != handled {
		p.Fatalf("got %v, want h='%s'", el, handled)
	}
}

// The bubbles of synctest begin in the year 2000.
const first, later = "2000-01-01T00:00:00.000Z", "2000-01-01T00:00:01.000Z"

const notFound = "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"

// staying keeps a client at servers that follow the scripts, until ctx or the last script ends it.
func staying(t *testing.T, change func(*client.Config), fn func(context.Context, *client.Session) error, scripts ...func(*streamtest.Peer)) error {
	t.Helper()
	n := &network{t: t, scripts: scripts}
	c := n.config()
	c.Mux = new(mux.Mux)
	if change != nil {
		change(&c)
	}
	return client.Stay(t.Context(), c, fn)
}

// XEP-0198#resumption: the session goes on over another connection, where it was. What was sent twice counts once, a request gets
// its answer, and what was sent in between waits.
func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		calls := 0
		var ids [2]string
		err := staying(t, func(c *client.Config) {
			c.Mux.HandleMessage(stanza.Client, "body", func(m *stanza.Stanza) { got = append(got, m.Body()) })
		}, func(ctx context.Context, s *client.Session) error {
			calls++
			for _, body := range []string{"1", "2"} {
				if err := s.Send(ctx, message(body)); err != nil {
					return err
				}
			}
			if _, err := s.Request(ctx, ask(romeo)); err != nil {
				t.Error(err)
			}
			if ctx.Err() != nil || s.Err() != nil {
				t.Errorf("not the same session any more: %v, %v", ctx.Err(), s.Err())
			}
			time.Sleep(time.Second) // for the handlers
			return s.Close(context.Background())
		}, func(p *streamtest.Peer) {
			if el := manage(p, resumable); el.Attr("resume") != "true" {
				p.Fatalf("got %v", el)
			}
			for range 4 { // two messages, a request, and one for an acknowledgement somewhere
				if el := p.Next(); el.Local() == "iq" {
					ids[0] = el.Attr("id")
				}
			}
			p.Send("<message><body>a</body></message><message><body>b</body></message>")
			time.Sleep(time.Second)
		}, func(*streamtest.Peer) {
			// a connection that fails too soon
		}, func(p *streamtest.Peer) {
			back(p, "2")
			p.Send("<resumed xmlns='urn:xmpp:sm:3' h='1' previd='one'/><message><body>c</body></message>")
			expectBody(p, "2")
			iq := p.Expect(stanza.Client, "iq")
			ids[1] = iq.Attr("id")
			p.Expect(stream.NSSM, "r")
			p.Send("<iq type='result' id='" + ids[1] + "' from='" + iq.Attr("to") + "'/>" + requested)
			acknowledge(p, 3)
			awaitAck(p, "4")
			part(p)
		})
		if err != nil || calls != 1 {
			t.Errorf("called %d times: %v", calls, err)
		}
		if !slices.Equal(got, []string{"a", "b", "c"}) || ids[0] != ids[1] {
			t.Errorf("got %q, ids %q", got, ids)
		}
	})
}

// What waits for its handler when the connection is lost has not been acknowledged, and is not handled again when it comes again.
func TestResumeWhileHandling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		release := make(chan struct{})
		err := staying(t, func(c *client.Config) {
			c.Mux.HandleMessage(stanza.Client, "body", func(m *stanza.Stanza) {
				if got = append(got, m.Body()); m.Body() == "b" {
					<-release
				}
			})
		}, func(ctx context.Context, s *client.Session) error {
			time.Sleep(time.Minute)
			close(release)
			time.Sleep(time.Minute)
			return s.Close(context.Background())
		}, func(p *streamtest.Peer) {
			manage(p, resumable)
			p.Send("<message><body>a</body></message><message><body>b</body></message><message><body>c</body></message>")
			p.Send("<iq type='result' id='stray'/>")
			time.Sleep(time.Second)
		}, func(p *streamtest.Peer) {
			back(p, "1")
			p.Send("<resumed xmlns='urn:xmpp:sm:3' h='0' previd='one'/><message><body>b</body></message>")
		}, func(p *streamtest.Peer) {
			back(p, "1")
			p.Send("<resumed xmlns='urn:xmpp:sm:3' h='0' previd='one'/>")
			p.Send("<message><body>b</body></message><message><body>c</body></message>")
			p.Send("<iq type='result' id='stray'/><message><body>d</body></message>" + requested)
			awaitAck(p, "5")
			part(p)
		})
		if err != nil || !slices.Equal(got, []string{"a", "b", "c", "d"}) {
			t.Errorf("got %q: %v", got, err)
		}
	})
}

// Where the server does not know the session any more, a new one begins: with the messages that may be lost. XEP-0198#acking
func TestNotResumed(t *testing.T) {
	for name, tt := range map[string]struct {
		failed string
		again  []string
	}{
		"nothing known":      {"<failed xmlns='urn:xmpp:sm:3'>" + notFound + "</failed>", []string{"2", "3", "4"}},
		"known how much":     {"<failed xmlns='urn:xmpp:sm:3' h='4'>" + notFound + "</failed>", []string{"3", "4"}},
		"known as too much":  {"<failed xmlns='urn:xmpp:sm:3' h='99'>" + notFound + "</failed>", []string{"2", "3", "4"}},
		"no longer possible": {"<failed xmlns='urn:xmpp:sm:3'><feature-not-implemented xmlns='" + stanza.NSErrors + "'/></failed>", []string{"2", "3", "4"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sessions []string
				ids := map[string]string{}
				away := make(chan struct{})
				err := staying(t, nil, func(ctx context.Context, s *client.Session) error {
					sessions = append(sessions, s.JID().Resource())
					if len(sessions) == 2 {
						s.Send(ctx, message("5"))
						return s.Close(context.Background())
					}
					if err := s.SendAcked(ctx, message("1")); err != nil {
						t.Error(err)
					}
					s.Send(ctx, stanza.NewPresence(jid.JID{}, stanza.Available))
					s.Send(ctx, message("2"))
					go func() {
						<-away
						s.Send(ctx, message("3"))
						s.Send(ctx, message("4"))
					}()
					_, err := s.Request(ctx, ask(romeo))
					lost := errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe)
					if !errors.Is(err, client.ErrNotResumed) || !lost || err != s.Err() {
						t.Errorf("request: %v", err)
					}
					return err
				}, func(p *streamtest.Peer) {
					manage(p, resumable)
					expectBody(p, "1")
					p.Expect(stream.NSSM, "r")
					acknowledge(p, 1)
					for range 4 { // presence, message 2, a request, and one for an acknowledgement somewhere
						if el := p.Next(); el.Local() == "message" {
							ids["2"] = el.Attr("id")
						}
					}
					time.Sleep(time.Second)
					p.Conn.Close()
					close(away)
				}, func(p *streamtest.Peer) {
					back(p, "0")
					p.Send(tt.failed)
					p.GiveResource("juliet@im.example.com/two")
					p.Expect(stream.NSSM, "enable")
					p.Send(resumable)
					for _, body := range tt.again {
						m := expectBody(p, body)
						stamp := m.Child("urn:xmpp:delay", "delay").Attr("stamp")
						if stamp != map[string]string{"2": first, "3": later, "4": later}[body] { // when Send took them. XEP-0203, XEP-0082
							p.Fatalf("got %v", m)
						}
						if id := ids[body]; id != "" && id != m.Attr("id") || m.Attr("id") == "" {
							p.Fatalf("id %q is not %q", m.Attr("id"), id)
						}
					}
					for el := p.Next(); ; el = p.Next() {
						if el.Local() == "message" {
							if el.ChildText(stanza.Client, "body") != "5" || el.Child("urn:xmpp:delay", "delay") != nil {
								p.Fatalf("got %v", el)
							}
							break
						}
					}
					part(p)
				})
				if err != nil || !slices.Equal(sessions, []string{"balcony", "two"}) {
					t.Errorf("sessions %q: %v", sessions, err)
				}
			})
		})
	}
}

// What ends a session for good although the server would know it: the end of its stream, in order or not, and whatever shows that one
// of the two has lost count.
func TestNotAskedToResume(t *testing.T) {
	for name, tt := range map[string]struct {
		script func(*streamtest.Peer)
		want   error
	}{
		"closed": {func(p *streamtest.Peer) {
			p.Conn.End()
			p.ExpectGone()
		}, stream.ErrClosed},
		"stream error": {func(p *streamtest.Peer) {
			p.Write((&stream.Error{Condition: stream.SystemShutdown}).Element())
			p.ExpectGone()
		}, stream.SystemShutdown},
		"not XML": {func(p *streamtest.Peer) {
			p.Send("<message></presence>")
			p.ExpectGone()
		}, nil},
		"too high": {func(p *streamtest.Peer) {
			acknowledge(p, 7)
			p.ExpectGone()
		}, nil},
		"too high while resuming": {func(p *streamtest.Peer) {
			time.Sleep(time.Second)
			p.Conn.Close()
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sessions := 0
				second := func(p *streamtest.Peer) {
					manage(p, resumable)
					if m := expectBody(p, "1"); m.Child("urn:xmpp:delay", "delay") == nil {
						p.Fatalf("got %v", m)
					}
					part(p)
				}
				scripts := []func(*streamtest.Peer){func(p *streamtest.Peer) {
					manage(p, resumable)
					expectBody(p, "1")
					p.Expect(stream.NSSM, "r")
					tt.script(p)
				}, second}
				if name == "too high while resuming" {
					scripts = slices.Insert(scripts, 1, func(p *streamtest.Peer) {
						back(p, "0")
						p.Send("<resumed xmlns='urn:xmpp:sm:3' h='7' previd='one'/>")
						p.ExpectError(stream.UndefinedCondition)
					})
				}
				err := staying(t, nil, func(ctx context.Context, s *client.Session) error {
					if sessions++; sessions == 2 {
						return s.Close(context.Background())
					}
					s.Send(ctx, message("1"))
					<-ctx.Done()
					if err := s.Err(); err == nil || tt.want != nil && !errors.Is(err, tt.want) || errors.Is(err, client.ErrNotResumed) {
						t.Errorf("over: %v", err)
					}
					return nil
				}, scripts...)
				if err != nil || sessions != 2 {
					t.Errorf("%d sessions: %v", sessions, err)
				}
			})
		})
	}
}

// A server that answers resume with something else is left, and asked once more.
func TestResumeGarbled(t *testing.T) {
	for name, answer := range map[string]string{
		"another session": "<resumed xmlns='urn:xmpp:sm:3' h='0' previd='two'/>",
		"no number":       "<resumed xmlns='urn:xmpp:sm:3' previd='one'/>",
		"a message":       "<message><body>a</body></message>",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := staying(t, nil, func(ctx context.Context, s *client.Session) error {
					if err := s.SendAcked(ctx, message("1")); err != nil {
						t.Error(err)
					}
					return s.Close(context.Background())
				}, func(p *streamtest.Peer) {
					manage(p, resumable)
					expectBody(p, "1")
				}, func(p *streamtest.Peer) {
					back(p, "0")
					p.Send(answer)
					p.ExpectGone()
				}, func(p *streamtest.Peer) {
					back(p, "0")
					p.Send("<resumed xmlns='urn:xmpp:sm:3' h='0' previd='one'/>")
					expectBody(p, "1")
					acknowledge(p, 1)
					part(p)
				})
				if err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// An account that is not wanted any more ends a session that waits to be resumed, and Stay.
func TestResumeForbidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := staying(t, nil, func(ctx context.Context, s *client.Session) error {
			<-ctx.Done()
			if refused, ok := errors.AsType[*stream.AuthError](s.Err()); !ok || context.Cause(ctx) != error(refused) {
				t.Errorf("over: %v", s.Err())
			}
			return nil
		}, func(p *streamtest.Peer) {
			manage(p, resumable)
			time.Sleep(time.Second)
		}, func(p *streamtest.Peer) {
			p.Header(p.Mechanisms()...)
			p.Expect(stream.NSSASL, "auth")
			p.Write(stream.Failure("account-disabled"))
			p.ExpectEnd()
		})
		if _, ok := errors.AsType[*stream.AuthError](err); !ok {
			t.Error(err)
		}
	})
}

// A session that has no connection takes what there is room for. When it is closed, it is given the time of any farewell to get that
// to the server.
func TestAwayAndClosed(t *testing.T) {
	for name, returns := range map[string]bool{"comes back": true, "stays away": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				arrived := false
				gone := func(p *streamtest.Peer) {}
				scripts := []func(*streamtest.Peer){func(p *streamtest.Peer) {
					manage(p, resumable)
					time.Sleep(time.Second)
				}, gone}
				if returns {
					scripts = append(scripts, func(p *streamtest.Peer) {
						back(p, "0")
						p.Send("<resumed xmlns='urn:xmpp:sm:3' h='0' previd='one'/>")
						expectBody(p, "1")
						expectBody(p, "2")
						arrived = true
						part(p)
					})
				}
				err := staying(t, func(c *client.Config) { c.Queue = 2 }, func(ctx context.Context, s *client.Session) error {
					time.Sleep(time.Second)
					synctest.Wait()
					for _, body := range []string{"1", "2"} {
						if err := s.Send(ctx, message(body)); err != nil {
							t.Error(err)
						}
					}
					short, cancel := context.WithTimeout(ctx, time.Millisecond)
					defer cancel()
					if err := s.Send(short, message("3")); err != context.DeadlineExceeded {
						t.Errorf("full: %v", err)
					}
					began := time.Now()
					if err := s.Close(context.Background()); err != nil {
						t.Error(err)
					}
					if took := time.Since(began); took > 5*time.Second {
						t.Errorf("took %v", took)
					}
					return nil
				}, scripts...)
				if err != nil || arrived != returns {
					t.Errorf("arrived %v, %v", arrived, err)
				}
			})
		})
	}
}

// XEP-0198#enable: a session whose server does not let it be resumed ends with its connection, and leaves its messages to the next.
func TestNotResumable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		err := staying(t, nil, func(ctx context.Context, s *client.Session) error {
			if calls++; calls == 1 {
				s.Send(ctx, message("1"))
				<-ctx.Done()
				return nil
			}
			if err := s.Flush(ctx); err != nil {
				t.Error(err)
			}
			return s.Close(context.Background())
		}, func(p *streamtest.Peer) {
			manage(p, "<enabled xmlns='urn:xmpp:sm:3' id='one'/>")
			expectBody(p, "1")
			p.Expect(stream.NSSM, "r")
		}, func(p *streamtest.Peer) {
			manage(p, enabled)
			expectBody(p, "1")
			p.Expect(stream.NSSM, "r")
			acknowledge(p, 1)
			part(p)
		})
		if err != nil || calls != 2 {
			t.Errorf("%d calls: %v", calls, err)
		}
	})
}
